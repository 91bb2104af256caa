"""Puts a population into a database: the rows that the server itself would have written, by its own
packing, into SQLite's file by INSERT, into PostgreSQL by COPY.

Quick, because nothing has to survive a crash meanwhile, and because the members are made by several
processes. They come in the order of time, and their rows in that order too, as they would have in
the course of the months: so pages are as full as they would be.
"""

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg

from bench.population import API, APPS, Population
from valetkey.model.change import Create
from valetkey.model.record import Record
from valetkey.store.database import Database, PostgresURL
from valetkey.store.keyring import ensure_keys
from valetkey.store.open import open_store
from valetkey.store.postgres import rows as tables
from valetkey.store.tree import INSERT, Tree

CHUNK: Final = 10_000
"""Members that a process makes at a time."""

GROUP: Final = 20
"""Chunks that are inserted together."""

CACHE_KIB: Final = 2_000_000

Rows = list[tuple[Any, ...]]


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
    statement = f"{INSERT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with connection:
        for group in _groups(people, _tree_rows):
            for chunk in group:
                connection.executemany(statement, chunk)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _tree_rows(people: Population, first: int) -> Rows:
    return [
        tuple(Tree.of(type(record)).row(record, record.version))
        for number in range(first, min(first + CHUNK, people.size))
        for record in people.member(number).records
    ]


async def _into_postgres(url: PostgresURL, people: Population) -> None:
    connection = await asyncpg.connect(url.reveal())
    try:
        for group in _groups(people, _table_rows):
            for chunk in group:
                for kind, rows in chunk.items():
                    await connection.copy_records_to_table(
                        kind.table, records=rows, columns=tables.columns(kind)
                    )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _table_rows(people: Population, first: int) -> dict[type[Record], Rows]:
    rows: dict[type[Record], Rows] = {}
    for number in range(first, min(first + CHUNK, people.size)):
        for record in people.member(number).records:
            kind = type(record)
            rows.setdefault(kind, []).append(tables.row(record, record.version))
    return rows


def _groups(people: Population, made: Any) -> Iterator[list[Any]]:
    """What `made` makes of each chunk, in order, some at a time."""
    firsts = range(0, people.size, CHUNK)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for start in range(0, len(firsts), GROUP):
            some = firsts[start : start + GROUP]
            yield pool.starmap(made, [(people, first) for first in some], chunksize=1)


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
