"""The grant behind a key, as an app meets it: interrupted and back, with an end, made smaller."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.attacks.play import change, every, find
from tests.client.person import app, user
from tests.client.serving import METADATA, Serving
from tests.installation import SECRETS
from tests.live import Live, caught_up
from tests.rows import row

from valetkey.client import (
    Aborted,
    AccountDisabled,
    App,
    AppSuspended,
    AsyncKey,
    Key,
    KeyChange,
    KeyInterrupted,
    KeyPaused,
    KeyStopped,
    KeySuspended,
    Machine,
    MemoryStore,
    Tokens,
)
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import limits
from valetkey.server.model.user import User

TOKENS = Tokens(access_token="a token", refresh_token="its successor's", scope=("a", "b"))
GOOD = b'{"access_token":"another","token_type":"Bearer","grant_expires_at":1900000000}'


@pytest.fixture
def serving() -> Iterator[Serving]:
    one = Serving()
    yield one
    one.stop()


@pytest.fixture
def store() -> MemoryStore:
    one = MemoryStore()
    one.save(TOKENS)
    return one


def at(serving: Serving, store: MemoryStore, **fields: Any) -> Key:
    return Key(App(issuer=serving.url, client_id="stefapp", scope=("a", "b")), store, **fields)


def refusal(**members: str) -> tuple[int, bytes]:
    return 400, msgspec.json.encode({"error": "invalid_grant"} | members)


REASONS = [
    row("RFC 6749 5.2", "paused", "paused", KeyPaused, "paused"),
    row("RFC 6749 5.2", "app suspended", "app_suspended", AppSuspended, "app_suspended"),
    row("RFC 6749 5.2", "shards suspended", "key_suspended", KeySuspended, "suspended"),
    row(
        "RFC 6749 5.2", "account disabled", "account_disabled", AccountDisabled, "account_disabled"
    ),
    row("RFC 6749 5.2", "a word that is not known here", "x", KeyStopped, "stopped"),
    row("RFC 6749 5.2", "no word", "", KeyStopped, "stopped"),
]


@pytest.mark.parametrize("reason,error,change", REASONS)
def test_a_refusal_that_passes_says_so_and_costs_no_key(
    serving: Serving, store: MemoryStore, reason: str, error: type[KeyStopped], change: str
) -> None:
    serving.replies["/token"] = refusal(**({"reason": reason} if reason else {}))
    answer: list[KeyChange] = []
    key = at(serving, store)
    key.key_changed = answer.append
    with pytest.raises(KeyStopped) as raised:
        key.refresh()
    assert type(raised.value) is error
    passes = isinstance(raised.value, KeyInterrupted)
    assert passes == (error is not KeyStopped)
    if isinstance(raised.value, KeyInterrupted):
        assert raised.value.reason == reason
    assert [one.reason for one in answer] == [change]
    assert store.load() == TOKENS
    key.close()


def test_it_waits_until_the_key_opens_again(serving: Serving, store: MemoryStore) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        serving.replies["/token"] = (
            (503, b"")
            if len(waited) == 1
            else refusal(reason="paused")
            if len(waited) < 4
            else (200, GOOD)
        )

    serving.replies["/token"] = refusal(reason="paused")
    key = at(serving, store, sleep=sleep)
    fresh = key.wait(seconds=600)
    assert (fresh.access_token, fresh.grant_expires_at) == ("another", 1900000000)
    assert waited == [5.0, 10.0, 20.0, 40.0]
    key.close()


def test_it_waits_no_longer_than_it_is_told(serving: Serving, store: MemoryStore) -> None:
    waited: list[float] = []
    serving.replies["/token"] = refusal(reason="paused")
    key = at(serving, store, sleep=waited.append)
    with pytest.raises(KeyPaused):
        key.wait(seconds=40)
    assert waited == [5.0, 10.0, 20.0]
    serving.replies["/token"] = refusal()
    with pytest.raises(KeyStopped) as raised:
        key.wait(seconds=600)
    assert not isinstance(raised.value, KeyInterrupted)
    assert len(waited) == 3
    assert store.load() == TOKENS
    key.close()


def test_it_waits_in_tasks_too(serving: Serving, store: MemoryStore) -> None:
    async def sleep(seconds: float) -> None:
        serving.replies["/token"] = 200, GOOD

    async def story() -> str:
        one = AsyncKey(app_of(serving), store, sleep=sleep)
        try:
            return (await one.wait(seconds=60)).access_token
        finally:
            await one.aclose()

    serving.replies["/token"] = refusal(reason="app_suspended")
    assert asyncio.run(story()) == "another"


def app_of(serving: Serving) -> App:
    return App(issuer=serving.url, client_id="stefapp", scope=("a", "b"))


# With the server itself.


@pytest.fixture
def connected(server: Live, key: Key) -> Key:
    key.connect(open_browser=user(server.browser()), seconds=20)
    return key


def grant_of(server: Live) -> Grant:
    (found,) = [one for one in every(server, Grant) if one.status != "stopped"]
    return found


def paused(server: Live) -> Callable[[], None]:
    change(server, grant_of(server), status="paused")
    return lambda: change(server, grant_of(server), status="active")


def suspended(server: Live) -> Callable[[], None]:
    change(server, find(server, Client, "stefapp"), status="suspended")
    caught_up()

    def back() -> None:
        change(server, find(server, Client, "stefapp"), status="active")
        caught_up()

    return back


def disabled(server: Live) -> Callable[[], None]:
    miko = server.users["miko"].id
    change(server, find(server, User, miko), status="disabled")
    return lambda: change(server, find(server, User, miko), status="active")


INTERRUPTIONS = [
    row("decision 92", "the user pauses the app", paused, KeyPaused),
    row("decision 92", "the operator suspends the app", suspended, AppSuspended),
    row("decision 92", "the operator disables the account", disabled, AccountDisabled),
]


@pytest.mark.parametrize("interrupt,error", INTERRUPTIONS)
def test_what_is_interrupted_goes_on_with_the_same_key(
    server: Live,
    connected: Key,
    interrupt: Callable[[Live], Callable[[], None]],
    error: type[KeyInterrupted],
) -> None:
    before = connected.tokens
    go_on = interrupt(server)
    try:
        with pytest.raises(error):
            connected.refresh()
        assert connected.tokens == before
    finally:
        go_on()
    assert connected.wait(seconds=20).access_token != (before and before.access_token)


def test_a_machine_of_a_suspended_app(server: Live) -> None:
    night = App(
        issuer=server.issuer, client_id="agent", secret=SECRETS["agent"], scope=("chirps.read",)
    )
    machine = Machine(night)
    change(server, find(server, Client, "agent"), status="suspended")
    caught_up()
    try:
        with pytest.raises(AppSuspended):
            machine.access_token()
    finally:
        change(server, find(server, Client, "agent"), status="active")
        caught_up()
        machine.close()


def test_a_coming_end_is_told(server: Live, connected: Key) -> None:
    tokens = connected.tokens
    assert tokens is not None
    assert tokens.grant_expires_at == 0
    until = int(time.time()) + 86400
    change(server, grant_of(server), limits=limits(until=until))
    assert connected.refresh().grant_expires_at == until
    change(server, grant_of(server), limits=limits())
    assert connected.refresh().grant_expires_at == 0


def test_an_app_has_less_of_its_grant(server: Live, connected: Key) -> None:
    answer: list[KeyChange] = []
    connected.key_changed = answer.append
    rest = connected.narrow(["chirps.read"])
    assert rest.granted == {"openid", "offline_access", "chirps.read"}
    assert rest.missing == frozenset()
    assert answer == [KeyChange("narrowed", rest.granted)]
    assert "chirps.write" not in grant_of(server).permissions
    assert connected.refresh().granted == rest.granted
    assert connected.userinfo()["sub"]


def test_an_app_gives_its_grant_back_on_all_devices(server: Live, connected: Key) -> None:
    other = Key(app(server), MemoryStore())
    other.connect(open_browser=user(server.browser()), seconds=20)
    connected.stop()
    assert connected.tokens is None
    with pytest.raises(KeyStopped) as raised:
        other.refresh()
    assert type(raised.value) is KeyStopped
    with pytest.raises(KeyStopped):
        other.narrow(["chirps.read"])
    other.close()


def test_a_bound_key_has_less_in_tasks_too(server: Live, no_grants: None) -> None:
    async def story() -> frozenset[str]:
        one = AsyncKey(replace(app(server), dpop=True), MemoryStore())
        try:
            await one.connect(open_browser=user(server.browser()), seconds=20)
            rest = await one.narrow(["chirps.read"])
            await one.stop()
            assert await one.tokens() is None
            return rest.granted
        finally:
            await one.aclose()

    assert asyncio.run(story()) == {"openid", "offline_access", "chirps.read"}


def test_a_server_that_knows_no_such_wish(serving: Serving, store: MemoryStore) -> None:
    key = at(serving, store)
    for wish in (lambda: key.narrow(["a"]), key.stop):
        with pytest.raises(Aborted, match="lets no app change the grant"):
            wish()
    assert store.load() == TOKENS
    key.close()


def test_an_answer_that_cannot_be_read_changes_nothing(
    serving: Serving, store: MemoryStore
) -> None:
    serving.replies[METADATA] = serving.metadata(grant_endpoint=f"{serving.url}/grant")
    serving.replies["/grant"] = 200, b'{"status": 1}'
    key = at(serving, store)
    with pytest.raises(Exception, match="cannot be read"):
        key.narrow(["a"])
    assert store.load() == TOKENS
    key.close()
