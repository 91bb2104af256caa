"""What 10,000 exchanges of 100 users leave behind in a database: rows for the users, not for the
sign-ins."""

import asyncio
import contextlib
import os
from typing import Any, Final

import msgspec
from tests.installation import CLIENTS, POLICIES, RESOURCE_SERVERS
from tests.server.oauth.forms import CHALLENGE, VERIFIER, call
from tests.server.oauth.world import ISSUER, KEYRING, START

from valetkey.jose.seal import digest
from valetkey.server.accounts.sign_in import open_session
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens.code import Code
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.settle import settle

USERS: Final = 100
EXCHANGES: Final = 100
"""Of each: each tenth with a fresh sign-in at the server."""

AT: Final = Installation(
    issuer=ISSUER,
    lifetimes=Lifetimes(),
    keyring=KEYRING,
    offer=Offer(ISSUER, RESOURCE_SERVERS),
    features=switched(),
    policies={policy.name: policy for policy in POLICIES},
)
DAY_BEGINS: Final = START // 86400 * 86400


def env(seconds: int) -> Env:
    return Env(DAY_BEGINS + seconds, os.urandom)


async def people(store: Store) -> list[tuple[User, Grant]]:
    """Users who have said yes to the web app."""
    made = []
    for number in range(USERS):
        user = User(id=ids.user_id(env(0)), username=f"user{number}")
        grant = Grant(
            id=ids.owned_id(env(0), owner=user.id),
            user=user.id,
            client="web",
            permissions=("openid", "chirps.read"),
            created=DAY_BEGINS,
            changed=DAY_BEGINS,
        )
        made.append((user, grant))
    await store.commit([Create(one) for one in CLIENTS])
    await store.commit([Create(one) for pair in made for one in pair])
    return made


async def signed_in(store: Store, user: User, before: str, *, at: Env) -> Session:
    """The user signs in at the server, in the one browser; `before` is the session they had."""

    def opened() -> Rule[Any]:
        return open_session(
            user, username="", caller=None, replaces=before, seconds=43200, epoch=0, env=at
        )

    made: Session = (await settle(store, opened)).session
    return made


async def exchanged(store: Store, grant: Grant, session: Session, *, at: Env) -> None:
    """The app exchanges the code of a sign-in."""
    raw = msgspec.msgpack.encode(
        Code(
            client="web",
            redirect_uri=digest("https://web.example/callback"),
            redirect_sent=False,
            challenge=CHALLENGE,
            nonce="",
            user=grant.user,
            grant=grant.id,
            family=ids.owned_id(at, owner=grant.user),
            session=session.sid,
            auth_time=session.auth_time,
            scope=("openid", "chirps.read"),
            permissions=grant.permissions,
            resources=(),
            device="Firefox",
            expires=at.now + 60,
            browser="b" * 32,
        )
    )
    given = call(
        "web",
        grant_type="authorization_code",
        code=codes.write(raw, KEYRING, at),
        code_verifier=VERIFIER,
    )

    def redeemed() -> Rule[Answer | Issued | Refuse]:
        return token(given, Context(AT, at))

    assert isinstance(await settle(store, redeemed), Issued)


async def swept(store: Store) -> int:
    """The rows that one step of a sweep removes. A busy machine may need another attempt, as the
    server makes it."""
    for _ in range(10):
        with contextlib.suppress(Unavailable):
            return await store.sweep(DAY_BEGINS + 86400)
    raise AssertionError("no sweep got an answer in time")


async def grows_with_users(store: Store) -> None:
    """10,000 exchanges on one day: a family and a line of each kind for each user."""
    everybody = await people(store)
    place = asyncio.Semaphore(30)

    async def goes_on(user: User, grant: Grant) -> None:
        session: Session | None = None
        for number in range(EXCHANGES):
            at = env(600 * number)
            async with place:
                if number % 10 == 0:
                    session = await signed_in(store, user, session.id if session else "", at=at)
                assert session is not None
                await exchanged(store, grant, session, at=at)

    await asyncio.gather(*(goes_on(user, grant) for user, grant in everybody))
    families, events, open_now = Many(TokenFamily), Many(Event), Many(Session)
    found = await store.read(families, events, open_now)
    assert len(found.many(families)) == USERS
    assert len(found.many(open_now)) == USERS
    told = found.many(events)
    for kind, count in (("connected", EXCHANGES), ("signed-in", EXCHANGES // 10)):
        assert [one.count for one in told if one.kind == kind] == [count] * USERS
    assert len(told) == 2 * USERS
    # What remembers codes is gone a moment after the codes.
    while await swept(store):
        pass
    user, _ = everybody[0]
    assert (await store.read(wanted := One(User, user.id))).one(wanted) == msgspec.structs.replace(
        user, version=1
    )
