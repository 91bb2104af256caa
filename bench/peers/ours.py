"""Our own server: `valetkey serve`, one process, with its database on the same core."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg
from tests.postgres import MISSING as NO_POSTGRES
from tests.postgres import cluster

from bench.machine import CORES, SERVER_CORE, free_port
from bench.peers.ours_requests import OPERATIONS, Requests
from bench.peers.peer import Running, program
from bench.peers.people import SIZE, copy, furnish
from bench.subject import Kept, Subject
from valetkey.jose import base64url
from valetkey.store.database import Database, PostgresURL

POSTGRES = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
"""What a machine for a database sets first; whatever it promises of durability is its default."""


class Ours:
    """On an SQLite file, `synchronous=FULL`."""

    name = "valetkey"

    def __init__(self, *, size: int = SIZE, workers: int = 1) -> None:
        self.operations: Sequence[str] = tuple(OPERATIONS)
        self._size = size
        self._workers = workers
        self._filled: tuple[Path, Kept] | None = None

    def missing(self) -> str:
        return ""

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server on a copy of the database that was filled for the first operation."""
        source, kept = self._fill(folder)
        file = folder / "valetkey.db"
        copy(source, file)
        with _served(Database(file), kept, folder, operation, workers=self._workers) as running:
            yield running

    def _fill(self, folder: Path) -> tuple[Path, Kept]:
        if self._filled is None:
            source = folder.parent / "filled.db"
            self._filled = source, asyncio.run(furnish(Database(source), self._size))
        return self._filled


class OnPostgres:
    """The same on PostgreSQL, which runs on the server's core as well."""

    name = "valetkey, PostgreSQL"
    operations: Sequence[str] = ("refresh", "code", "code, openid", "introspection")

    def missing(self) -> str:
        return NO_POSTGRES

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server and a cluster of its own."""
        os.sched_setaffinity(0, {SERVER_CORE})  # which the cluster inherits
        with contextlib.ExitStack() as stack:
            try:
                url = stack.enter_context(cluster(**POSTGRES)).url
            finally:
                os.sched_setaffinity(0, CORES)
            asyncio.run(_fresh(url))
            database = Database(PostgresURL(url.replace("/postgres", "/bench")))
            kept = asyncio.run(furnish(database))
            yield stack.enter_context(_served(database, kept, folder, operation))


async def _fresh(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE bench")
    await connection.close()


@contextlib.contextmanager
def _served(
    database: Database, kept: Kept, folder: Path, operation: str, *, workers: int = 1
) -> Iterator[Running]:
    subject = asyncio.run(Subject.open(database, kept))
    subject.kept.refreshes = subject.kept.visits = 0
    subject.port = free_port()
    at = database.at
    named = at.reveal() if isinstance(at, PostgresURL) else str(at)
    command = [sys.executable, "-m", "valetkey", "serve", "--database", named]
    command += ["--port", str(subject.port), "--issuer", subject.issuer]
    command += ["--workers", str(workers)]
    requests = Requests(subject)
    with program(
        command,
        folder=folder,
        health=f"{subject.issuer}/jwks",
        environment=os.environ | {"VALETKEY_MASTER_KEY": base64url.encode(kept.master)},
        cores=CORES if workers > 1 else (SERVER_CORE,),
    ) as (pid, first):
        yield Running(
            pid=pid, port=subject.port, first=first, load=lambda: requests.load(operation)
        )
