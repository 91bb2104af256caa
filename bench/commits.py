"""`python -m bench.commits`: how many commits go together, and how long one of them takes.

So many connections commit at the same time, each for a token family of its own, again and again, as
refreshes do. `--processes` shares them out among several, which share the database.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from os import urandom
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any, Final

import msgspec
import uvloop
from tests.postgres import cluster

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import TokenFamily
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.postgres.committer import Committer
from valetkey.server.store.sqlite.transactions import Writer

CONNECTIONS: Final = (1, 16, 64, 256)
START: Final = 120.0
"""Seconds in which every process has begun."""


class Measured(msgspec.Struct):
    """What a process saw: how many commits each transaction held, how many seconds each commit
    took, and how many were not answered in time."""

    batches: list[int] = []
    waits: list[float] = []
    failed: int = 0


def _family(env: Env) -> TokenFamily:
    owner = ids.user_id(env)
    return TokenFamily(
        id=ids.owned_id(env, owner=owner),
        grant=ids.owned_id(env, owner=owner),
        user=owner,
        client="stefapp",
        scope=("openid", "offline_access", "chirps"),
        permissions=("openid", "offline_access", "chirps.read", "chirps.write"),
        rotated=env.now,
        refreshable=True,
        auth_time=env.now,
        device="Firefox on Linux",
        created=env.now,
        used=env.now,
        expires=env.now + 60 * 86400,
    )


@contextlib.contextmanager
def _counted(measured: Measured) -> Iterator[None]:
    """Notes how large each transaction is."""
    write, commit = Writer._write, Committer._commit

    def writing(self: Any, batch: Sequence[Any]) -> None:
        measured.batches.append(len(batch))
        write(self, batch)

    async def committing(self: Any, batch: Sequence[Any]) -> None:
        measured.batches.append(len(batch))
        await commit(self, batch)

    vars_of: tuple[Any, Any] = (Writer, Committer)
    vars_of[0]._write, vars_of[1]._commit = writing, committing
    try:
        yield
    finally:
        vars_of[0]._write, vars_of[1]._commit = write, commit


async def _goes_on(store: Store, family: TokenFamily, until: float, measured: Measured) -> None:
    while time.monotonic() < until:
        since = time.monotonic()
        try:
            await store.commit([Update(family)])
        except Unavailable:
            measured.failed += 1
            return
        measured.waits.append(time.monotonic() - since)
        after, used = family.version + 1, family.used + 1
        family = msgspec.structs.replace(
            family, version=after, generation=after, used=used, rotated=used
        )


async def _committing(
    database: Database, connections: int, seconds: float, *, begun: Callable[[], object]
) -> Measured:
    store, measured = await open_store(database), Measured()
    try:
        families = [_family(Env(int(time.time()), urandom)) for _ in range(connections)]
        await store.commit([Create(one) for one in families])
        begun()
        with _counted(measured):
            until = time.monotonic() + seconds
            ready = [msgspec.structs.replace(one, version=1) for one in families]
            await asyncio.gather(*(_goes_on(store, one, until, measured) for one in ready))
    finally:
        await store.close()
    return measured


def _process(address: str, connections: int, seconds: float, together: Any, results: Any) -> None:
    """A process of its own, which begins when all do."""
    at = PostgresURL(address) if "://" in address else Path(address)
    work = _committing(Database(at), connections, seconds, begun=lambda: together.wait(START))
    results.put(msgspec.json.encode(uvloop.run(work)))


def measured(address: str, connections: int, *, processes: int, seconds: float) -> Measured:
    """What all processes saw together."""
    spawn = multiprocessing.get_context("spawn")
    together, results = spawn.Barrier(processes), spawn.Queue()
    share = connections // processes
    everybody = [
        spawn.Process(target=_process, args=(address, share, seconds, together, results))
        for _ in range(processes)
    ]
    for one in everybody:
        one.start()
    results_of_all = [
        msgspec.json.decode(results.get(timeout=START), type=Measured) for _ in everybody
    ]
    for one in everybody:
        one.join()
    return Measured(
        [size for one in results_of_all for size in one.batches],
        [wait for one in results_of_all for wait in one.waits],
        sum(one.failed for one in results_of_all),
    )


def line(measured: Measured, connections: int, seconds: float) -> str:
    """One row of the table."""
    p50, p99 = median(measured.waits) * 1000, quantiles(measured.waits, n=100)[98] * 1000
    cells = (
        f"{connections}",
        f"{len(measured.waits) / seconds:,.0f}",
        f"{mean(measured.batches):.1f}",
        f"{max(measured.batches)}",
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{measured.failed}",
    )
    return f"| {' | '.join(cells)} |"


@contextlib.contextmanager
def _database(*, postgres: bool) -> Iterator[str]:
    if postgres:
        with cluster() as one:
            yield one.url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder) / "valetkey.db")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    options = parser.parse_args()
    print("| connections | commits a second | in one | at most | p50 ms | p99 ms | in vain |")
    print("|---|---|---|---|---|---|---|")
    with _database(postgres=options.postgres) as address:
        for connections in options.connections:
            if connections < options.processes:
                continue
            total = measured(
                address, connections, processes=options.processes, seconds=options.seconds
            )
            print(line(total, connections, options.seconds), flush=True)


if __name__ == "__main__":
    main()
