"""`python -m bench.growth`: does the cost stay flat while the database grows?

Fills a database of each size, starts the real server on each, and takes turns among them, round by
round, so that what else the machine does falls on all alike. Before that each database is in
memory, as it would be in a server that has run for long; `--cold` adds a look at files of which
nothing is in memory. A ratio is taken within a round, against the first size; the median of the
rounds is quoted, and the lowest and highest beside it. A round counts only where every answer was
200.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg
import msgspec
import uvloop
from tests.postgres import Cluster, cluster, owner

from bench.data import FOLDER, GROWTH, Grown, growth
from bench.load import Result, processor_seconds, send
from bench.population import population
from bench.subject import Snapshot, Subject
from valetkey.server.store.database_url import Database, PostgresURL

SIZES: Final = (10_000, 1_000_000, 10_000_000)
QUARTER: Final = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 >> 20
"""Megabytes of the machine's memory for PostgreSQL's own pages, as its manual advises."""

MEMORY: Final = {"shared_buffers": f"{QUARTER}MB", "max_wal_size": "4GB"}

OPERATIONS: Final[dict[str, Callable[[Subject], bytes]]] = {
    "exchange": Subject.exchange,
    "refresh": Subject.refresh,
    "introspection": Subject.introspection,
}


class Round(msgspec.Struct, frozen=True):
    """What one round saw, in milliseconds: within which half of the answers came; within which 99
    of 100 came; and for how long the server had a core for one of them, which tells best on a
    machine that others use too. With SQLite that is the database as well."""

    p50: float
    p99: float
    core: float


Rounds = dict[tuple[str, int], list[Round]]
"""By operation and size."""

COLUMNS: Final = ("p50", "p99", "core")


class GrowthOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. `requests` are those of each operation in a round."""

    sizes: Sequence[int] = SIZES
    rounds: int = 7
    requests: int = 6000
    """More than it takes the write-ahead log to fill and begin anew."""
    connections: int = 16
    refreshes: int = 1_000_000
    grow: int = 1_000_000
    fresh: bool = False
    cold: bool = False
    by_store: bool = False
    postgres: bool = False
    record: bool = False
    folder: Path | None = None


def run(options: GrowthOptions) -> None:
    """Fills, measures, grows, and prints what it saw."""
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(_server(options.folder)) if options.postgres else None
        subjects = [
            filled(size, folder=folder, server=server, fresh=options.fresh)
            for size in options.sizes
        ]
        for one in subjects:
            stack.callback(keep, one, folder)
        if options.rounds:
            with contextlib.ExitStack() as serving:
                for one in subjects:
                    one.warm()
                    serving.enter_context(one.serving(folder))
                rounds = measure(subjects, options)
                report(rounds, options.sizes)
                if options.record:
                    record(
                        rounds, options.sizes, store="PostgreSQL" if options.postgres else "SQLite"
                    )
                if options.cold:
                    print("of files of which nothing is in memory:")
                    report(chilled(subjects, options), options.sizes)
        for one in subjects:
            if one.people.size == options.grow and options.refreshes:
                grow(one, options, folder=folder)


@contextlib.contextmanager
def _server(folder: Path | None) -> Iterator[str]:
    """A PostgreSQL's URL; in a folder it is kept."""
    if folder is None:
        with cluster(**MEMORY) as create:
            yield create.url
        return
    place = folder / "postgres"
    one = Cluster(place, **MEMORY)
    if not one.data.exists():
        place.mkdir(exist_ok=True)
        os.chown(place, owner() or os.getuid(), -1)
        one.create()
    one.start()
    try:
        yield one.url
    finally:
        one.stop("fast")


def filled(size: int, *, folder: Path, server: str | None, fresh: bool = False) -> Subject:
    """The database of that size, as it was left in the folder, or new."""
    database = _database(size, folder=folder, server=server)
    note = _note(size, folder, database)
    if note.exists():
        others = msgspec.json.decode(note.read_bytes(), type=Snapshot)
        return asyncio.run(Subject.open(database, others))
    start = time.perf_counter()
    people = population(size, now=int(time.time()), fresh=fresh)
    one = asyncio.run(Subject.fill(database, people))
    took, taken = time.perf_counter() - start, asyncio.run(one.file_size())
    print(f"{size:>12,} families  {taken / size:,.0f} bytes each  filled in {took:,.0f} s")
    keep(one, folder)
    return one


def _database(size: int, *, folder: Path, server: str | None) -> Database:
    if server is None:
        return Database(folder / f"{size}.db")

    async def create() -> None:
        connection = await asyncpg.connect(server)
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            await connection.execute(f"CREATE DATABASE growth_{size}")
        await connection.close()

    asyncio.run(create())
    return Database(PostgresURL(server.replace("/postgres", f"/growth_{size}")))


def keep(one: Subject, folder: Path) -> None:
    """Notes what its members did, for the next run."""
    note = _note(one.people.size, folder, one.database)
    note.write_bytes(msgspec.json.encode(one.kept))


def _note(size: int, folder: Path, database: Database) -> Path:
    where = "" if isinstance(database.at, Path) else "postgres-"
    return folder / f"{where}{size}.json"


def measure(subjects: Sequence[Subject], options: GrowthOptions) -> Rounds:
    """Every operation on every subject in turn, once to warm up and then `rounds` times."""
    rounds: Rounds = {}
    for number in range(options.rounds + 1):
        for name, request in OPERATIONS.items():
            for one in subjects if number % 2 else reversed(subjects):
                requests = [request(one) for _ in range(options.requests)]
                before = processor_seconds(one.pid)
                result = send_refreshes(one, requests, connections=options.connections)
                core = (processor_seconds(one.pid) - before) / len(result.waits) * 1000
                if number:
                    rounds.setdefault((name, one.people.size), []).append(
                        Round(result.p50, result.p99, core)
                    )
    return rounds


def chilled(subjects: Sequence[Subject], options: GrowthOptions) -> Rounds:
    """Every operation on every subject, of an SQLite file that has to be read from the disk. A 503
    meanwhile is asked again, and belongs to the wait."""
    rounds: Rounds = {}
    for name, request in OPERATIONS.items():
        for one in subjects:
            requests = [request(one) for _ in range(options.requests)]
            one.cool()
            before = processor_seconds(one.pid)
            result = send_refreshes(one, requests, connections=options.connections, insists=True)
            core = (processor_seconds(one.pid) - before) / len(result.waits) * 1000
            rounds[name, one.people.size] = [Round(result.p50, result.p99, core)]
    return rounds


def send_refreshes(
    one: Subject, requests: Sequence[bytes], *, connections: int, insists: bool = False
) -> Result:
    """What the load saw. Raises RuntimeError where an answer was not 200."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(
            send(one.port, requests, status=200, connections=connections, insists=insists)
        )
    if result.failures:
        raise RuntimeError(f"{result.failures} of {len(result.waits)} answers were not 200")
    return result


def report(rounds: Rounds, sizes: Sequence[int]) -> None:
    """A line for each operation and size: each column, and its ratio to the first size."""
    for name in OPERATIONS:
        for size in sizes:
            cells = [_cell(rounds, name, size=size, first=sizes[0], column=one) for one in COLUMNS]
            print(f"{name:14}{size:>12,}  {'   '.join(cells)}")


def record(
    rounds: Rounds, sizes: Sequence[int], *, store: str, file: Path = FOLDER / GROWTH
) -> None:
    """Writes the ratios of p99 down for the performance page, in the place of those of before."""
    others = [one for one in growth(file) if one.store != store]
    for name in OPERATIONS:
        for size in sizes:
            ratios = _ratios(rounds, name, size=size, first=sizes[0], column="p99")
            others.append(
                Grown(
                    store=store,
                    operation=name,
                    families=size,
                    median=round(median(ratios), 2),
                    lowest=round(min(ratios), 2),
                    highest=round(max(ratios), 2),
                )
            )
    file.write_bytes(msgspec.json.format(msgspec.json.encode(others), indent=1) + b"\n")


def _ratios(rounds: Rounds, name: str, *, size: int, first: int, column: str) -> list[float]:
    these = [getattr(one, column) for one in rounds[name, size]]
    base = [getattr(one, column) for one in rounds[name, first]]
    return [one / other for one, other in zip(these, base, strict=True)]


def _cell(rounds: Rounds, name: str, *, size: int, first: int, column: str) -> str:
    """The median of a column; then that of its ratios, and the lowest and highest of these."""
    these = [getattr(one, column) for one in rounds[name, size]]
    ratios = _ratios(rounds, name, size=size, first=first, column=column)
    spread = f"x {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"{column} {median(these):6.2f} ms {spread}"


def grow(one: Subject, options: GrowthOptions, *, folder: Path) -> None:
    """Refreshes over and over, and says by how much the database grew. Here a 503 is asked again:
    nothing is timed."""
    before, start = asyncio.run(one.file_size()), time.perf_counter()
    if options.by_store:
        asyncio.run(one.turn(options.refreshes))
    else:
        with one.serving(folder):
            for batch in _batches(map(Subject.refresh, repeat(one, options.refreshes))):
                send_refreshes(one, batch, connections=options.connections, insists=True)
    after, took = asyncio.run(one.file_size()), time.perf_counter() - start
    print(
        f"{options.refreshes:,} refreshes of {one.people.size:,} families in {took:,.0f} s: "
        f"{before:,} bytes before, {after:,} after, {after / before - 1:+.2%}"
    )


def _batches(requests: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(requests, 10_000)):
        yield batch


def _parse_options(words: Sequence[str]) -> GrowthOptions:
    default = GrowthOptions()
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="families, least first")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="0: do not measure")
    parser.add_argument("--requests", type=int, default=default.requests, help="in a round, each")
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--refreshes", type=int, default=default.refreshes, help="0: do not grow")
    parser.add_argument("--grow", type=int, default=default.grow, help="the size that is grown")
    parser.add_argument("--fresh", action="store_true", help="fill with what was never refreshed")
    parser.add_argument("--by-store", action="store_true", help="refresh without the server")
    parser.add_argument("--cold", action="store_true", help="with SQLite: not in memory, too")
    parser.add_argument("--postgres", action="store_true", help="in a PostgreSQL of its own")
    parser.add_argument("--record", action="store_true", help="for the performance page")
    parser.add_argument("--folder", type=Path, help="keep the databases here, and use them again")
    return GrowthOptions(**vars(parser.parse_args(words)))


if __name__ == "__main__":
    run(_parse_options(sys.argv[1:]))
