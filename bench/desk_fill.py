"""Fills the database of a platform with many users, apps, organizations and audit records, for
`bench.desk`: the rows that the server itself would have written.

The server is down meanwhile, and nothing has to survive a crash. Two thirds of the rows are those
of the search index, which are sorted by the database before they go into it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from bench.fill import bulk, chunks, without_indexes
from bench.population import APPS, DAY, PERMISSIONS, Population
from valetkey.server.http.search_index import ROUNDS
from valetkey.server.model.client import Client, Suspension
from valetkey.server.model.last_use import IndexState, LastUse, grant_use_id, user_use_id
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.record import Record
from valetkey.server.model.search import SEARCHED, TERMS, stored_key, terms_of
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.postgres.rows import columns, row
from valetkey.server.store.sqlite.table import plain
from valetkey.server.store.sqlite.tree import INSERT, Tree

WORDS: Final = ("Kite", "Harbour", "Ledger", "Atlas", "Pebble", "Quill", "Beacon", "Willow")
ORGANIZATIONS: Final = 1_000
MEMBERS: Final = 1_000
"""Of the first organization; others have none."""


class Size(msgspec.Struct, frozen=True):
    """How large a platform is: the number of its `apps`, and its `people`, of whom each uses one of
    the first ten apps."""

    people: Population
    apps: int

    def app(self, number: int) -> Client:
        """The app with that number."""
        if number < len(APPS):
            return APPS[number]
        name = f"{WORDS[number % len(WORDS)]} {number}"
        host = f"app{number}.{WORDS[number // 8 % len(WORDS)].lower()}.example"
        suspended = number % 1000 == 17
        return Client(
            id=f"app{number}",
            name=name,
            uri=f"https://{host}",
            redirect_uris=(f"https://{host}/callback",),
            scope=PERMISSIONS,
            created=self.people.now - number,
            verified=number % 50 != 0,
            status="suspended" if suspended else "active",
            suspension=Suspension(since=self.people.now, reason="It sends spam.")
            if suspended
            else None,
        )

    def others(self) -> Iterator[Record]:
        """Apps and organizations."""
        yield from map(self.app, range(self.apps))
        now = self.people.now
        for number in range(ORGANIZATIONS):
            yield Organization(
                id=f"company{number}",
                name=f"{WORDS[number % len(WORDS)]} Company {number}",
                rule=OrganizationRule(blocked=("app11",)),
                created=now,
                changed=now,
            )
        for number in range(min(MEMBERS, self.people.size)):
            user = self.people.member(number).user.id
            yield Membership(organization="company0", user=user, revision=1, created=now)


def _records(people: Population, numbers: range) -> Iterator[tuple[Record, ...]]:
    for number in numbers:
        member = people.member(number)
        grant, used = member.grant, member.family.used // DAY
        yield (
            *member.records,
            LastUse(
                id=grant_use_id(grant.id),
                user=grant.user,
                grant=grant.id,
                client=grant.client,
                day=used,
            ),
            LastUse(id=user_use_id(grant.user), user=grant.user, day=used),
        )


def _for_sqlite(people: Population, numbers: range) -> tuple[list[Any], list[Any]]:
    rows, terms = list[Any](), list[Any]()
    for records in _records(people, numbers):
        taken = set[int]()
        for one in records:
            spot, *rest = Tree.of(type(one)).row(one, 1)
            while spot in taken:
                spot += 1
            taken.add(spot)
            rows.append((spot, *rest))
            terms += _terms(one)
    return rows, terms


def _for_postgres(people: Population, numbers: range) -> tuple[dict[Any, list[Any]], list[Any]]:
    rows, terms = dict[Any, list[Any]](), list[Any]()
    for records in _records(people, numbers):
        for one in records:
            rows.setdefault(type(one), []).append(row(one, 1))
            terms += [(one.place, key, term) for term, key in _terms(one)]
    return rows, terms


def _terms(record: Record) -> list[tuple[bytes, bytes]]:
    terms = terms_of(record)
    return [(one, key) for key in [stored_key(record)] for one in terms] if terms else []


def _states(now: int) -> list[IndexState]:
    """The index is complete: a server would index what it finds here while it is measured."""
    return [IndexState(kind=one.table, terms=TERMS, rounds=ROUNDS, ended=now) for one in SEARCHED]


async def fill(database: Database, size: Size) -> None:
    """Fills a database that a server has set up, and that no server uses now."""
    match database.at:
        case Path() as file:
            _into_file(file, size)
        case PostgresURL() as url:
            await _into_postgres(url, size)


def _into_file(file: Path, size: Size) -> None:
    add_terms = "INSERT INTO unsorted VALUES (?, ?)"
    with bulk(file, "owned", "search") as connection:
        connection.execute("CREATE TEMP TABLE unsorted (term BLOB, key BLOB)")
        for rows, terms in chunks(size.people, _for_sqlite):
            connection.executemany(f"{INSERT} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.executemany(add_terms, terms)
        connection.execute("DELETE FROM index_states")
        for one in (*size.others(), *_states(size.people.now)):
            table = plain(type(one))
            connection.execute(table.insert, table.values(one, 1))
            connection.executemany(add_terms, _terms(one))
        connection.execute(
            "INSERT INTO search (term, key) SELECT term, key FROM unsorted ORDER BY term, key"
        )
        connection.execute("DROP TABLE unsorted")


async def _into_postgres(url: PostgresURL, size: Size) -> None:
    connection = await asyncpg.connect(url.reveal())

    async def copy(table: str, names: Sequence[str], rows: list[Any]) -> None:
        await connection.copy_records_to_table(table, records=rows, columns=names)

    try:
        await connection.execute("DELETE FROM index_states")
        async with without_indexes(connection, "search"):
            for by_kind, terms in chunks(size.people, _for_postgres):
                for kind, rows in by_kind.items():
                    await copy(kind.table, columns(kind), rows)
                await copy("search", ("place", "key", "term"), terms)
            others: dict[type[Record], list[Any]] = {}
            terms = []
            for one in (*size.others(), *_states(size.people.now)):
                others.setdefault(type(one), []).append(row(one, 1))
                terms += [(one.place, key, term) for term, key in _terms(one)]
            for kind, rows in others.items():
                await copy(kind.table, columns(kind), rows)
            await copy("search", ("place", "key", "term"), terms)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
