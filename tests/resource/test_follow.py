"""An API that follows the change log: what a user takes away is gone within the bound, whatever
happens on the way, and no call is needed for it."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.play import change, claims, desk, find, introspected, redeem
from tests.browser import Asking, authorize
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.rows import row

from valetkey.jose import jws
from valetkey.resource import Principal, Refused, ResourceServer, Unreachable
from valetkey.resource.follower import Follower
from valetkey.resource.token_status import StatusSource
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Epoch
from valetkey.server.model.limits import Limits
from valetkey.server.model.user import Status, User
from valetkey.server.oauth.admin.keys import revoke
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.store.keyring import make, read_keys
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

MAX_AGE = 1.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as running:
        yield running


@asynccontextmanager
async def following(server: Live, **options: Any) -> AsyncIterator[ResourceServer]:
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="follow",
        **options,
    )
    kit.start()
    try:
        await until(lambda: follower(kit).age < MAX_AGE)
        yield kit
    finally:
        await kit.close()


def follower(kit: ResourceServer) -> Follower:
    return kit._connection.status_source._followers.get()


async def until(holds: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.005)


def a_key(server: Live, scope: str = "openid chirps") -> str:
    by = Asking(scope=scope)
    answer = redeem(server, authorize(server.browser(), by), by).json()
    token: str = answer["access_token"]
    return token


async def ask(kit: ResourceServer, token: str, *needs: str) -> Principal:
    return await kit.verify(f"Bearer {token}", needs=needs or ("chirps.read",))


async def refusal(kit: ResourceServer, token: str, *needs: str) -> Refused:
    """The first refusal, which comes within the bound."""
    end = time.monotonic() + MAX_AGE
    while True:
        requests = time.monotonic()
        try:
            await ask(kit, token, *needs)
        except Refused as refused:
            return refused
        assert requests < end, "still open after the bound"
        await asyncio.sleep(0.005)


def grant_of(server: Live, token: str) -> Grant:
    return find(server, Grant, claims(token)["grant_id"])


def introspections(server: Live, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the kit asks from now on."""
    requests: list[str] = []

    async def counting(self: StatusSource, text: str, token: Any) -> Any:
        requests.append(text)
        raise Unreachable("not to be asked")

    monkeypatch.setattr(StatusSource, "_introspect", counting)
    return requests


ENDS = [
    row(
        "R08",
        "a permission is taken away",
        lambda server, token: change(server, grant_of(server, token), permissions=("chirps.read",)),
        (403, "narrowed", "chirps.read"),
    ),
    row(
        "R08",
        "the app is paused",
        lambda server, token: change(server, grant_of(server, token), status="paused"),
        (401, "paused", ""),
    ),
    row(
        "R08",
        "the app is stopped",
        lambda server, token: change(server, grant_of(server, token), status="stopped"),
        (401, "stopped", ""),
    ),
    row(
        "R08",
        "the user sets an end, which has come",
        lambda server, token: change(
            server, grant_of(server, token), limits=Limits(until=int(time.time()))
        ),
        (401, "stopped", ""),
    ),
    row(
        "R08",
        "the device is disconnected",
        lambda server, token: change(
            server, find(server, TokenFamily, claims(token)["family_id"]), status="closed"
        ),
        (401, "stopped", ""),
    ),
    row(
        "R08",
        "the user is disabled",
        lambda server, token: change(server, server_user(server), status="disabled"),
        (401, "paused", ""),
    ),
    row(
        "R08",
        "the app is suspended",
        lambda server, token: change(server, find(server, Client, "stefapp"), status="suspended"),
        (401, "paused", ""),
    ),
    row(
        "A80",
        "the app is registered for less",
        lambda server, token: change(
            server, find(server, Client, "stefapp"), scope=("openid", "chirps.read")
        ),
        (403, "narrowed", "chirps.read"),
    ),
    row(
        "R08",
        "the app is removed",
        lambda server, token: server.run(
            server.store.commit([Remove(find(server, Client, "stefapp"))])
        ),
        (401, "stopped", ""),
    ),
    row(
        "R15",
        "the epoch ends",
        lambda server, token: server.run(
            server.store.commit([Create(Epoch(number=1, since=int(time.time())))])
        ),
        (401, "stopped", ""),
    ),
]


def server_user(server: Live) -> User:
    return find(server, User, server.users["miko"].id)


@pytest.mark.parametrize("end,answer", ENDS)
async def test_what_is_taken_away_is_gone_and_nobody_is_asked(
    server: Live, end: Any, answer: tuple[int, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = a_key(server)
    async with following(server) as kit:
        requests = introspections(server, monkeypatch)
        assert (await ask(kit, token, "chirps.write")).may("chirps.read")
        end(server, token)
        refused = await refusal(kit, token, "chirps.write")
        challenge = refused.challenge
        assert (refused.status, challenge.reason, challenge.allowed) == answer
        assert requests == []


async def test_what_comes_back_opens_again(server: Live) -> None:
    token = a_key(server)
    async with following(server) as kit:
        for status in ("paused", "active"):
            change(server, grant_of(server, token), status=status)
            if status == "paused":
                await refusal(kit, token)
        await until(lambda: follower(kit).state.place.seq >= 3)  # type: ignore[union-attr]
        assert (await ask(kit, token, "chirps.write")).may("chirps.write")
        grant = grant_of(server, token)
        change(server, grant, permissions=("chirps.read",))
        await refusal(kit, token, "chirps.write")
        change(server, grant_of(server, token), permissions=grant.permissions)
        await until(lambda: follower(kit).state.place.seq >= 5)  # type: ignore[union-attr]
        await ask(kit, token, "chirps.write")


async def test_a_newer_token_is_not_measured_by_an_older_change(server: Live) -> None:
    token = a_key(server)
    async with following(server) as kit:
        change(server, grant_of(server, token), permissions=("openid", "chirps.read"))
        await refusal(kit, token, "chirps.write")
        wider = a_key(server)
        await ask(kit, wider, "chirps.write")


async def test_a_token_never_opens_more_than_it_did(server: Live) -> None:
    token = a_key(server, "chirps.read")
    async with following(server) as kit:
        grant = grant_of(server, token)
        change(server, grant, permissions=(*grant.permissions, "chirps.write"))
        await until(lambda: follower(kit).state.place.seq >= 2)  # type: ignore[union-attr]
        with pytest.raises(Refused) as refused:
            await ask(kit, token, "chirps.write")
        assert refused.value.challenge.reason == ""


async def test_what_happened_before_it_began_is_known_too(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins at the oldest entry that is kept: a restart forgets nothing."""
    token = a_key(server)
    change(server, grant_of(server, token), status="paused")
    async with following(server) as kit:
        requests = introspections(server, monkeypatch)
        with pytest.raises(Refused):
            await ask(kit, token)
        assert requests == []


async def test_past_the_bound_it_asks_and_where_nobody_answers_nobody_is_let_in(
    server: Live,
) -> None:
    token = a_key(server)
    async with following(server) as kit:
        await ask(kit, token)
        await asyncio.to_thread(server.stop)
        end = time.monotonic() + MAX_AGE + 1
        while True:
            requests = time.monotonic()
            try:
                await ask(kit, token)
            except Unreachable:
                break
            assert requests < end, "it goes on with what it cannot know"
            await asyncio.sleep(0.01)


async def test_a_bound_of_nothing_is_asking(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    token = a_key(server)
    async with following(server, max_staleness={"medium": 0}) as kit:
        requests = introspections(server, monkeypatch)
        await ask(kit, token, "chirps.read")
        with pytest.raises(Unreachable):
            await ask(kit, token, "chirps.write")
        assert len(requests) == 1


async def test_it_begins_by_itself_at_the_first_call(server: Live) -> None:
    token = a_key(server)
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="follow",
    )
    await ask(kit, token)
    await until(lambda: follower(kit).age < MAX_AGE)
    await kit.close()


async def test_wrong_credentials_are_no_knowledge(server: Live) -> None:
    token = a_key(server)
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", "wrong"),
        live="follow",
    )
    with pytest.raises(Unreachable):
        await ask(kit, token)
    await asyncio.sleep(0.3)
    with pytest.raises(Unreachable):
        await ask(kit, token)
    await kit.close()


async def test_a_key_that_got_out_signs_nothing_for_anybody_within_the_bound(server: Live) -> None:
    """`valetkey key revoke`: a token that a thief of the key signs, and one that the server signed
    with it; at the API and at the server. What comes after is signed by the next key."""
    token = a_key(server)
    async with following(server, max_staleness=MAX_AGE) as kit:
        await ask(kit, token)
        keys = server.run(read_keys(server.store))
        kid = jws.read_header(token)["kid"]
        assert isinstance(kid, str)
        fresh = make("ES256", server.master_key)
        server.run(server.store.commit(revoke(keys, kid, fresh, now=int(time.time()))))
        acknowledged = time.monotonic()
        refused = await refusal(kit, token)
        assert time.monotonic() < acknowledged + MAX_AGE
        assert refused.status == 401
        # Its key is no reason to ask the server again and again.
        fetched = kit._connection.status_source._issuer._fetched
        for _ in range(3):
            with pytest.raises(Refused):
                await ask(kit, token)
        assert kit._connection.status_source._issuer._fetched == fetched
        await until(lambda: not introspected(server, token)["active"], seconds=5)
        again = a_key(server)
        assert jws.read_header(again)["kid"] != kid
        assert (await ask(kit, again)).client_id
        await until(lambda: follower(kit).age < MAX_AGE)


def _sets_status(server: Live, status: Status) -> None:
    miko, context = server.users["miko"].id, desk(server)
    rule = functools.partial(change_user_status, miko, status, context=context)
    server.run(settle(server.store, rule))


async def _comes_to(kit: ResourceServer, token: str, answer: int) -> None:
    """Calls until the API answers so: how soon is measured by `bench.live`."""
    seen = 0
    while seen != answer:
        try:
            await ask(kit, token)
            seen = 200
        except Refused as refused:
            seen = refused.status
        await asyncio.sleep(0.02)


async def test_twenty_apis_refuse_a_disabled_user_and_let_them_in_again(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = a_key(server)
    async with AsyncExitStack() as stack:
        kits = [await stack.enter_async_context(following(server)) for _ in range(20)]
        requests = introspections(server, monkeypatch)
        steps: tuple[tuple[Status, int], ...] = (
            ("active", 200),
            ("disabled", 401),
            ("active", 200),
        )
        for status, answer in steps:
            await asyncio.to_thread(_sets_status, server, status)
            await asyncio.gather(*(_comes_to(kit, token, answer) for kit in kits))
    assert requests == []
