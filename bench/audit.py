"""`python -m bench.audit`: is an audit log of ten million records as quick as one of 100,000?

Fills a database of each size with sealed records of 10,000 a day, and takes turns in listing,
searching, following, exporting and verifying them. Prints, for each, the median of the rounds in
milliseconds, with the CPU, the reads of files and the records, and the ratio to the first size;
with `--plans`, how the database finds the rows.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final, NamedTuple

import apsw
import asyncpg
from tests.postgres import cluster

from bench.audit_rows import (
    A_DAY,
    DAY,
    ISSUER,
    RARE,
    AuditRow,
    AuditRows,
    app_of,
    person_of,
    persons,
    request_of,
)
from bench.fill import bulk, without_indexes
from valetkey.server.audit.bundle import read_bundle
from valetkey.server.audit.bundle_writer import write_bundle
from valetkey.server.audit.reading import opened_records, search
from valetkey.server.audit.verify import verify
from valetkey.server.model.audit import AuditRecord, AuditSegment
from valetkey.server.model.record import Record
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.port import Store, milliseconds
from valetkey.server.store.postgres.rows import columns, row
from valetkey.server.store.sqlite.table import plain

SOME: Final = 500
"""Segments of which the records are written at once."""

SIZES: Final = (100_000, 10_000_000)


class AuditSubject:
    """A filled database. `random` draws what is searched for."""

    def __init__(self, store: Store, size: int, now: int) -> None:
        self.store = store
        self.size = size
        self.random = Random(size)
        self._now = now

    async def _find(self, criteria: dict[str, str], **more: Any) -> int:
        found, _ = await search(self.store, criteria, **more)
        return len(await opened_records(self.store, found))

    def _person(self) -> str:
        return person_of(self.random.randrange(persons(self.size)))

    def _past(self) -> int:
        """A day of the past, not the last one: where it ends."""
        days = self.size // A_DAY
        return self._now - DAY * self.random.randrange(1, max(2, days - 1))

    async def newest(self) -> int:
        return await self._find({})

    async def deep(self) -> int:
        return await self._find({}, until=self._past())

    async def by_request(self) -> int:
        return await self._find({"request": request_of(self.random.randrange(self.size))})

    async def by_person(self) -> int:
        return await self._find({"person": self._person()})

    async def by_app(self) -> int:
        return await self._find({"client": app_of(self.random.randrange(1000))})

    async def by_kind(self) -> int:
        return await self._find({"operation": RARE})

    async def by_two(self) -> int:
        client = app_of(self.random.randrange(1000))
        return await self._find({"client": client, "operation": "granted"}, until=self._past())

    async def tail(self) -> int:
        await self._find({}, since=self._now - 15_000, limit=200)
        return 1

    async def verify_a_day(self) -> int:
        end = self._past()
        lines = [one async for one in write_bundle(self.store, ISSUER, since=end - DAY, until=end)]
        verdict = verify(read_bundle(lines))
        assert not verdict.findings, verdict.findings[:3]
        return verdict.records


WORK: Final[dict[str, Callable[[AuditSubject], Awaitable[int]]]] = {
    "list, the newest 50": AuditSubject.newest,
    "list, 50 of a day in the past": AuditSubject.deep,
    "search by request": AuditSubject.by_request,
    "search by user": AuditSubject.by_person,
    "search by app": AuditSubject.by_app,
    "search by a rare kind": AuditSubject.by_kind,
    "search by app and kind": AuditSubject.by_two,
    "tail, one look": AuditSubject.tail,
    "verify a day": AuditSubject.verify_a_day,
}


async def fill(url: str, size: int, now: int) -> Store:
    """Fills an empty database, and opens it."""
    database = Database(PostgresURL(url)) if "://" in url else Database(Path(url))
    await (await open_store(database)).close()
    rows = AuditRows(size, now)
    match database.at:
        case Path() as file:
            _into_file(file, rows)
        case PostgresURL() as there:
            await _into_postgres(there, rows)
    return await open_store(database)


def _into_file(file: Path, rows: AuditRows) -> None:
    insert = f"INSERT INTO audit_records VALUES (?, NULL, 1, 0, {', '.join('?' * 7)})"
    with bulk(file, "audit_records") as connection:
        for records, segments in _some(rows):
            connection.executemany(insert, records)
            _insert(connection, segments)
        _insert(connection, [*rows.person_keys(), *rows.others()])


def _insert(connection: apsw.Connection, records: list[Any]) -> None:
    for one in records:
        kind: type[Record] = type(one)
        table = plain(kind)
        connection.execute(table.insert, table.values(one, 1))


def _some(rows: AuditRows) -> Iterator[tuple[list[AuditRow], list[AuditSegment]]]:
    records, segments = list[AuditRow](), list[AuditSegment]()
    for more, segment in rows.segments():
        records += more
        segments.append(segment)
        if len(segments) == SOME:
            yield records, segments
            records, segments = [], []
    yield records, segments


async def _into_postgres(url: PostgresURL, rows: AuditRows) -> None:
    connection = await asyncpg.connect(url.reveal())
    try:
        async with without_indexes(connection, AuditRecord.table):
            for records, segments in _some(rows):
                await connection.copy_records_to_table(
                    AuditRecord.table,
                    records=map(_row, records),
                    columns=columns(AuditRecord),
                )
                await _copy(connection, segments)
        await _copy(connection, list(rows.person_keys()))
        for one in rows.others():
            await _copy(connection, [one])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _row(one: AuditRow) -> tuple[Any, ...]:
    return (0, 0, 1, one[0], None, *one[1:-1], one[-1].decode())


async def _copy(connection: Any, records: list[Any]) -> None:
    if records:
        kind: type[Record] = type(records[0])
        await connection.copy_records_to_table(
            kind.table, records=[row(one, 1) for one in records], columns=columns(kind)
        )


@contextlib.contextmanager
def databases(kind: str, folder: Path | None) -> Iterator[Callable[[int], str]]:
    """Makes new databases of that kind, by the number of records."""
    if kind == "postgres":
        with cluster(shared_buffers="1GB", max_wal_size="4GB") as one:
            yield lambda _: one.fresh()
        return
    with tempfile.TemporaryDirectory(dir=folder) as name:
        yield lambda size: str(Path(name) / f"{size}.db")


def plans(url: str) -> Iterator[tuple[str, list[str]]]:
    """How SQLite finds what these statements read."""
    by = ("request", "person", "client", "operation")
    conditions = ["", "WHERE key < ?", *(f'WHERE "{one}" = ? AND key < ?' for one in by)]
    connection = apsw.Connection(url, flags=apsw.SQLITE_OPEN_READONLY)
    for condition in conditions:
        statement = f"SELECT body, key FROM audit_records {condition} ORDER BY key DESC LIMIT 51"
        bindings = ("x",) * condition.count("?")
        found = connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)
        yield condition or "all", [str(one[3]) for one in found]
    connection.close()


class Cost(NamedTuple):
    """Milliseconds by the clock and of this process's CPU, the reads of files, and the records in
    the answer. On a busy machine, CPU and reads say what the clock can't."""

    ms: float
    cpu: float
    reads: float
    records: float


def _reads() -> int:
    """How often this process has read from a file, as Linux counts."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["syscr"])


async def measure(subjects: list[AuditSubject], rounds: int) -> dict[str, dict[int, Cost]]:
    """The median of each cost, by size. The first round warms the pages."""
    costs: dict[tuple[str, int], list[Cost]] = {}
    for turn in range(rounds + 1):
        for name, work in WORK.items():
            for subject in subjects:
                began, cpu, reads = time.perf_counter(), time.process_time(), _reads()
                number = await work(subject)
                reads, cpu = _reads() - reads, (time.process_time() - cpu) * 1000
                cost = Cost((time.perf_counter() - began) * 1000, cpu, reads, number)
                assert number, (name, subject.size)
                if turn:
                    costs.setdefault((name, subject.size), []).append(cost)
    return {
        name: {
            one.size: Cost(*map(median, zip(*costs[name, one.size], strict=True)))
            for one in subjects
        }
        for name in WORK
    }


async def main(options: argparse.Namespace) -> None:
    """Fill, take turns, and print."""
    now, subjects = milliseconds(), []
    with databases(options.database, options.folder) as fresh:
        for size in options.sizes:
            began, url = time.monotonic(), fresh(size)
            subjects.append(AuditSubject(await fill(url, size, now), size, now))
            seconds = time.monotonic() - began
            note = {"database": options.database, "records": size, "filled in s": round(seconds)}
            if options.database == "sqlite":
                note["bytes a record"] = os.stat(url).st_size // size
                if options.plans:
                    note["plans"] = dict(plans(url))
            print(json.dumps(note), flush=True)
        medians = await measure(subjects, options.rounds)
        for one in subjects:
            await one.store.close()
    for name, by_size in medians.items():
        values = [one.ms for one in by_size.values()]
        shown = {
            field: {str(size): round(getattr(one, field), 2) for size, one in by_size.items()}
            for field in Cost._fields
        }
        ratio = round(values[-1] / values[0], 2)
        print(json.dumps({"what": name, **shown, "ratio": ratio}), flush=True)


def parse(words: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="records, least first")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the files go meanwhile")
    return parser.parse_args(words)


if __name__ == "__main__":
    asyncio.run(main(parse(sys.argv[1:])))
