"""What our own server is filled with: the population of the growth bench, and anyone who else the
operations need."""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.fill import fill
from bench.population import API, SECRET, Member, Population, population
from bench.subject import Snapshot
from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, Exchange, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Secret
from valetkey.server.model.pending import DecoupledRequest, Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.record import Record
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.grant_types import polling
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database
from valetkey.spec import names

SIZE: Final = 20_000
"""Families in the database."""

SIGNED_IN: Final = 1000
"""Users of the app that asks who they are."""

OPENID: Final = ("openid", "profile", "email", "offline_access", "chirps.read")
REDIRECT: Final = "https://web.example/callback"
PASSWORD: Final = "one password will do"
BROWSER_SECRET: Final = "a secret of a browser's own"

_SECRETS: Final = (StoredSecret(digest(SECRET), 0),)

WEB: Final = Client(
    id="web", name="Web", redirect_uris=(REDIRECT,), scope=OPENID, policy="elliptic"
)
"""A public client that signs its users in, with ID Tokens in ES256, as those of the peers are."""

MACHINE: Final = Client(
    id="machine",
    name="Machine",
    auth_method="client_secret_basic",
    secrets=_SECRETS,
    grant_types=(names.CLIENT_CREDENTIALS,),
    scope=("chirps.read",),
)
SERVER: Final = Client(
    id="server",
    name="Server",
    auth_method="client_secret_basic",
    secrets=_SECRETS,
    redirect_uris=(REDIRECT,),
    scope=OPENID,
)
"""One that sends its authorization requests ahead (RFC 9126); of public clients few may wait."""

RSA: Final = msgspec.structs.replace(MACHINE, id="machine-rsa", policy="rsa")
AGENT: Final = Client(
    id="agent",
    name="Agent",
    auth_method="client_secret_basic",
    secrets=_SECRETS,
    grant_types=(names.TOKEN_EXCHANGE,),
    scope=("chirps.read",),
    exchange=Exchange(clients=("web",), audiences=(API.catalog.resource,)),
)
TELEVISION: Final = Client(
    id="tv",
    name="Television",
    grant_types=(names.DEVICE_CODE, names.REFRESH_TOKEN),
    scope=("chirps.read", "offline_access"),
)
CLIENTS: Final = (WEB, SERVER, MACHINE, RSA, AGENT, TELEVISION)
POLICIES: Final = (
    Policy(name="rsa", access_token_algorithm="RS256"),
    Policy(name="elliptic", id_token_algorithm="ES256"),
)


DEVICES: Final = 6000
"""Televisions that wait for an answer: so many that none comes too soon."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One of those that the web app signs in, in a browser that is signed in here."""

    user: User
    grant: Grant
    family: TokenFamily
    session: Session

    @property
    def records(self) -> tuple[Record, ...]:
        """What has to be written of them beside the user."""
        return (self.grant, self.family, self.session)


def person(member: Member, *, now: int) -> Person:
    """The member of the population as a user of the web app. The same whenever asked for."""
    user, family = member.user, member.family
    draws = iter(digest(user.id + word).encode() for word in ("grant", "family", "session"))
    env = Env(now, lambda size: next(draws)[:size])
    grant = Grant(
        id=ids.owned_id(env, owner=user.id),
        user=user.id,
        client=WEB.id,
        permissions=OPENID,
        created=now,
        changed=now,
        version=1,
    )
    theirs = TokenFamily(
        id=ids.owned_id(env, owner=user.id),
        grant=grant.id,
        user=user.id,
        client=WEB.id,
        scope=OPENID,
        permissions=OPENID,
        rotated=now,
        refreshable=True,
        session=family.session,
        auth_time=now,
        device=family.device,
        created=now,
        used=now,
        expires=now + 60 * 86400,
        version=1,
    )
    session = Session(
        id=ids.owned_id(env, owner=user.id),
        digest=digest(BROWSER_SECRET),
        user=user.id,
        auth_time=now,
        amr=("pwd",),
        proved=password_mark(user),
        expires=now + 43200,
        version=1,
    )
    return Person(user=user, grant=grant, family=theirs, session=session)


def _device(number: int) -> tuple[str, bytes]:
    """The name of its request, and its secret. The same whenever asked for."""
    drawn = hashlib.blake2b(b"device %d" % number, digest_size=48).digest()
    return drawn[:16].hex(), drawn[16:]


def device_code(number: int) -> str:
    """What it shows when it comes (RFC 8628 3.4)."""
    return polling.handle("dc", *_device(number))


def device(number: int, *, now: int) -> Pending:
    """Its request, to which nobody has said anything."""
    name, secret = _device(number)
    return Pending(
        id=name,
        kind="device",
        client=TELEVISION.id,
        parameters={"client_id": TELEVISION.id, "scope": "chirps.read"},
        created=now,
        expires=now + 86400,
        decoupled=DecoupledRequest(digest=polling.secret_digest(secret), interval=polling.INTERVAL),
    )


async def furnish(
    database: Database, size: int = SIZE, *, stored: str = "", more: Sequence[Record] = ()
) -> Snapshot:
    """Fills an empty database. `stored` is everybody's password hash, by default one of ours."""
    now = int(time.time())
    people = msgspec.structs.replace(
        population(size, now=now),
        password=stored or password.hash_password(Secret(PASSWORD), salt=os.urandom(16)),
    )
    snapshot = Snapshot(people=people, master=os.urandom(32))
    await fill(database, people, master=snapshot.master)
    if isinstance(database.at, Path):
        with database.at.open("rb+") as file:
            os.fsync(file.fileno())  # or the first commit would wait for all of it
    store = await open_store(database)
    try:
        await store.commit([Create(one) for one in (*CLIENTS, *POLICIES, *more)])
        new: list[Create] = [
            Create(_new(one)) for who in people_of(snapshot) for one in who.records
        ]
        new += [Create(device(number, now=now)) for number in range(DEVICES)]
        for first in range(0, len(new), 300):
            await store.commit(new[first : first + 300])
    finally:
        await store.close()
    return snapshot


def _new(record: Record) -> Record:
    return msgspec.structs.replace(record, version=0)


def people_of(snapshot: Snapshot) -> list[Person]:
    """The users of the web app."""
    people: Population = snapshot.people
    return [
        person(people.member(number), now=people.now)
        for number in range(min(SIGNED_IN, people.size))
    ]


def copy(source: Path, target: Path) -> None:
    """The database file, as it was filled."""
    target.write_bytes(source.read_bytes())
