"""Migrations run once, in order, all or none, and the schema fits the records."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import apsw
import pytest
from msgspec.structs import replace
from tests.server.store.samples import FULL

from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery
from valetkey.server.model.record import Record
from valetkey.server.store import migrate as module
from valetkey.server.store.migrate import Migration, MigrationError, migrate, migrations, ran
from valetkey.server.store.port import RECORDS
from valetkey.server.store.sqlite import tree
from valetkey.server.store.sqlite.store import SQLiteStore, connect
from valetkey.server.store.sqlite.table import plain, table

OURS = migrations("sqlite")
LOG = {"log", "log_head"}
"""The change log, whose rows are no records."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(connect(tmp_path / "valetkey.db")) as opened:
        yield opened


def bring(monkeypatch: pytest.MonkeyPatch, *steps: Migration) -> None:
    """A version that brings these steps."""
    monkeypatch.setattr(module, "migrations", lambda _: steps)


def names(connection: apsw.Connection, kind: str) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = ?", (kind,))
    return {str(name) for (name,) in rows}


def test_every_step_is_run_once(connection: apsw.Connection) -> None:
    assert migrate(connection) == OURS
    assert migrate(connection) == ()


def test_where_nothing_is_to_be_run_nobody_waits(tmp_path: Path) -> None:
    """A node that starts again beside one that writes all the time (PROMISES R02)."""
    with closing(connect(tmp_path / "valetkey.db")) as other:
        migrate(other)
        other.execute("BEGIN IMMEDIATE")
        with closing(connect(tmp_path / "valetkey.db")) as starting:
            starting.set_busy_handler(None)
            assert migrate(starting) == ()


APART = tuple(kind for kind in RECORDS if not kind.rank)
"""What nobody owns has a table for each kind."""


def test_there_is_a_table_for_each_record_and_no_other(connection: apsw.Connection) -> None:
    migrate(connection)
    others = LOG | {"owned", "migrations", "search"}
    assert names(connection, "table") == {kind.table for kind in APART} | others


def columns(connection: apsw.Connection, table: str) -> dict[str, bool]:
    """Each column, and whether it is the primary key."""
    return {
        str(name): bool(primary)
        for _, name, _, _, _, primary in connection.execute(f"PRAGMA table_info({table})")
    }


@pytest.mark.parametrize("kind", APART, ids=[kind.table for kind in APART])
def test_the_columns_are_those_of_the_record(
    connection: apsw.Connection, kind: type[Record]
) -> None:
    migrate(connection)
    found = columns(connection, kind.table)
    assert found == {name: name == "key" for name in plain(kind).columns}


def test_the_tree_has_a_column_for_each_index(connection: apsw.Connection) -> None:
    migrate(connection)
    owned = [kind for kind in RECORDS if kind.rank]
    found = columns(connection, "owned")
    assert [name for name, primary in found.items() if primary] == ["spot"]
    assert found.keys() >= {name for kind in owned for name in kind.indexes}
    ranks = [kind.rank for kind in owned]
    assert sorted(set(ranks)) == sorted(ranks)
    assert max(ranks) < 16


@pytest.mark.parametrize("record", FULL, ids=[one.table for one in FULL])
def test_what_is_searched_has_an_index(connection: apsw.Connection, record: Record) -> None:
    """No list, no second name and no sweep reads a whole table, and no change does."""
    migrate(connection)
    kind = type(record)
    sweeps = (tree.SWEEP, tree.SWEEP_EVENTS) if kind.rank else (plain(kind).sweep,)
    said: dict[str, Any] = dict.fromkeys(sweeps, (0, 1))

    def listen(_: object, statement: str, binds: Any) -> bool:
        said[statement] = binds
        return True

    connection.exec_trace = listen
    words = table(kind)
    words.write(connection.cursor(), Create(record))
    words.write(connection.cursor(), Update(replace(record, version=1)))
    words.find(connection, One(kind, record.key))
    if record.alias:
        words.find(connection, OneByAlias(kind, record.alias))
    for index in kind.indexes:
        value = getattr(record, index)
        assert words.find(connection, Many(kind, index, value)) != ()
        query = PageQuery(record=kind, index=index, value=value, before=record.key)
        words.page(connection, query)
    if kind.rank:
        words.page(connection, PageQuery(record=kind, before=record.key, walk=True))
    words.write(connection.cursor(), Remove(replace(record, version=2)))
    connection.exec_trace = None
    for statement, binds in said.items():
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", binds)
        scans = [row[3] for row in plan if str(row[3]).startswith("SCAN")]
        assert scans == [], statement


def test_a_second_name_is_unique_in_the_schema(connection: apsw.Connection) -> None:
    migrate(connection)
    for name in (*(kind.table for kind in APART if kind.alias is not Record.alias), "owned"):
        unique = [
            [str(row[2]) for row in connection.execute(f'PRAGMA index_info("{index[1]}")')]
            for index in connection.execute(f"PRAGMA index_list({name})")
            if index[2]
        ]
        assert ["alias"] in unique, name


def step(number: int, sql: str, *, oldest: int = 1) -> Migration:
    return Migration(number=number, name=f"step_{number}", sql=sql, oldest=oldest)


def test_a_step_that_was_changed_is_refused(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(connection)
    bring(monkeypatch, replace(OURS[0], sql=OURS[0].sql + "\n"), *OURS[1:])
    with pytest.raises(MigrationError, match="changed after it was run"):
        migrate(connection)


NEXT = len(OURS) + 1
MORE = "CREATE TABLE more (x TEXT) STRICT"


def test_a_newer_database_that_only_adds_goes_on(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISES R16: the servers of before run on while the new ones come."""
    with monkeypatch.context() as later:
        bring(later, *OURS, step(NEXT, MORE, oldest=NEXT - 1))
        migrate(connection)
    assert migrate(connection) == ()


def test_a_newer_database_that_took_something_away_is_refused(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        bring(later, *OURS, step(NEXT, MORE, oldest=NEXT))
        migrate(connection)
    with pytest.raises(MigrationError, match="newer valetkey"):
        migrate(connection)


def test_a_refused_database_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "valetkey.db"
    with monkeypatch.context() as later, closing(connect(path)) as connection:
        bring(later, *OURS, step(NEXT, MORE, oldest=NEXT))
        migrate(connection)
        before = names(connection, "table")
    with pytest.raises(MigrationError):
        SQLiteStore(path)
    with closing(connect(path)) as connection:
        assert names(connection, "table") == before
        assert len(ran(connection)) == NEXT


def test_a_step_that_fails_leaves_nothing(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = step(1, "CREATE TABLE good (x TEXT) STRICT")
    bad = step(2, "CREATE TABLE half (x TEXT) STRICT; CREATE TABLE good (x TEXT)")
    bring(monkeypatch, good, bad)
    with pytest.raises(apsw.SQLError):
        migrate(connection)
    assert names(connection, "table") == set()
    bring(monkeypatch, good)
    assert migrate(connection) == (good,)


def test_what_went_wrong_is_said_also_where_sqlite_has_rolled_back(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does for a malformed file."""
    bring(monkeypatch, step(1, "ROLLBACK; CREATE TABLE good (x TEXT, x TEXT)"))
    with pytest.raises(apsw.SQLError, match="duplicate column"):
        migrate(connection)


def test_a_new_step_is_run_on_an_old_database(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = step(1, "CREATE TABLE first (x TEXT) STRICT")
    second = step(2, "CREATE TABLE second (x TEXT) STRICT")
    bring(monkeypatch, first)
    assert migrate(connection) == (first,)
    bring(monkeypatch, first, second)
    assert migrate(connection) == (second,)
    assert [one.name for one in ran(connection)] == ["step_1", "step_2"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_step_asks_for_more_than_itself(kind: Literal["sqlite", "postgres"]) -> None:
    steps = migrations(kind)
    assert [one.number for one in steps] == list(range(1, len(steps) + 1))
    assert all(1 <= one.oldest <= one.number for one in steps)
