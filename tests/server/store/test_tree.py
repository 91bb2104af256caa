"""The tree of users' rows: rows that share a block, shortened names, and full blocks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV, FULL, MIKO, grant, session, told, user

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.record import Record
from valetkey.server.model.user import Session, User
from valetkey.server.store.migrate import migrate
from valetkey.server.store.sqlite.packed import packing, second_name
from valetkey.server.store.sqlite.store import connect
from valetkey.server.store.sqlite.table import table
from valetkey.server.store.sqlite.tree import LAST


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(connect(tmp_path / "valetkey.db")) as opened:
        migrate(opened)
        yield opened


SESSIONS = table(Session)


def neighbours(count: int) -> list[Session]:
    """Sessions whose names lead to one block, as chance would have it once in ages."""
    first = session(MIKO)
    raw = ids.to_bytes(first.id)
    names = [ids.to_text(raw[:10] + bytes([n]) + raw[11:]) for n in range(count)]
    return [replace(first, id=name, digest=str(n)) for n, name in enumerate(names)]


def found(connection: apsw.Connection, one: Record) -> Record | None:
    return next(iter(SESSIONS.find(connection, One(type(one), one.key))), None)


def test_rows_of_one_block_are_told_apart(connection: apsw.Connection) -> None:
    some = neighbours(5)
    for one in some:
        assert SESSIONS.write(connection.cursor(), Create(one))
    for one in some:
        assert not SESSIONS.write(connection.cursor(), Create(one))
        assert found(connection, one) == replace(one, version=1)
    changed = replace(some[2], version=1, digest="new")
    assert SESSIONS.write(connection.cursor(), Update(changed))
    assert [found(connection, one) for one in some] == [
        replace(one, version=1) if one.id != changed.id else replace(changed, version=2)
        for one in some
    ]


def test_a_name_is_taken_wherever_in_its_block_it_lies(connection: apsw.Connection) -> None:
    """The first spot of a block is free again: whoever lies behind it is not written twice."""
    first, second = neighbours(2)
    SESSIONS.write(connection.cursor(), Create(first))
    SESSIONS.write(connection.cursor(), Create(second))
    SESSIONS.write(connection.cursor(), Remove(replace(first, version=1)))
    assert not SESSIONS.write(connection.cursor(), Create(second))
    assert SESSIONS.write(connection.cursor(), Remove(replace(second, version=1)))
    assert SESSIONS.write(connection.cursor(), Create(second))


def test_a_full_block_takes_no_more_and_harms_no_other(connection: apsw.Connection) -> None:
    *fitting, last = neighbours(LAST + 2)
    assert all(SESSIONS.write(connection.cursor(), Create(one)) for one in fitting)
    assert not SESSIONS.write(connection.cursor(), Create(last))
    assert found(connection, last) is None


def test_a_second_name_is_compared_whole(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names whose short digests were the same would not be taken for each other."""
    miko = user("miko")
    assert table(User).write(connection.cursor(), Create(miko))
    monkeypatch.setattr(
        "valetkey.server.store.sqlite.tree.second_name", lambda _: second_name("miko")
    )
    assert table(User).find(connection, OneByAlias(User, "stef")) == ()
    assert table(User).find(connection, OneByAlias(User, "miko")) == (replace(miko, version=1),)


def test_the_rows_of_a_user_lie_side_by_side(connection: apsw.Connection) -> None:
    others = [user(str(n)) for n in range(20)]
    mine = [one for one in FULL if one.rank and ids.place_of_user(MIKO) == one.place]
    assert {type(one) for one in mine} >= {User, Grant, Session}
    for one in (*others, *mine, *(session(other.id) for other in others)):
        assert table(type(one)).write(connection.cursor(), Create(one))
    spots = [spot for (spot,) in connection.execute("SELECT spot FROM owned ORDER BY spot")]
    its = (ids.place_of_user(MIKO) - (1 << 31)) << 32
    theirs = [number for number, spot in enumerate(spots) if its <= spot < its + (1 << 32)]
    assert theirs == list(range(theirs[0], theirs[0] + len(mine)))


def test_two_users_in_one_place_are_told_apart(connection: apsw.Connection) -> None:
    """A place is four bytes: among ten million users some share one."""
    raw = ids.to_bytes(MIKO)
    twin = ids.to_text(raw[:4] + bytes(12))
    mine, its = grant(), replace(grant(), id=ids.owned_id(ENV, owner=twin), user=twin)
    for one in (mine, its):
        assert table(Grant).write(connection.cursor(), Create(one))
    for one in (mine, its):
        wanted = Many(Grant, "user", one.user)
        assert table(Grant).find(connection, wanted) == (replace(one, version=1),)
        alias = OneByAlias(Grant, one.alias)
        assert table(Grant).find(connection, alias) == (replace(one, version=1),)


def test_a_name_of_another_place_is_kept_whole() -> None:
    other = ids.owned_id(ENV, owner=ids.user_id(ENV))
    near, far = told(), replace(told(), grant=other)
    for one in (near, far):
        place, key, columns, body = packing(type(one)).pack(one)
        read = packing(type(one)).unpack(place, (key, 0, body, *columns))
        assert read == one
    _, _, (_, held), _ = packing(type(far)).pack(far)
    assert len(held or b"") == ids.LENGTH


def test_what_is_no_name_of_ours_is_not_kept(connection: apsw.Connection) -> None:
    for wrong in (replace(session(MIKO), id="s"), replace(session(MIKO), user="miko")):
        with pytest.raises(ValueError, match="not a valid name"):
            SESSIONS.write(connection.cursor(), Create(wrong))
