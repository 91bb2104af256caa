"""The key on every call: renewed once however many want it, and sent to its API alone."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx2
import msgspec
import pytest
from tests.client.person import app, user
from tests.installation import CHIRP
from tests.live import Live
from tests.rows import row

from valetkey.client import App, Key, KeyStopped, MemoryStore, Tokens, raise_for_refusal


class Counting(MemoryStore):
    """Counts what is stored."""

    saved = 0

    def save(self, tokens: Tokens | None) -> None:
        self.saved += 1
        super().save(tokens)


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def key(server: Live, no_grants: None, store: Counting) -> Iterator[Key]:
    one = Key(app(server), store)
    one.connect(open_browser=user(server.browser()), seconds=20)
    store.saved = 0
    yield one
    one.close()


def spoil(key: Key, store: Counting, **changes: Any) -> Tokens:
    """The stored key with an access token that the API refuses."""
    tokens = key.tokens
    assert tokens is not None
    spoilt = msgspec.structs.replace(tokens, access_token="spoilt", **changes)
    store.save(spoilt)
    store.saved = 0
    return spoilt


def at_once(call: Callable[[], object], threads: int = 8) -> None:
    started = [threading.Thread(target=call) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def test_a_good_key_is_left_as_it_is(key: Key, store: Counting) -> None:
    with httpx2.Client(auth=key.auth()) as api:
        assert api.get(key.about.userinfo_endpoint).status_code == 200
    assert store.saved == 0


def test_a_refresh_is_made_once_however_many_want_it(key: Key, store: Counting) -> None:
    tokens = key.tokens
    renewed: list[str] = []
    at_once(lambda: renewed.append(key.refresh(tokens).access_token))
    assert len(set(renewed)) == 1
    assert store.saved == 1


def test_a_refused_token_is_renewed_once_however_many_were_refused(
    key: Key, store: Counting
) -> None:
    spoil(key, store)
    statuses: list[int] = []
    barrier = threading.Barrier(8)

    def call() -> None:
        with httpx2.Client(auth=key.auth()) as api:
            barrier.wait()
            statuses.append(api.get(key.about.userinfo_endpoint).status_code)

    at_once(call)
    assert statuses == [200] * 8
    assert store.saved == 1


def test_a_key_is_renewed_before_it_ends(key: Key, store: Counting) -> None:
    spoil(key, store, expires=1)
    headers: list[str] = []

    def note(request: httpx2.Request) -> None:
        headers.append(request.headers["Authorization"])

    with httpx2.Client(auth=key.auth(), event_hooks={"request": [note]}) as api:
        assert api.get(key.about.userinfo_endpoint).status_code == 200
    assert "Bearer spoilt" not in headers
    assert store.saved == 1


def test_tasks_share_one_renewal(key: Key, store: Counting) -> None:
    spoil(key, store)
    statuses: list[int] = []

    async def calls() -> None:
        async def call() -> None:
            statuses.append((await api.get(key.about.userinfo_endpoint)).status_code)

        async with httpx2.AsyncClient(auth=key.auth()) as api, anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(call)

    anyio.run(calls)
    assert statuses == [200] * 20
    assert store.saved == 1


def test_a_body_is_sent_again(key: Key, store: Counting) -> None:
    spoil(key, store)
    with httpx2.Client(auth=key.auth()) as api:
        response = api.post(key.about.userinfo_endpoint, content=b"a body")
    assert response.status_code == 200


def test_a_stream_cannot_be_sent_again_but_the_next_call_is_good(key: Key, store: Counting) -> None:
    spoil(key, store)

    def chunks() -> Iterator[bytes]:
        yield b"a body"

    with httpx2.Client(auth=key.auth()) as api:
        assert api.post(key.about.userinfo_endpoint, content=chunks()).status_code == 401
        assert api.post(key.about.userinfo_endpoint, content=chunks()).status_code == 200
    assert store.saved == 1


def test_an_async_stream_cannot_be_sent_again(key: Key, store: Counting) -> None:
    spoil(key, store)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"a body"

    async def calls() -> list[int]:
        async with httpx2.AsyncClient(auth=key.auth()) as api:
            address = key.about.userinfo_endpoint
            return [(await api.post(address, content=chunks())).status_code for _ in range(2)]

    assert anyio.run(calls) == [401, 200]


def test_a_dead_key_is_told_at_the_call(server: Live, key: Key, store: Counting) -> None:
    tokens = spoil(key, store)
    form = {"token": tokens.refresh_token, "client_id": "stefapp"}
    assert server.http.post("/revoke", data=form).status_code == 200
    with httpx2.Client(auth=key.auth()) as api, pytest.raises(KeyStopped):
        api.get(key.about.userinfo_endpoint)
    # A paused key looks the same, and may go on later.
    assert key.tokens == tokens


def test_a_key_without_a_successor_ends_with_its_token(key: Key, store: Counting) -> None:
    spoil(key, store, refresh_token="")
    with httpx2.Client(auth=key.auth()) as api, pytest.raises(KeyStopped, match="renewed"):
        api.get(key.about.userinfo_endpoint)


OTHER_API = [
    row("6750 5.3", "plain http", "", "http://api.example/chirps", "https only"),
    row("8707 2", "another host", CHIRP, "https://evil.example/chirps", "only"),
    row("8707 2", "another port", CHIRP, f"{CHIRP}:8443/chirps", "only"),
    row("8707 2", "a host that begins alike", CHIRP, f"{CHIRP}.evil.example/chirps", "only"),
    row("8707 2", "the API as the user", CHIRP, f"{CHIRP}@evil.example/chirps", "only"),
]


@pytest.mark.parametrize("resource,address,why", OTHER_API)
def test_the_key_is_sent_nowhere_else(resource: str, address: str, why: str) -> None:
    bound_token = App(issuer="https://id.example", client_id="stefapp", scope=(), resource=resource)
    store = MemoryStore()
    store.save(Tokens(access_token="a token"))
    key = Key(bound_token, store)
    with httpx2.Client(auth=key.auth()) as api, pytest.raises(ValueError, match=why):
        api.get(address)
    key.close()


@pytest.mark.parametrize(
    "status,challenge",
    [
        row("6750 3", "allowed", 200, ""),
        row("6750 3", "not found", 404, ""),
        row("6750 3", "forbidden for another reason", 403, ""),
        row("6750 3", "another scheme's challenge", 403, 'Basic realm="x"'),
        row("6750 3", "a challenge without a refusal", 200, 'Bearer error="insufficient_scope"'),
    ],
)
def test_what_is_no_refusal_is_the_callers_to_judge(status: int, challenge: str) -> None:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    response = httpx2.Response(status, headers=headers)
    assert raise_for_refusal(response) is response
