"""People who have long used their apps: member `n` of a population is the same whenever asked for.

Nothing but the number says who somebody is, so a load needs no list of ten million names.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import Final

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.event import By, Event, Kind, event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.wire import opaque
from valetkey.wire.catalog import Catalog, Permission

DAY: Final = 86400
OLDEST: Final = 300 * DAY
"""Seconds since the first member said yes; all others came evenly since."""

IDLE: Final = 30 * DAY
"""Seconds within which everybody has used their app, at some moment of their own."""

REDIRECT: Final = "https://app.example/callback"
PERMISSIONS: Final = ("chirps.read", "chirps.write", "offline_access")
LIFETIMES: Final = Lifetimes()

SECRET: Final = opaque.write("cs", bytes(32))
"""What the API proves itself by: these databases guard nothing."""

API: Final = ResourceServer(
    id="chirp",
    secrets=(StoredSecret(digest(SECRET), 0),),
    catalog=Catalog(
        resource="https://chirp.example",
        name="Chirp",
        permissions=(
            Permission(id="chirps.read", can="read your timeline", group="view"),
            Permission(id="chirps.write", can="post chirps in your name", risk="medium"),
        ),
    ),
)

APPS: Final = tuple(
    Client(id=f"app{n}", name=f"App {n}", redirect_uris=(REDIRECT,), scope=PERMISSIONS)
    for n in range(10)
)
"""Public clients: their refresh tokens rotate, so every refresh writes."""

DEVICES: Final = ("Chrome on Windows", "Safari on an iPhone", "Firefox on Linux")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One user, their yes to one app, its one device, and what was told of both."""

    user: User
    grant: Grant
    family: TokenFamily
    events: tuple[Event, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All that the server keeps of the member."""
        return (self.user, self.grant, self.family, *self.events)


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """`size` members at `now` (seconds since 1970). Where `fresh`, all came within IDLE and no app
    has refreshed yet; else each did once a day until it was used last."""

    size: int
    now: int
    seed: bytes
    password: str
    fresh: bool = False

    def member(self, number: int) -> Member:
        """The member with that number, from 0."""
        noise = self.noise(number)
        born, thousandths = divmod(self.millisecond(number), 1000)
        user = ids.to_text(noise[:16])
        device = DEVICES[noise[17] % len(DEVICES)]
        draws = (noise[start : start + 6] for start in range(18, 64, 6))
        env = Env(born, lambda _: next(draws), thousandths)
        grant = Grant(
            id=ids.owned_id(env, owner=user),
            user=user,
            client=APPS[noise[16] % len(APPS)].id,
            permissions=PERMISSIONS,
            created=born,
            changed=born,
            version=1,
        )
        return Member(
            user=self._user(user, number, born),
            grant=grant,
            family=self._family(env, noise, grant=grant, device=device),
            events=(
                _event(grant, env, kind="granted", by="user"),
                _event(grant, env, kind="connected", by="app", note=device),
            ),
        )

    def noise(self, number: int) -> bytes:
        """What is random in them."""
        return hashlib.blake2b(number.to_bytes(8, "big"), key=self.seed, digest_size=64).digest()

    def millisecond(self, number: int) -> int:
        """When they came."""
        oldest = IDLE if self.fresh else OLDEST
        return (self.now - oldest) * 1000 + oldest * 1000 * number // self.size

    def latest(self, noise: bytes) -> int:
        """The second in which they used their app last, unless they came later."""
        return self.now - IDLE * int.from_bytes(noise[60:], "big") // 2**32

    def _user(self, user: str, number: int, born: int) -> User:
        name = f"{user[:5]}.{number}"
        return User(
            id=user,
            username=name,
            password=self.password,
            email=f"{name}@mail.example",
            email_verified=True,
            claims={"name": f"Somebody {number}"},
            created=born,
            changed=born,
            version=1,
        )

    def _family(self, env: Env, noise: bytes, *, grant: Grant, device: str) -> TokenFamily:
        used = env.now if self.fresh else max(env.now, self.latest(noise))
        generation = (used - env.now) // DAY
        return TokenFamily(
            id=ids.owned_id(env, owner=grant.user),
            grant=grant.id,
            user=grant.user,
            client=grant.client,
            scope=PERMISSIONS,
            permissions=PERMISSIONS,
            generation=generation,
            rotated=used,
            refreshable=True,
            session=ids.owned_id(env, owner=grant.user),
            auth_time=env.now,
            device=device,
            created=env.now,
            used=used,
            expires=min(used + LIFETIMES.refresh_idle, env.now + LIFETIMES.refresh_token),
            version=1 + generation,
        )

    def members(self) -> Iterator[Member]:
        """Everybody, in the order in which they came."""
        return (self.member(number) for number in range(self.size))


def _event(grant: Grant, env: Env, *, kind: Kind, by: By, note: str = "") -> Event:
    happened = event(
        env,
        kind,
        by=by,
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        permissions=() if note else grant.permissions,
        note=note,
    )
    return msgspec.structs.replace(happened, version=1)


def population(size: int, *, now: int, fresh: bool = False) -> Population:
    """A new one, of strangers to any other. All have the same password."""
    kept = password.hash_password(Secret("one password will do"), salt=os.urandom(16))
    return Population(size=size, now=now, seed=os.urandom(32), password=kept, fresh=fresh)
