"""asyncpg or psycopg? The same statements of the store's through both, on a PostgreSQL of its own.

    .venv/bin/pip install 'psycopg[binary]' && .venv/bin/python -m bench.drivers

Two operations: what a refresh reads (family, grant, client and user in one statement) on as many
connections as a node has, and what 64 concurrent requests write (one statement: 64 families
updated, 64 events added) on one. Rounds of the drivers alternate, so that a busy machine harms both
alike: what counts is the ratio, and the processor time that each takes of the node.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from statistics import median
from typing import Any, Final, Protocol

import asyncpg
import msgspec
import uvloop
from tests.installation import CLIENTS
from tests.postgres import MISSING, cluster

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Query
from valetkey.server.model.user import User
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.postgres import PostgresStore, statements
from valetkey.server.store.postgres.commits import commit
from valetkey.server.store.postgres.connections import MOST
from valetkey.server.store.postgres.statements import Statement

USERS: Final = 1000
BATCH: Final = 64
ENV: Final = Env(int(time.time()), os.urandom)


class Driver(Protocol):
    """One connection."""

    async def fetch(self, statement: Statement) -> list[Any]:
        """The rows of a statement, which is prepared once."""
        ...

    async def close(self) -> None:
        """Lets go of it."""
        ...


class Asyncpg:
    """asyncpg, which keeps what it prepared by itself."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> "Asyncpg":
        return cls(await asyncpg.connect(url))

    async def fetch(self, statement: Statement) -> list[Any]:
        rows: list[Any] = await self._connection.fetch(statement.sql, *statement.parameters)
        return rows

    async def close(self) -> None:
        await self._connection.close()


class Psycopg:
    """psycopg 3, with its C part, the server's own placeholders, prepared and binary."""

    def __init__(self, connection: Any, cursor: Any) -> None:
        self._connection = connection
        self._cursor = cursor

    @classmethod
    async def connect(cls, url: str) -> "Psycopg":
        import psycopg

        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        return cls(connection, psycopg.AsyncRawCursor(connection))

    async def fetch(self, statement: Statement) -> list[Any]:
        await self._cursor.execute(statement.sql, statement.parameters, prepare=True, binary=True)
        rows: list[Any] = await self._cursor.fetchall()
        return rows

    async def close(self) -> None:
        await self._connection.close()


class Rows:
    """What is in the database, as it stands."""

    def __init__(self) -> None:
        self.users = [User(id=ids.user_id(ENV), username=f"user{n}") for n in range(USERS)]
        self.grants = [
            Grant(
                id=ids.owned_id(ENV, owner=user.id),
                user=user.id,
                client=CLIENTS[0].id,
                permissions=("chirps.read", "chirps.write"),
                created=ENV.now,
                changed=ENV.now,
            )
            for user in self.users
        ]
        self.families = [
            TokenFamily(
                id=ids.owned_id(ENV, owner=grant.user),
                grant=grant.id,
                user=grant.user,
                client=grant.client,
                permissions=grant.permissions,
                refreshable=True,
                created=ENV.now,
                used=ENV.now,
                expires=ENV.now + 86400,
            )
            for grant in self.grants
        ]
        self._turn = 0

    async def put(self, url: str) -> None:
        """Writes them all."""
        store = await PostgresStore.open(PostgresURL(url))
        await store.commit([Create(CLIENTS[0])])
        for rows in (self.users, self.grants, self.families):
            await store.commit([Create(one) for one in rows])
        await store.close()
        self.families = [msgspec.structs.replace(one, version=1) for one in self.families]

    def reading(self) -> Statement:
        """What one refresh reads."""
        family = self.families[self._next(1)]
        wants: tuple[Query, ...] = (
            One(TokenFamily, family.id),
            One(Grant, family.grant),
            One(User, family.user),
            One(Client, family.client),
        )
        return statements.read(wants)

    def writing(self) -> Statement:
        """What many requests write."""
        first = self._next(BATCH)
        changes: list[Update | Create] = []
        for at in range(first, first + BATCH):
            family = self.families[at % USERS]
            turned = msgspec.structs.replace(family, generation=family.generation + 1)
            changes += [Update(turned), Create(_report_row(family))]
            self.families[at % USERS] = msgspec.structs.replace(turned, version=turned.version + 1)
        return commit(changes)

    def _next(self, count: int) -> int:
        self._turn = (self._turn + count) % USERS
        return self._turn


def _report_row(family: TokenFamily) -> Any:
    return event(ENV, "connected", by="app", user=family.user, grant=family.grant)


class Round(msgspec.Struct, frozen=True):
    """Statements a second, and microseconds of this process's processor for each."""

    rate: float
    cpu: float


async def timed(seconds: float, once: Callable[[], Awaitable[object]], workers: int) -> Round:
    """Does it over and over, by so many at once."""
    count = 0
    until = time.perf_counter() + seconds

    async def work() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await once()
            count += 1

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(workers)))
    took, cpu = time.perf_counter() - began, time.process_time() - used
    return Round(count / took, cpu / count * 1e6)


async def reads(drivers: list[Driver], rows: Rows, *, seconds: float) -> Round:
    """A round of point reads."""
    free = list(drivers)

    async def once() -> None:
        driver = free.pop()
        fetched = await driver.fetch(rows.reading())
        free.append(driver)
        if len(fetched) != 4:
            raise RuntimeError(f"{len(fetched)} rows instead of 4")

    return await timed(seconds, once, workers=len(drivers))


async def commits(drivers: list[Driver], rows: Rows, *, seconds: float) -> Round:
    """A round of batched commits."""
    return await timed(seconds, lambda: drivers[0].fetch(rows.writing()), workers=1)


OPERATIONS: Final = {"point read": reads, "commit of 64": commits}
CONNECT: Final[dict[str, Callable[[str], Awaitable[Driver]]]] = {
    "asyncpg": Asyncpg.connect,
    "psycopg": Psycopg.connect,
}


async def measure(url: str, *, rounds: int, seconds: float) -> dict[tuple[str, str], list[Round]]:
    """The rounds by operation and driver; the first of each is left out."""
    rows = Rows()
    await rows.put(url)
    drivers = {name: [await connect(url) for _ in range(MOST)] for name, connect in CONNECT.items()}
    rounds_by_driver: dict[tuple[str, str], list[Round]] = {}
    for number in range(rounds + 1):
        for what, operation in OPERATIONS.items():
            for name in sorted(drivers, reverse=bool(number % 2)):
                one = await operation(drivers[name], rows, seconds=seconds)
                if number:
                    rounds_by_driver.setdefault((what, name), []).append(one)
    for several in drivers.values():
        for driver in several:
            await driver.close()
    return rounds_by_driver


def report(rounds_by_driver: dict[tuple[str, str], list[Round]]) -> None:
    """A line for each, and the ratios."""
    for what in OPERATIONS:
        first, second = (rounds_by_driver[what, name] for name in CONNECT)
        for name, fetched in zip(CONNECT, (first, second), strict=True):
            rate, cpu = median(one.rate for one in fetched), median(one.cpu for one in fetched)
            print(f"{what:14} {name:8} {rate:9,.0f}/s   {cpu:8,.0f} us of processor")
        pairs = list(zip(first, second, strict=True))
        faster = sorted(one.rate / other.rate for one, other in pairs)
        cheaper = sorted(other.cpu / one.cpu for one, other in pairs)
        print(
            f"{what:14} asyncpg/psycopg: rate {median(faster):.2f} "
            f"({faster[0]:.2f} to {faster[-1]:.2f}), psycopg/asyncpg: processor "
            f"{median(cheaper):.2f} ({cheaper[0]:.2f} to {cheaper[-1]:.2f})"
        )


def main() -> None:
    """Measures both."""
    parser = argparse.ArgumentParser(prog="python -m bench.drivers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    if MISSING:
        sys.exit(MISSING)
    if find_spec("psycopg") is None:
        sys.exit("psycopg is missing: pip install 'psycopg[binary]'")
    with cluster() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report(runner.run(measure(server.url, rounds=options.rounds, seconds=options.seconds)))


if __name__ == "__main__":
    main()
