"""Puts a population into a database: the rows that the server itself would have written, into
SQLite's file by INSERT, into PostgreSQL by COPY.

Quick, because nothing has to survive a crash meanwhile, and several processes make the rows. They
go in in the order in which their members came: so the pages of the tables are as full as they would
be in the course of the months. SQLite's indexes, a tenth of the file, are built afterwards.
"""

import contextlib
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg

from bench import rows
from bench.population import API, APPS, Population
from valetkey.server.http.search_index import ROUNDS
from valetkey.server.model.change import Create
from valetkey.server.model.last_use import IndexState
from valetkey.server.model.search import SEARCHED, TERMS
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.postgres.rows import columns
from valetkey.server.store.sqlite.tree import INSERT

CHUNK: Final = 10_000
"""Members that a process makes at a time."""

AHEAD: Final = 4
"""Chunks that are made while one is written."""

CACHE_KIB: Final = 2_000_000


async def fill(database: Database, people: Population, *, master: bytes) -> None:
    """Fills an empty database, its keys sealed by the master key."""
    store = await open_store(database)
    try:
        await ensure_keys(store, master)
        await store.commit([Create(one) for one in (*APPS, API)])
        # A server would index what it finds here while it is measured.
        indexed = [IndexState(kind=one.table, terms=TERMS, rounds=ROUNDS) for one in SEARCHED]
        await store.commit([Create(one) for one in indexed])
    finally:
        await store.close()
    match database.at:
        case Path() as file:
            _into_file(file, people)
        case PostgresURL() as url:
            await _into_postgres(url, people)


def _into_file(file: Path, people: Population) -> None:
    statement = f"{INSERT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with bulk(file, "owned") as connection:
        for chunk in chunks(people, rows.in_tree):
            connection.executemany(statement, chunk)


@contextlib.contextmanager
def bulk(file: Path, *tables: str) -> Iterator[apsw.Connection]:
    """One transaction in a file of SQLite, which a crash would break. The indexes of these tables
    are made afterwards: so they are sorted once, not row by row."""
    connection = apsw.Connection(str(file))
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    indexes = [
        one
        for table in tables
        for one in connection.execute(
            "SELECT name, sql FROM sqlite_schema "
            "WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
            (table,),
        )
    ]
    with connection:
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        yield connection
        for _, made in indexes:
            connection.execute(str(made))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


@contextlib.asynccontextmanager
async def without_indexes(connection: Any, table: str) -> AsyncIterator[None]:
    """Drops the indexes and the primary key of a table of PostgreSQL, and makes them again: so
    they are sorted once, not row by row."""
    found = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made, "
        "pg_get_constraintdef(c.oid) AS key FROM pg_index i "
        "LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid WHERE i.indrelid = $1::regclass",
        table,
    )
    for one in found:
        drop = f"ALTER TABLE {table} DROP CONSTRAINT" if one["key"] else "DROP INDEX"
        await connection.execute(f"{drop} {one['name']}")
    yield
    await connection.execute("SET maintenance_work_mem = '1GB'")
    for one in found:
        key = f"ALTER TABLE {table} ADD CONSTRAINT {one['name']} {one['key']}"
        await connection.execute(key if one["key"] else one["made"], timeout=3600)


async def _into_postgres(url: PostgresURL, people: Population) -> None:
    connection = await asyncpg.connect(url.reveal())
    try:
        for chunk in chunks(people, rows.in_tables):
            for kind, records in chunk.items():
                await connection.copy_records_to_table(
                    kind.table, records=records, columns=columns(kind)
                )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def chunks(people: Population, make_rows: Callable[[Population, range], Any]) -> Iterator[Any]:
    """What `make_rows` makes of CHUNK members after another, in order."""
    firsts = range(0, people.size, CHUNK)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        waiting: deque[Any] = deque()
        for first in firsts:
            numbers = range(first, min(first + CHUNK, people.size))
            waiting.append(pool.apply_async(make_rows, (people, numbers)))
            if len(waiting) > AHEAD:
                yield waiting.popleft().get()
        for one in waiting:
            yield one.get()


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


async def warm(url: PostgresURL) -> None:
    """Reads each table and index of a PostgreSQL database once. What is only ever appended comes
    first, so that it makes room."""
    connection = await asyncpg.connect(url.reveal())
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        await connection.fetch(
            "SELECT pg_prewarm(oid::regclass) FROM (SELECT oid FROM pg_class "
            "WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace "
            "ORDER BY relname LIKE 'events%' DESC, relkind DESC) AS every"
        )
    finally:
        await connection.close()
