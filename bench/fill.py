"""Puts a population into a database: the rows that the server itself would have written, by its own
statements where the file is SQLite's, by COPY where it is PostgreSQL.

Quick, because nothing has to survive a crash meanwhile. The indexes are filled as the members come,
as they would have been in the course of the months, not built afterwards.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg

from bench.population import API, APPS, Member, Population
from valetkey.model.change import Create
from valetkey.model.record import Record
from valetkey.store.database import Database, PostgresURL
from valetkey.store.keyring import ensure_keys
from valetkey.store.open import open_store
from valetkey.store.table import table

BATCH: Final = 5000
CACHE_KIB: Final = 3_000_000

Rows = dict[type[Record], list[tuple[Any, ...]]]


async def fill(database: Database, people: Population, *, master: bytes) -> None:
    """Fills an empty database, its keys sealed by the master key."""
    store = await open_store(database)
    try:
        await ensure_keys(store, master)
        await store.commit([Create(one) for one in (*APPS, API)])
    finally:
        await store.close()
    match database.at:
        case Path() as file:
            _into_file(file, people)
        case PostgresURL() as url:
            await _into_postgres(url, people)


def _into_file(file: Path, people: Population) -> None:
    connection = apsw.Connection(str(file))
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    with connection:
        for batch in _batches(people.members()):
            for kind, rows in _rows(batch).items():
                connection.executemany(_insert(kind), rows)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _insert(kind: type[Record]) -> str:
    """The server's own statement, but for what it does where the row is there already."""
    return table(kind).insert.partition(" ON CONFLICT")[0]


async def _into_postgres(url: PostgresURL, people: Population) -> None:
    connection = await asyncpg.connect(url.reveal())
    try:
        for batch in _batches(people.members()):
            for kind, rows in _rows(batch).items():
                columns = ("place", *table(kind).columns)
                placed = [(kind.place_of(row[0]), *row[:-1], row[-1].decode()) for row in rows]
                await connection.copy_records_to_table(kind.table, records=placed, columns=columns)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _batches(members: Iterator[Member]) -> Iterator[list[Member]]:
    while batch := list(islice(members, BATCH)):
        yield batch


def _rows(batch: list[Member]) -> Rows:
    rows: Rows = {}
    for member in batch:
        for record in member.records:
            rows.setdefault(type(record), []).append(table(type(record)).values(record))
    return rows


async def size(database: Database) -> int:
    """Bytes that the database takes, its log included."""
    match database.at:
        case Path() as file:
            return sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*"))
        case PostgresURL() as url:
            connection = await asyncpg.connect(url.reveal())
            try:
                await connection.execute("CHECKPOINT")
                taken = await connection.fetchval("SELECT pg_database_size(current_database())")
                return int(taken)
            finally:
                await connection.close()
