"""`python -m bench.trial`: the trial of docs/explanation/scale.md, as far as one machine can run.

A PostgreSQL with a synchronous standby holds a tenth of the families of the plan. Four nodes
refresh and exchange codes on it at a steady pace, for an hour of checkpoints and vacuum. Each
minute has its waits. Twice a minute the database is looked at for what grows: the log, the tables,
their indexes, what vacuum has to do. With `--record` the data and the plots go to docs/performance.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from tests.live import free_port
from tests.postgres import owner
from tests.promises.replicated import Pair, Server

from bench import svg
from bench.data import FOLDER, Machine
from bench.growth import filled, keep
from bench.load import processor_seconds
from bench.paced import Minute, Pace
from bench.subject import Subject
from valetkey.server.store.database_url import PostgresURL

FAMILIES: Final = 8_000_000
EXCHANGES: Final = 100
"""One request in so many exchanges a code; all others refresh."""

LOOK: Final = 30.0
"""Seconds between two looks at the database."""

PRIMARY: Final = {"shared_buffers": "4GB", "max_wal_size": "4GB", "wal_keep_size": "1GB"}
STANDBY: Final = {"shared_buffers": "1GB", "max_wal_size": "4GB"}

LOOK_AT: Final = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS log,
       pg_database_size(current_database())::float8 AS database,
       pg_relation_size('families')::float8 AS families,
       pg_indexes_size('families')::float8 AS indexes,
       t.n_dead_tup::float8 AS dead,
       t.n_tup_upd::float8 AS updates,
       t.n_tup_hot_upd::float8 AS in_place,
       (SELECT sum(autovacuum_count) FROM pg_stat_user_tables)::float8 AS vacuums,
       (SELECT checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter)::float8 AS checkpoints,
       (SELECT age(datfrozenxid) FROM pg_database
         WHERE datname = current_database())::float8 AS unfrozen,
       (SELECT coalesce(max(extract(epoch FROM flush_lag)), 0) * 1000
          FROM pg_stat_replication)::float8 AS standby
  FROM pg_stat_user_tables t WHERE t.relname = 'families'
"""

DEPTHS: Final = """
SELECT i.indexrelid::regclass::text AS name, (bt_metap(i.indexrelid::regclass::text)).level AS level
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
 WHERE i.indrelid = 'families'::regclass AND a.amname = 'btree' ORDER BY 1
"""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The database at a moment: seconds since the start, bytes, rows, counts since it was made, the
    age of the oldest transaction that is not frozen, and by how many milliseconds the standby was
    behind. `nodes` are the seconds of a core that the nodes have used."""

    second: float
    nodes: float
    log: float
    database: float
    families: float
    indexes: float
    dead: float
    updates: float
    in_place: float
    vacuums: float
    checkpoints: float
    unfrozen: float
    standby: float


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """All that a trial saw. `depths`: the levels of each index of the families, before and
    after."""

    at: int
    machine: Machine
    families: int
    nodes: int
    connections: int
    rate: float
    minutes: list[Minute]
    looks: list[Look]
    depths: dict[str, tuple[int, int]]


class TrialOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. `rate` is requests a second, all nodes together."""

    families: int = FAMILIES
    minutes: int = 60
    rate: float = 300
    nodes: int = 4
    connections: int = 64
    folder: Path | None = None
    record: bool = False


def run(options: TrialOptions) -> Trial:
    """Fills the database, unless the folder has it, and runs the trial on it."""
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        pair = stack.enter_context(_servers(folder))
        subject = filled(options.families, folder=folder, server=pair.primary.url)
        stack.callback(keep, subject, folder)
        subject.warm()
        pair.attach()
        stack.callback(pair.primary.wait_for, "")
        subject.port = free_port()
        ports = [subject.port, *(free_port() for _ in range(options.nodes - 1))]
        pids = [stack.enter_context(subject.node(folder, port)) for port in ports]
        return asyncio.run(_trial(subject, ports, pids, options))


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[Pair]:
    """The primary, as it was left in the folder or new, and a standby that has yet to follow."""
    user = owner() or os.getuid()
    primary, standby = (
        Server(folder / name, **settings)
        for name, settings in (("postgres", PRIMARY), ("standby", STANDBY))
    )
    for one in (primary, standby):
        one.data.parent.mkdir(exist_ok=True)
        os.chown(one.data.parent, user, -1)
    if not primary.data.exists():
        primary.create()
    primary.start()
    try:
        # A trial that was cut short may have left it waiting for a standby that is gone.
        primary.wait_for("")
        yield Pair(primary, standby)
    finally:
        with contextlib.suppress(AssertionError):
            standby.stop("fast")
        primary.stop("fast")


async def _trial(
    subject: Subject, ports: Sequence[int], pids: Sequence[int], options: TrialOptions
) -> Trial:
    at, minutes, looks = int(time.time()), list[Minute](), list[Look]()
    url = subject.database.at
    assert isinstance(url, PostgresURL)
    connection = await asyncpg.connect(url.reveal())
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        before = await _depths(connection)
        looking = asyncio.create_task(_looks(connection, pids, looks))
        pace = Pace(lambda: _request(subject), rate=options.rate)
        await pace.run(
            ports,
            connections=options.connections,
            minutes=options.minutes,
            then=lambda one: _note(one, minutes),
        )
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        after = await _depths(connection)
    finally:
        await connection.close()
    return Trial(
        at=at,
        machine=Machine.here(),
        families=options.families,
        nodes=options.nodes,
        connections=options.connections,
        rate=options.rate,
        minutes=minutes,
        looks=looks,
        depths={name: (level, after[name]) for name, level in before.items()},
    )


def _request(subject: Subject) -> bytes:
    """The next request: nobody refreshes twice before all have refreshed once."""
    if (subject.kept.refreshes + subject.kept.visits) % EXCHANGES == 0:
        return subject.exchange()
    return subject.refresh()


def _note(one: Minute, minutes: list[Minute]) -> None:
    minutes.append(one)
    print(
        f"minute {len(minutes):>3}: {one.answers:>7,} answers, {one.refused} refused, "
        f"{one.wrong} wrong; p50 {one.p50:.1f}, p99 {one.p99:.1f}, longest {one.longest:.0f} ms",
        flush=True,
    )


async def _looks(connection: asyncpg.Connection, pids: Sequence[int], looks: list[Look]) -> None:
    start = time.monotonic()
    while True:
        row = await connection.fetchrow(LOOK_AT)
        nodes = sum(processor_seconds(pid) for pid in pids)
        looks.append(Look(second=time.monotonic() - start, nodes=nodes, **dict(row)))
        await asyncio.sleep(LOOK)


async def _depths(connection: asyncpg.Connection) -> dict[str, int]:
    return {row["name"]: row["level"] for row in await connection.fetch(DEPTHS)}


SLOPES: Final[tuple[tuple[str, str], ...]] = (
    ("log", "bytes of the log"),
    ("database", "bytes of the database"),
    ("families", "bytes of the table of families"),
    ("indexes", "bytes of its indexes"),
    ("dead", "rows for vacuum"),
    ("unfrozen", "transactions to freeze"),
    ("nodes", "seconds of a core, all nodes"),
)

COUNTS: Final[tuple[tuple[str, str], ...]] = (
    ("updates", "updates of families"),
    ("in_place", "of them in place"),
    ("checkpoints", "checkpoints"),
    ("vacuums", "vacuums, all tables"),
)


def report(trial: Trial) -> Iterator[str]:
    """Lines for people: the waits, and what each thing grew by, in all and for one request."""
    answers = sum(one.answers for one in trial.minutes)
    refused = sum(one.refused for one in trial.minutes)
    wrong = sum(one.wrong for one in trial.minutes)
    yield f"{answers:,} answers, {refused} refused, {wrong} wrong"
    for name in ("p50", "p99", "longest"):
        values = sorted(getattr(one, name) for one in trial.minutes)
        middle = values[len(values) // 2]
        yield f"{name}: median {middle:.1f} ms ({values[0]:.1f} to {values[-1]:.1f})"
    first, last = trial.looks[0], trial.looks[-1]
    rate = answers / 60 / len(trial.minutes)
    for name, words in SLOPES:
        before, after = getattr(first, name), getattr(last, name)
        per = (after - before) / (last.second - first.second) / rate
        yield f"{words}: {before:,.0f} to {after:,.0f}, {per:,.4g} a request"
    for name, words in COUNTS:
        yield f"{words}: {getattr(last, name) - getattr(first, name):,.0f}"
    yield f"the standby was behind by at most {max(one.standby for one in trial.looks):.1f} ms"
    for name, levels in trial.depths.items():
        yield f"levels of {name}: {levels[0]} before, {levels[1]} after"


def plots(trial: Trial) -> dict[str, str]:
    """The plots, by the names of their files."""
    waits = {
        name: [(float(at), getattr(one, name)) for at, one in enumerate(trial.minutes, 1)]
        for name in ("p50", "p99")
    }
    first = trial.looks[0]
    grown = {
        words: [
            (one.second / 60, (getattr(one, name) - getattr(first, name)) / 2**20)
            for one in trial.looks
        ]
        for name, words in (("log", "log"), ("database", "database"), ("families", "families"))
    }
    return {
        "trial.svg": svg.lines(
            "What a request waits for, minute by minute",
            waits,
            across="minutes",
            up="ms",
            even="x",
        ),
        "trial-growth.svg": svg.lines(
            "What was written", grown, across="minutes", up="MB", even="xy"
        ),
    }


def _parse(words: Sequence[str]) -> TrialOptions:
    default = TrialOptions()
    parser = argparse.ArgumentParser(prog="python -m bench.trial", description=__doc__)
    parser.add_argument("--families", type=int, default=default.families)
    parser.add_argument("--minutes", type=int, default=default.minutes)
    parser.add_argument("--rate", type=float, default=default.rate, help="requests a second")
    parser.add_argument("--nodes", type=int, default=default.nodes)
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--folder", type=Path, help="keep the databases here, and use them again")
    parser.add_argument("--record", action="store_true", help="for the documentation")
    return TrialOptions(**vars(parser.parse_args(words)))


def main() -> None:
    """Runs the trial and prints what it saw."""
    options = _parse(sys.argv[1:])
    trial = run(options)
    print(*report(trial), sep="\n")
    if options.record:
        data = msgspec.json.format(msgspec.json.encode(trial), indent=1)
        (FOLDER / "trial.json").write_bytes(data + b"\n")
        for name, plot in plots(trial).items():
            (FOLDER / name).write_text(plot)


if __name__ == "__main__":
    main()
