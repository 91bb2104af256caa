"""Sign-in and sign-out: a password that fits becomes a session, always a new one."""

from os import urandom

import pytest
from msgspec.structs import replace
from tests.server.store.steps import counted

from valetkey.jose.seal import digest
from valetkey.server.accounts.sign_in import (
    Candidate,
    SignedIn,
    candidate,
    close_session,
    open_session,
    refused,
)
from valetkey.server.accounts.throttle import FAILED, PAIR, WINDOW, Caller, Throttled
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many
from valetkey.server.model.user import Session, User
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000
ENV = Env(NOW, urandom)
HOME = Caller("192.0.2.7")
MIKO = User(id=ids.user_id(ENV), username="Miko", password="$argon2id$…")


@pytest.fixture
async def store() -> MemoryStore:
    made = MemoryStore()
    await made.commit([Create(MIKO)])
    return made


async def found(
    store: MemoryStore, name: str, caller: Caller | None = HOME
) -> Candidate | Throttled:
    return await settle(store, lambda: candidate(name, caller=caller, now=NOW))


async def opened(
    store: MemoryStore, *, replaces: str = "", caller: Caller | None = HOME, now: int = NOW
) -> SignedIn:
    return await settle(
        store,
        lambda: open_session(
            MIKO,
            username="miko",
            caller=caller,
            replaces=replaces,
            seconds=60,
            epoch=2,
            env=Env(now, urandom),
        ),
    )


async def sessions(store: MemoryStore) -> tuple[Session, ...]:
    wanted = Many(Session)
    return (await store.read(wanted)).many(wanted)


async def told(store: MemoryStore) -> list[tuple[str, str]]:
    wanted = Many(Event)
    return [(event.kind, event.user) for event in (await store.read(wanted)).many(wanted)]


async def test_a_name_leads_to_its_account(store: MemoryStore) -> None:
    for name in ("Miko", "miko", " MIKO "):
        who = await found(store, name)
        assert isinstance(who, Candidate)
        assert who.user == replace(MIKO, version=1)
        assert who.password_hash == MIKO.password


async def test_who_cannot_sign_in_looks_like_nobody(store: MemoryStore) -> None:
    """Disabled, without a password, unknown, empty: one answer, and one check of one hash."""
    disabled = User(id=ids.user_id(ENV), username="off", password="x", status="disabled")
    without = User(id=ids.user_id(ENV), username="key")
    await store.commit([Create(disabled), Create(without)])
    for name in ("off", "key", "nobody", "", "   "):
        who = await found(store, name)
        assert isinstance(who, Candidate)
        assert (who.user, who.password_hash) == (None, "")


async def test_an_attempt_is_counted_before_it_is_judged(store: MemoryStore) -> None:
    for _ in range(PAIR.attempts):
        assert isinstance(await found(store, "miko"), Candidate)
    assert isinstance(await found(store, "miko"), Throttled)


async def test_an_address_on_the_list_is_not_counted(store: MemoryStore) -> None:
    for _ in range(200):
        assert isinstance(await found(store, "miko", caller=None), Candidate)
    wanted = Many(Throttle)
    assert (await store.read(wanted)).many(wanted) == ()
    await opened(store, caller=None)


async def test_a_sign_in_makes_a_session_that_holds_no_secret(store: MemoryStore) -> None:
    signed_in = await opened(store)
    (session,) = await sessions(store)
    assert session == replace(signed_in.session, version=1)
    assert (session.user, session.auth_time, session.expires) == (MIKO.id, NOW, NOW + 60)
    assert (session.amr, session.epoch) == (("pwd",), 2)
    assert session.digest == digest(signed_in.secret.reveal())
    assert signed_in.secret.reveal() not in f"{session!r} {signed_in!r}"
    assert ids.place_of_owned(session.id) == ids.place_of_user(MIKO.id)
    assert ("signed-in", MIKO.id) in await told(store)


async def test_each_sign_in_has_its_own_session(store: MemoryStore) -> None:
    """ATTACKS A65, A66: and the one that this browser had is over."""
    first = await opened(store)
    second = await opened(store, replaces=first.session.id)
    third = await opened(store)
    assert {one.id for one in await sessions(store)} == {second.session.id, third.session.id}
    secrets = {one.secret.reveal() for one in (first, second, third)}
    assert len(secrets) == 3
    assert min(len(secret) for secret in secrets) >= 43  # 256 bits


async def test_a_session_that_is_gone_is_no_hindrance(store: MemoryStore) -> None:
    await opened(store, replaces="nothing")
    assert len(await sessions(store)) == 1


async def test_a_wrong_password_is_written_down_for_nobody_as_for_somebody(
    store: MemoryStore,
) -> None:
    """ATTACKS A70: as many writes; but of a name that nobody has, nothing is kept
    but what the audit log takes (`audit.recorder` keeps that event from the users' history)."""
    somebody = await settle(store, lambda: refused(MIKO, ENV))
    nobody = await settle(store, lambda: refused(None, ENV))
    assert len(somebody.changes) + len(somebody.events) == len(nobody.changes) == 2
    assert [one for one in await told(store) if one[1]] == [("sign-in-refused", MIKO.id)]
    assert await counted(store, FAILED) == 2
    while await store.sweep(NOW + WINDOW):
        pass
    assert [one for one in await told(store) if one[1]] == [("sign-in-refused", MIKO.id)]
    wanted = Many(SingleUse)
    assert (await store.read(wanted)).many(wanted) == ()
    assert await counted(store, FAILED) == -1


async def test_signing_out_ends_the_session_once(store: MemoryStore) -> None:
    session = (await opened(store)).session
    other = (await opened(store)).session
    for _ in range(2):
        await settle(store, lambda: close_session(session.id, ENV))
    assert [one.id for one in await sessions(store)] == [other.id]
    assert [kind for kind, _ in await told(store)].count("signed-out") == 1
