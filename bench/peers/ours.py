"""Our own server: `valetkey serve`, one process, with its database on the same core."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import msgspec
from tests.postgres import MISSING as NO_POSTGRES
from tests.postgres import cluster

from bench.machine import CORES, SERVER_CORE, free_port
from bench.peers.ours_requests import OPERATIONS, Requests
from bench.peers.peer import Running, program
from bench.peers.people import SIZE, copy, furnish
from bench.subject import Snapshot, Subject
from valetkey.jose import base64url
from valetkey.server.store.database_url import Database, PostgresURL

POSTGRES = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
"""What a machine for a database sets first; whatever it promises of durability is its default."""


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How it is started: the number of processes, the cores that they share, more settings."""

    workers: int = 1
    cores: Sequence[int] = (SERVER_CORE,)
    environment: Mapping[str, str] = {}


class Ours:
    """On an SQLite file, `synchronous=FULL`."""

    name = "valetkey"

    def __init__(
        self,
        *,
        size: int = SIZE,
        workers: int = 1,
        cores: Sequence[int] = (SERVER_CORE,),
        environment: Mapping[str, str] = {},
    ) -> None:
        self.operations: Sequence[str] = tuple(OPERATIONS)
        self._size = size
        self._how = How(workers=workers, cores=cores, environment=environment)
        self._filled: tuple[Path, Snapshot] | None = None

    def missing(self) -> str:
        return ""

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server on a copy of the database that was filled for the first operation."""
        source, snapshot = self._fill(folder)
        file = folder / "valetkey.db"
        copy(source, file)
        with _served(Database(file), snapshot, folder, operation, how=self._how) as running:
            yield running

    def names(self, count: int) -> list[str]:
        """What so many of the people in it are called."""
        if self._filled is None:
            raise RuntimeError("nobody is in it yet")
        people = self._filled[1].people
        return [people.member(number).user.username for number in range(min(count, people.size))]

    def _fill(self, folder: Path) -> tuple[Path, Snapshot]:
        if self._filled is None:
            source = Path(mkdtemp(prefix="filled ", dir=folder.parent)) / "valetkey.db"
            self._filled = source, asyncio.run(furnish(Database(source), self._size))
        return self._filled


class OnPostgres:
    """The same on PostgreSQL, which runs on the server's cores as well."""

    name = "valetkey, PostgreSQL"
    operations: Sequence[str] = (
        "refresh",
        "code",
        "refresh, JWT",
        "code, openid",
        "code, two signatures",
        "introspection",
        "introspection, first time",
        "revocation",
        "device polling",
    )

    def __init__(self, *, workers: int = 1, cores: Sequence[int] = (SERVER_CORE,)) -> None:
        self._how = How(workers=workers, cores=cores)

    def missing(self) -> str:
        return NO_POSTGRES

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server and a cluster of its own."""
        os.sched_setaffinity(0, self._how.cores)  # which the cluster inherits
        with contextlib.ExitStack() as stack:
            try:
                url = stack.enter_context(cluster(**POSTGRES)).url
            finally:
                os.sched_setaffinity(0, CORES)
            asyncio.run(_fresh(url))
            database = Database(PostgresURL(url.replace("/postgres", "/bench")))
            snapshot = asyncio.run(furnish(database))
            yield stack.enter_context(_served(database, snapshot, folder, operation, how=self._how))


async def _fresh(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE bench")
    await connection.close()


@contextlib.contextmanager
def _served(
    database: Database, snapshot: Snapshot, folder: Path, operation: str, *, how: How
) -> Iterator[Running]:
    subject = asyncio.run(Subject.open(database, snapshot))
    subject.kept.refreshes = subject.kept.visits = 0
    subject.port = free_port()
    at = database.at
    named = at.reveal() if isinstance(at, PostgresURL) else str(at)
    command = [sys.executable, "-m", "valetkey", "serve", "--database", named]
    command += ["--port", str(subject.port), "--issuer", subject.issuer]
    command += ["--workers", str(how.workers)]
    requests = Requests(subject)
    with program(
        command,
        folder=folder,
        health=f"{subject.issuer}/jwks",
        environment={
            **os.environ,
            **how.environment,
            "VALETKEY_MASTER_KEY": base64url.encode(snapshot.master),
        },
        cores=how.cores,
    ) as (pid, first):
        yield Running(
            pid=pid, port=subject.port, first=first, load=lambda: requests.load(operation)
        )
