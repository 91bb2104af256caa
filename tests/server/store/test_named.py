"""Several names by one statement: whatever stands in a row is read from it, and only how it is read
is remembered."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV, FULL, MIKO, grant, user

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.migrate import migrate
from valetkey.server.store.row_cache import RowCache
from valetkey.server.store.sqlite import owned_rows
from valetkey.server.store.sqlite.store import connect
from valetkey.server.store.sqlite.table import table

OTHER = ids.user_id(ENV)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(connect(tmp_path / "valetkey.db")) as opened:
        migrate(opened)
        yield opened


def family(of: Grant, **fields: Any) -> TokenFamily:
    (whole,) = (one for one in FULL if isinstance(one, TokenFamily))
    its = {"grant": of.id, "user": of.user} | fields
    return replace(whole, id=ids.owned_id(ENV, owner=of.user), version=0, **its)


def named_by(*records: Record) -> tuple[One[Any], ...]:
    return tuple(One(type(one), one.key) for one in records)


def read(connection: apsw.Connection, *records: Record) -> list[Record]:
    wants = named_by(*records)
    found = owned_rows.find(connection.cursor(), wants, RowCache())
    return [one for want in wants for one in found.records(want)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="the user and the grant that are wanted beside it"),
        pytest.param({"grant": ids.owned_id(ENV, owner=MIKO)}, id="another grant of the user"),
        pytest.param({"grant": ids.owned_id(ENV, owner=OTHER)}, id="a grant of another place"),
        pytest.param({"user": OTHER}, id="a user of another place"),
        pytest.param({"user": ids.to_text(ids.to_bytes(MIKO)[:4] + bytes(12))}, id="a neighbour"),
        pytest.param({"client": "another app"}, id="another client"),
    ],
)
def test_a_row_says_itself_whose_it_is(connection: apsw.Connection, fields: dict[str, str]) -> None:
    """Whoever asks for a user, a grant and a family need not be right that they belong together."""
    miko, yes = replace(user("miko"), id=MIKO), grant()
    written = (miko, yes, family(yes, **fields))
    for one in written:
        assert table(type(one)).write(connection.cursor(), Create(one))
    assert read(connection, *written) == [replace(one, version=1) for one in written]
    # As a refresh reads them: some, and once.
    assert read(connection, *written[1:]) == [replace(one, version=1) for one in written[1:]]
    its = written[2]
    wanted = One(TokenFamily, its.id)
    found = owned_rows.find(connection.cursor(), (wanted,), RowCache())
    assert found.one(wanted) == replace(its, version=1)
    for other in (One(Grant, its.grant), One(User, its.user)):
        there = tuple(replace(one, version=1) for one in written[:2] if one.key == other.key)
        along = found.along((other,))
        assert (along.records(other) if along else ()) == there


def test_what_changes_is_seen_by_the_next_read(connection: apsw.Connection) -> None:
    miko, yes = replace(user("miko"), id=MIKO), grant()
    its = family(yes)
    for one in (miko, yes, its):
        assert table(type(one)).write(connection.cursor(), Create(one))
    first = read(connection, miko, yes, its)
    closed = replace(its, version=1, status="closed", because="its user said so")
    assert table(TokenFamily).write(connection.cursor(), Update(closed))
    assert read(connection, miko, yes, its) == [*first[:2], replace(closed, version=2)]
    assert table(Grant).write(connection.cursor(), Remove(replace(yes, version=1)))
    assert read(connection, miko, yes, its) == [first[0], replace(closed, version=2)]


def test_what_is_no_name_is_nowhere(connection: apsw.Connection) -> None:
    miko = replace(user("miko"), id=MIKO)
    assert table(User).write(connection.cursor(), Create(miko))
    # As long as a name, but none: it may be asked for beside one.
    wants = (One(User, MIKO), One(Grant, "z" * ids.LETTERS), One(Grant, "y" * ids.LETTERS))
    for some in (wants, wants[:2]):
        found = [
            owned_rows.find(connection.cursor(), some, RowCache()).records(want) for want in some
        ]
        assert found == [(replace(miko, version=1),), (), ()][: len(some)]


@pytest.mark.parametrize("key", ["", "x" * (ids.LETTERS - 1), "x" * 65536])
def test_nothing_longer_than_a_name_is_remembered(key: str) -> None:
    """Whoever sends what is none fills no memory with it."""
    assert not owned_rows.are_names((One(User, MIKO), One(Grant, key)))
