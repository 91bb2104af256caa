"""The SDK in tasks: the same body as in threads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client.person import app, user
from tests.client.serving import Serving, serving
from tests.live import Live

from valetkey.client import (
    Aborted,
    App,
    AsyncKey,
    AsyncMachine,
    Denied,
    FileStore,
    KeyStopped,
    MemoryStore,
    Partial,
    ServerUnavailable,
    Tokens,
    TokenStore,
)

TOKENS = Tokens(access_token="a token", refresh_token="its successor's", scope=("a",))
GOOD = b'{"access_token":"another","token_type":"Bearer","expires_in":60}'


@asynccontextmanager
async def key_of(app: App, store: TokenStore | None = None) -> AsyncIterator[AsyncKey]:
    key = AsyncKey(app, store or MemoryStore())
    try:
        yield key
    finally:
        await key.aclose()


def test_a_key_with_the_users_yes(server: Live, no_grants: None) -> None:
    async def story() -> None:
        browser = server.browser()
        async with key_of(app(server)) as key:
            left = user(browser, leave_out={"chirps.write"})
            match await key.connect(open_browser=left, seconds=20):
                case Partial() as yes:
                    assert yes.missing == {"chirps"}
                case _:
                    pytest.fail("something was left out")
            assert (await key.userinfo())["sub"] == yes.sub
            wider = await key.upgrade({"chirps.write"}, open_browser=user(browser), seconds=20)
            assert "chirps.write" in wider.granted
            assert (await key.refresh()).access_token != wider.tokens.access_token
            async with httpx2.AsyncClient(auth=key.auth()) as api:
                there = (await key.about()).userinfo_endpoint
                assert (await api.get(there)).status_code == 200
            await key.revoke()
            assert await key.tokens() is None

    asyncio.run(story())


def test_a_no_is_an_error(server: Live, no_grants: None) -> None:
    async def story() -> None:
        async with key_of(app(server)) as key:
            with pytest.raises(Denied):
                await key.connect(open_browser=user(server.browser(), button="cancel"), seconds=20)
            with pytest.raises(Aborted, match="nobody"):
                await key.connect(open_browser=lambda _: None, seconds=0.05)
            assert await key.tokens() is None

    asyncio.run(story())


@pytest.fixture
def peer() -> Iterator[Serving]:
    with serving() as one:
        one.replies["/token"] = (200, GOOD)
        yield one


def running(
    peer: Serving, store: TokenStore, story: Callable[[AsyncKey], Coroutine[Any, Any, None]]
) -> None:
    async def run() -> None:
        async with key_of(App(issuer=peer.url, client_id="x", scope=("a",)), store) as key:
            await story(key)

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_hundred_tasks_share_one_renewal(peer: Serving, kind: str, tmp_path: Path) -> None:
    """More than there are threads for what blocks."""
    store: TokenStore = MemoryStore() if kind == "memory" else FileStore(tmp_path / "key")
    store.save(TOKENS)

    async def story(key: AsyncKey) -> None:
        renewed = await asyncio.gather(*[key.refresh(TOKENS) for _ in range(100)])
        assert {one.access_token for one in renewed} == {"another"}

    running(peer, store, story)
    assert peer.paths().count("/token") == 1


def test_a_task_that_is_cancelled_leaves_no_lock(peer: Serving, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "key")
    store.save(TOKENS)

    async def story(key: AsyncKey) -> None:
        await key.about()
        for steps in range(40):
            task = asyncio.create_task(key.refresh())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        let_go = store.take()
        assert let_go is not None
        let_go()
        assert (await key.refresh()).access_token == "another"

    running(peer, store, story)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key", "key.lock"]


def test_a_sign_in_that_is_cancelled_listens_no_more(server: Live, no_grants: None) -> None:
    async def story() -> None:
        opened, loop = asyncio.Event(), asyncio.get_running_loop()

        def open_browser(address: str) -> None:
            loop.call_soon_threadsafe(opened.set)

        async with key_of(app(server)) as key:
            task = asyncio.create_task(key.connect(open_browser=open_browser))
            await opened.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(story())


def test_a_server_that_is_away_costs_no_key(peer: Serving) -> None:
    store = MemoryStore()
    store.save(TOKENS)
    peer.stop()

    async def story(key: AsyncKey) -> None:
        with pytest.raises(ServerUnavailable, match="does not answer"):
            await key.refresh()

    running(peer, store, story)
    assert store.load() == TOKENS


def test_an_answer_without_end(peer: Serving) -> None:
    store = MemoryStore()
    store.save(TOKENS)
    peer.replies["/token"] = (200, b" " * 300_000 + GOOD)

    async def story(key: AsyncKey) -> None:
        with pytest.raises(ServerUnavailable, match="end"):
            await key.refresh()

    running(peer, store, story)


def test_a_key_that_was_stopped(peer: Serving) -> None:
    store, answer = MemoryStore(), list[str]()
    store.save(TOKENS)
    peer.replies["/token"] = (400, b'{"error":"invalid_grant"}')

    async def story(key: AsyncKey) -> None:
        key.flows.key_changed = lambda change: answer.append(change.reason)
        with pytest.raises(KeyStopped):
            await key.refresh()

    running(peer, store, story)
    assert answer == ["stopped"]


def test_a_program_acts_for_itself(peer: Serving) -> None:
    app = App(issuer=peer.url, client_id="m", secret="s" * 40, scope=("a",))

    async def story() -> None:
        machine = AsyncMachine(app)
        tokens = await asyncio.gather(*[machine.access_token() for _ in range(50)])
        assert set(tokens) == {"another"}
        await machine.aclose()

    asyncio.run(story())
    assert peer.paths().count("/token") == 1
