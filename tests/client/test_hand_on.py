"""A key that is handed on by the SDK: online and offline, in threads and in tasks."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx2
import msgspec
import pytest
import requests
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.attacks.play import claims, find
from tests.client.person import app, user
from tests.client.running import running
from tests.installation import CHIRP, SECRETS
from tests.live import Live, caught_up
from tests.rows import row

from valetkey.client import (
    App,
    AsyncKey,
    AsyncMachine,
    Delegate,
    DelegatedKey,
    Delegation,
    Denied,
    Helper,
    Key,
    KeyStopped,
    Machine,
    MemoryStore,
    PermissionMissing,
    Tokens,
    auth_aiohttp,
    auth_requests,
)
from valetkey.client.proof_key import Prover
from valetkey.jose import base64url, jws
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, Exchange
from valetkey.wire import child_key
from valetkey.wire.access_token import AccessToken

READ = ("chirps.read",)


@pytest.fixture(scope="module")
def reader(server: Live) -> App:
    """A client that may bring the bound keys of stefapp, and has a key of its own."""
    state = replace(
        find(server, Client, "agent"),
        id="reader",
        exchange=Exchange(clients=("stefapp",), audiences=(CHIRP,), bound=True),
    )
    server.run(server.store.commit((Create(state),)))
    caught_up()
    return App(
        issuer=server.issuer, client_id="reader", secret=SECRETS["agent"], scope=READ, dpop=True
    )


@pytest.fixture(scope="module")
def bound_store(server: Live, reader: App) -> MemoryStore:
    """Where stefapp keeps a bound key of its user."""
    store = MemoryStore()
    mine = replace(app(server), dpop=True, resource=CHIRP)
    one = Key(mine, store)
    one.connect(open_browser=user(server.browser()), seconds=20)
    one.close()
    return store


@pytest.fixture
def key(server: Live, bound_store: MemoryStore) -> Iterator[Key]:
    one = Key(replace(app(server), dpop=True, resource=CHIRP), bound_store)
    yield one
    one.close()


def by_threads(key: Key, to: App | Delegate) -> tuple[Delegation, Any]:
    """What was handed on, and who holds it now."""
    if isinstance(to, Delegate):
        return key.delegate(to, scope=READ), None
    machine = Machine(to)
    delegation = key.delegate(machine, scope=READ)
    machine.close()
    return delegation, machine


def by_tasks(key: Key, to: App | Delegate) -> tuple[Delegation, Any]:
    async def story() -> tuple[Delegation, Any]:
        one = AsyncKey(key.app, key.flows.kept._store)
        try:
            if isinstance(to, Delegate):
                return await one.delegate(to, scope=READ), None
            machine = AsyncMachine(to)
            delegation = await one.delegate(machine, scope=READ)
            await machine.aclose()
            return delegation, machine
        finally:
            await one.aclose()

    return asyncio.run(story())


WAYS = [row("issue", "threads", by_threads), row("issue", "tasks", by_tasks)]
Way = Callable[[Key, App | Delegate], tuple[Delegation, Any]]


def authorization_headers(
    key: DelegatedKey, address: str = f"{CHIRP}/chirps", status: int = 200
) -> list[str]:
    """What an API hears of it."""
    event: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        event.append(request.headers["authorization"])
        challenge = {"www-authenticate": 'DPoP error="invalid_token"'} if status == 401 else {}
        return httpx2.Response(status, headers=challenge)

    with httpx2.Client(auth=key.auth(), transport=httpx2.MockTransport(answer)) as api:
        api.get(address)
    return event


def delegation_of(presented: str, depth: int = 3) -> child_key.Delegation:
    """What an API makes of a key that went on offline."""
    token = msgspec.convert(claims(child_key.split(presented)[0]), AccessToken)
    return child_key.check(presented, token, depth=depth, now=int(time.time()))


@pytest.mark.parametrize("way", WAYS)
def test_to_a_client_by_an_exchange(key: Key, reader: App, way: Way) -> None:
    delegation, machine = way(key, reader)
    answer = claims(delegation.access_token)
    assert answer["act"] == {"sub": "client:reader"}
    assert answer["cnf"] == {"jkt": delegation.bound_to}
    assert (answer["scope"], delegation.scope, delegation.resource) == ("chirps.read", READ, CHIRP)
    assert authorization_headers(machine.receive(delegation)) == [f"DPoP {delegation.access_token}"]


@pytest.mark.parametrize("way", WAYS)
def test_to_a_hand_without_a_word(key: Key, way: Way) -> None:
    helper = Helper()
    delegate = Delegate(
        thumbprint=helper.thumbprint, seconds=30, name="one", most={"chirps.read": 5}
    )
    delegation, _ = way(key, delegate)
    there = delegation_of(delegation.access_token)
    assert (there.jkt, there.names, there.most) == (helper.thumbprint, ("one",), delegate.most)
    assert (there.scopes, there.until) == (frozenset(READ), delegation.expires)
    assert 25 < there.until - time.time() <= 30
    # As it goes to a helper that runs elsewhere.
    there_too = msgspec.json.decode(msgspec.json.encode(delegation), type=Delegation)
    assert authorization_headers(helper.receive(there_too)) == [f"DPoP {delegation.access_token}"]


def test_from_hand_to_hand(key: Key) -> None:
    helpers = [Helper() for _ in range(3)]
    first, second, third = (
        Delegate(thumbprint=one.thumbprint, depth=2 - at) for at, one in enumerate(helpers)
    )
    one = helpers[0].receive(key.delegate(first, scope=("chirps.read", "chirps.write")))
    two = helpers[1].receive(one.delegate(second, scope=READ))
    last = two.delegate(third, scope=READ)
    assert delegation_of(last.access_token).keys[1:] == tuple(one.thumbprint for one in helpers)
    with pytest.raises(PermissionMissing):
        two.delegate(third, scope=("chirps.write",))


BOTH = ("chirps.read", "chirps.write")
NO_FURTHER = [
    row("ours", "it may go no further", 0, {}, "deeper than the key before it"),
    row("ours", "it may go once, not twice", 1, {"depth": 1}, "deeper than the key before it"),
    row("ours", "to its own holder", 1, {"thumbprint": ""}, "the key of one before it"),
    row(
        "ours",
        "with a larger amount",
        1,
        {"most": {"chirps.write": 6}},
        "larger amounts than the key before it",
    ),
    row("ours", "without the amount", 1, {}, "larger amounts than the key before it"),
]


@pytest.mark.parametrize("depth,options,why", NO_FURTHER)
def test_what_may_not_go_on_is_not_signed(
    key: Key, monkeypatch: pytest.MonkeyPatch, depth: int, options: dict[str, Any], why: str
) -> None:
    helper = Helper()
    delegate = Delegate(thumbprint=helper.thumbprint, depth=depth, most={"chirps.write": 5})
    tokens = helper.receive(key.delegate(delegate, scope=BOTH))

    def signed(*_: object, **__: object) -> str:
        raise AssertionError("it was signed")

    monkeypatch.setattr(jws, "sign_embedded", signed)
    named = {"thumbprint": Helper().thumbprint} | options
    to = Delegate(**named | {"thumbprint": named["thumbprint"] or helper.thumbprint})
    with pytest.raises(ValueError, match=why):
        tokens.delegate(to, scope=BOTH)


def test_a_key_that_its_user_lets_nobody_hand_on_alone_is_not_signed_on(key: Key) -> None:
    tokens = find_held(key)
    head, payload, end = tokens.access_token.split(".")
    said = msgspec.json.decode(base64url.decode(payload)) | {"childless": True}
    text = f"{head}.{base64url.encode(msgspec.json.encode(said))}.{end}"
    alone = Key(key.app, kept_in(replace(tokens, access_token=text)))
    with pytest.raises(ValueError, match="does not allow offline delegation"):
        alone.delegate(Delegate(thumbprint=Helper().thumbprint), scope=READ)
    alone.close()


def test_no_longer_than_the_key_itself(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this device's clock is behind, so that the key seems to last longer."""
    tokens = key.tokens
    assert tokens is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 30)
    delegation = key.delegate(Delegate(thumbprint=Helper().thumbprint, seconds=86400), scope=READ)
    renewed = key.tokens
    assert renewed is not None
    assert renewed.access_token != tokens.access_token, "it was renewed, to last as long as it can"
    assert delegation.expires == claims(renewed.access_token)["exp"]
    monkeypatch.undo()
    assert delegation_of(delegation.access_token).until == delegation.expires


@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_is_nearly_over_is_renewed_first(key: Key, reader: App, way: Way) -> None:
    tokens = find_held(key)
    key.flows.kept._store.save(replace(tokens, expires=int(time.time()) + 20))
    delegation, _ = way(key, reader)
    assert delegation.expires > time.time() + 200
    assert find_held(key).access_token != tokens.access_token


def of_another_server(key: Key, reader: App) -> None:
    """RFC 9700 2.2: a token is for nobody but whom it is for."""
    key.delegate(Machine(replace(reader, issuer="https://other.example")), scope=READ)


def unbound(key: Key, reader: App) -> None:
    tokens = replace(find_held(key), key="")
    loose = Key(replace(key.app, dpop=False), kept_in(tokens))
    loose.delegate(Delegate(thumbprint=Helper().thumbprint), scope=READ)


def opaque(key: Key, reader: App) -> None:
    opaque = Key(key.app, kept_in(replace(find_held(key), access_token="vk_at_opaque")))
    opaque.delegate(Delegate(thumbprint=Helper().thumbprint), scope=READ)


def to_somebody_else(key: Key, reader: App) -> None:
    Helper().receive(key.delegate(Delegate(thumbprint=Helper().thumbprint), scope=READ))


def call_another_api(key: Key, reader: App) -> None:
    helper = Helper()
    delegation = key.delegate(Delegate(thumbprint=helper.thumbprint), scope=READ)
    authorization_headers(helper.receive(delegation), "https://elsewhere.example/chirps")


def find_held(key: Key) -> Tokens:
    tokens = key.tokens
    assert tokens is not None
    return tokens


def kept_in(tokens: Tokens) -> MemoryStore:
    store = MemoryStore()
    store.save(tokens)
    return store


def delegating(**more: Any) -> Callable[[Key, App], object]:
    scope = more.pop("scope", READ)
    return lambda key, _: key.delegate(
        Delegate(thumbprint=Helper().thumbprint, **more), scope=scope
    )


REFUSED = [
    row("RFC 9700 2.2", "to a client of another server", of_another_server, ValueError, "server"),
    row("ours", "offline, of a key that is bound to nothing", unbound, ValueError, "bound"),
    row("ours", "offline, of a token that nobody can read", opaque, ValueError, "offline"),
    row("ours", "it would open more", delegating(scope=("dms.read",)), PermissionMissing, "dms"),
    row("ours", "it would open nothing", delegating(scope=()), ValueError, "without permissions"),
    row("ours", "for no time", delegating(seconds=0), ValueError, "no time"),
    row("ours", "deeper than any API takes", delegating(depth=4), ValueError, "deeper"),
    row("ours", "with a bad name", delegating(name="\n"), ValueError, "a name that is none"),
    row(
        "ours",
        "to nobody",
        lambda key, _: key.delegate(Delegate(thumbprint="x"), scope=READ),
        ValueError,
        "no key",
    ),
    row("ours", "it was handed to another", to_somebody_else, ValueError, "another key"),
    row("RFC 6750 5.3", "it would go to another API", call_another_api, ValueError, CHIRP),
]


@pytest.mark.parametrize("does,error,match", REFUSED)
def test_what_does_not_go_on(
    key: Key, reader: App, does: Callable[[Key, App], object], error: type[Exception], match: str
) -> None:
    before = key.tokens
    with pytest.raises(error, match=match):
        does(key, reader)
    assert key.tokens == before, "nothing was renewed for it"


def test_a_server_that_says_no(server: Live, key: Key) -> None:
    """A bound key does not become an unbound one, and a client brings only whose it may."""
    agent = Machine(App(issuer=server.issuer, client_id="agent", secret=SECRETS["agent"], scope=()))
    with pytest.raises(Denied) as refused:
        key.delegate(agent, scope=READ)
    assert refused.value.code == "invalid_request"
    agent.close()


def test_an_unbound_key_stays_unbound(server: Live) -> None:
    plain = Key(replace(app(server), resource=CHIRP), MemoryStore())
    plain.connect(open_browser=user(server.browser()), seconds=20)
    agent = Machine(App(issuer=server.issuer, client_id="agent", secret=SECRETS["agent"], scope=()))
    delegation = plain.delegate(agent, scope=READ)
    assert (delegation.bound_to, delegation.scope, delegation.resource) == ("", READ, CHIRP)
    assert authorization_headers(agent.receive(delegation)) == [f"Bearer {delegation.access_token}"]
    with pytest.raises(ValueError, match="another key"):
        Helper().receive(delegation)
    agent.close()
    plain.close()


def test_what_opens_nothing_any_more_is_over(key: Key) -> None:
    helper = Helper()
    tokens = helper.receive(key.delegate(Delegate(thumbprint=helper.thumbprint), scope=READ))
    with pytest.raises(KeyStopped, match="delegated key"):
        authorization_headers(tokens, status=401)


def test_what_was_exchanged_is_used_alike(server: Live, key: Key, reader: App) -> None:
    """By an agent that runs elsewhere, and was sent the token."""
    machine = Machine(replace(reader, resource=CHIRP))
    token = machine.exchange(key.access_token(), scope=READ, audience=CHIRP)
    assert authorization_headers(machine.receive(token)) == [f"DPoP {token.access_token}"]
    machine.close()


async def echo(request: Request) -> Response:
    """What an API is shown."""
    return JSONResponse(request.headers["authorization"])


def test_the_clients_of_others_carry_it(key: Key) -> None:
    helper = Helper()
    delegation = key.delegate(Delegate(thumbprint=helper.thumbprint), scope=READ)
    tokens = helper.receive(replace(delegation, resource=""))

    async def by_aiohttp(address: str) -> Any:
        along = auth_aiohttp.KeyAuth(tokens)
        async with aiohttp.ClientSession(middlewares=(along,)) as api, api.get(address) as answer:
            return await answer.json()

    with running(Starlette(routes=[Route("/", echo)])) as address:
        answer = requests.get(address, auth=auth_requests.KeyAuth(tokens), timeout=10)
        assert (
            answer.json() == asyncio.run(by_aiohttp(address)) == f"DPoP {delegation.access_token}"
        )


def test_it_shows_in_no_repr(key: Key) -> None:
    helper = Helper()
    delegation = key.delegate(Delegate(thumbprint=helper.thumbprint), scope=READ)
    presented = f"{delegation!r} {helper.receive(delegation)!r} {helper!r}"
    assert delegation.access_token[-20:] not in presented
    assert Prover.new().text not in presented
