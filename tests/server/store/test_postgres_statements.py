"""What the hot path says to PostgreSQL stays within what distributed PostgreSQLs support, as far as
that can be judged from its text (docs/explanation/databases.md)."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from tests.attacks.play import AS_WEB, call, redeem
from tests.browser import authorize
from tests.installation import SECRETS
from tests.live import Live
from tests.rows import row
from tests.server.store.samples import ENV, MIKO

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create
from valetkey.server.model.change_log import Log
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership
from valetkey.server.model.query import Many, One, OneByAlias, Page, PageQuery, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.migrate import migrations
from valetkey.server.store.port import RECORDS, Store

pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from valetkey.server.store.postgres import statements
from valetkey.server.store.postgres.commits import commit
from valetkey.server.store.postgres.reader import points

OWNED: Final = {
    kind.table
    for kind in RECORDS
    if kind.place_of(MIKO) or kind.place_of(ids.owned_id(ENV, owner=MIKO))
}
"""The tables whose rows belong to users."""


class Recorder:
    """A store that keeps what it was asked."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.reads: list[tuple[Query, ...]] = []
        self.commits: list[tuple[Change, ...]] = []

    async def read(self, *wants: Query) -> Results:
        self.reads.append(wants)
        return await self._store.read(*wants)

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        self.commits.append((*changes, *(Create(event) for event in events)))
        return await self._store.commit(changes, events)

    async def page(self, query: PageQuery[Any]) -> Page[Any]:
        return await self._store.page(query)

    async def log(self, after: int, *, limit: int = 100) -> Log:
        return await self._store.log(after, limit=limit)

    async def sweep(self, now: int, *, events_before: int = 0) -> int:
        return await self._store.sweep(now, events_before=events_before)

    async def close(self) -> None:
        await self._store.close()


class Recorded(Live):
    """The server, over a recorder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "none.db")
        self.recorder = Recorder()

    async def _opened(self) -> Store:
        return self.recorder


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Every statement of the hot path: a code for somebody who is signed in and has said yes, its
    redemption, refreshing, and whatever is done with tokens."""
    server = Recorded(tmp_path_factory.mktemp("recorded"))
    server.start()
    try:
        browser = server.browser()
        authorize(browser, AS_WEB)
        server.recorder.reads.clear()
        server.recorder.commits.clear()
        tokens = redeem(server, authorize(browser, AS_WEB), AS_WEB).json()
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        access = call(server, "/token", form, AS_WEB).json()["access_token"]
        assert server.http.get(
            "/userinfo", headers={"authorization": f"Bearer {access}"}
        ).is_success
        for api in ("chirp", "photos"):
            answer = server.http.post(
                "/introspect", data={"token": access}, auth=(api, SECRETS[api])
            )
            assert answer.is_success
        pushed = call(server, "/par", AS_WEB.parameters(), AS_WEB)
        assert pushed.status_code == 201
        server.http.post(
            "/token",
            data={"grant_type": "client_credentials"},
            auth=("machine", SECRETS["machine"]),
        ).raise_for_status()
        assert call(server, "/revoke", {"token": form["refresh_token"]}, AS_WEB).is_success
        reads, commits = server.recorder.reads, server.recorder.commits
        texts = [_said(wants) for wants in reads if wants]
        yield sorted({*texts, *(commit(changes).sql for changes in commits)})
    finally:
        server.stop()


def _said(wants: Sequence[Query]) -> str:
    named = [want for want in wants if isinstance(want, One)]
    return (points(named) if len(named) == len(wants) else statements.read(wants)).sql


def test_the_hot_path_reads_and_writes(said: list[str]) -> None:
    """Else the tests below would judge nothing."""
    text = " ".join(said)
    for table in ("families", "grants", "sessions", "clients", "users"):
        assert f"FROM {table} " in text or f"JOIN {table} " in text
    for table in ("families", "events", "pending"):
        assert f"INTO {table} " in text
    assert "UPDATE families " in text


def test_a_read_of_many_is_as_long_as_one_of_few() -> None:
    """PostgreSQL takes seconds to plan a statement of a thousand parts."""
    few, many = (
        statements.read([OneByAlias(User, f"user{n}") for n in range(size)])
        for size in (statements.MANY, 1000)
    )
    assert few.sql == many.sql
    assert [len(values) for values in many.parameters] == [1000] * 3


@pytest.mark.parametrize("kind", [row("lists", one.table, one) for one in (Grant, Membership)])
def test_a_read_of_many_lists_is_as_long_as_one_of_few(kind: type[Record]) -> None:
    few, many = (
        statements.read([Many(kind, "user", ids.user_id(ENV)) for _ in range(size)])
        for size in (statements.MANY, 1000)
    )
    assert few.sql == many.sql
    assert [len(values) for values in many.parameters] == [1000] * 3


FORBIDDEN: Final = {
    "advisory locks": r"advisory",
    "notifications": r"\b(UN)?LISTEN\b|NOTIFY",
    "row locks": r"\bFOR (NO KEY )?(UPDATE|SHARE)\b|SKIP LOCKED|NOWAIT",
    "table locks": r"\bLOCK\b",
    "sequences": r"nextval|currval|SERIAL|IDENTITY",
    "triggers and functions": r"TRIGGER|FUNCTION|\bDO \$|\bCALL\b|plpgsql",
    "definitions": r"\b(CREATE|ALTER|DROP|TRUNCATE|TEMP)\b",
    "transactions of several statements": r"\b(BEGIN|COMMIT|SAVEPOINT|DECLARE)\b|;",
    "system columns": r"\b(ctid|xmin|xmax|tableoid)\b",
    "recursion, windows, lateral joins": r"RECURSIVE|\bOVER\b|LATERAL|DISTINCT ON",
    "merging": r"\bMERGE\b|DO UPDATE",
}


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
def test_nothing_that_one_of_them_lacks(said: list[str], pattern: str) -> None:
    assert [text for text in said if re.search(pattern, text, re.IGNORECASE)] == []


def test_no_functions_but_these(said: list[str]) -> None:
    called = {name for text in said for name in re.findall(r"\b([a-z_]+)\(", text)}
    assert called <= {"unnest", "min", "count", "r"}


def test_whatever_a_user_owns_is_sought_by_its_place_first(said: list[str]) -> None:
    sought = [
        (table, first)
        for text in said
        for table, first in re.findall(r"(?:FROM|JOIN) (\w+) t (?:WHERE|ON) (\S+ = \S+|\w+)", text)
        if table in OWNED
    ]
    assert {table for table, _ in sought} >= {"families", "grants", "sessions", "users"}
    assert {first.split()[0] for _, first in sought} == {'"place"', "t.place"}


def test_whatever_is_changed_is_found_by_its_place_first(said: list[str]) -> None:
    changed = [
        condition
        for text in said
        for condition in re.findall(r"(?:UPDATE|DELETE FROM) \w+ t .*?WHERE (\S+ = \S+)", text)
    ]
    assert set(changed) == {"t.place = r.place"}
    columns = {
        names.split(", ")[0]
        for text in said
        for names in re.findall(r"INSERT INTO \w+ \((.*?)\)", text)
    }
    assert columns == {'"place"'}


def test_no_table_is_changed_in_two_ways_by_one_statement(said: list[str]) -> None:
    for text in said:
        tables = re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", text)
        assert len(tables) == len(set(tables)), text


def test_the_schema_is_plain() -> None:
    """Tables and indexes. Unique over all places are only names that have to be found before their
    place is known: what users type, and what other systems call a user or a session, and the
    ids of passkeys."""
    for one in migrations("postgres"):
        code = re.sub(r"--.*", "", one.sql)
        made = set(re.findall(r"CREATE ((?:UNIQUE )?\w+)", code))
        assert made <= {"TABLE", "INDEX", "UNIQUE INDEX"}
        keys = re.findall(r"PRIMARY KEY \((\w+)", code)
        assert len(keys) == code.count("CREATE TABLE")
        assert set(keys) == {"place"}
        unique = re.findall(r"CREATE UNIQUE INDEX (\w+) ON \w+ \((\w+)", code)
        everywhere = {name for name, first in unique if first != "place"}
        assert everywhere <= {"users_alias", "identities_alias", "sessions_alias", "factors_alias"}
        for what in ("sequences", "triggers and functions"):
            assert not re.search(FORBIDDEN[what], code, re.IGNORECASE)
