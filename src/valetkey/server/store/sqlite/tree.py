"""Stores what users own in SQLite: one table, whose tree keeps the rows of a user side by side.

A row is found by its `spot`, a 64-bit number: 32 bits for the place, 4 for the rank of its kind, 24
from the end of its name, and 4 more. So a name leads to a block of 16 spots, which it rarely shares
with another name; the `key` distinguishes rows that share a block. The rows of one user are a short
range of the tree, mostly one page, so a query scans this range where other tables use an index.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final, TypeAlias

import apsw
import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove, Versioned
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery, Query
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.store.sqlite.packed import ColumnValue, Packing, packing, second_name, sought

_HALF: Final = 1 << 31
"""Integers in SQLite are signed."""

_PLACE: Final = 32
_RANK: Final = 28
STRETCH: Final = 1 << _RANK
"""The number of spots of one kind in one place."""

_END: Final = 3
"""The number of bytes at the end of a name that select its block."""

_BLOCK: Final = 4
LAST: Final = (1 << _BLOCK) - 1
"""The distance from the first spot of a block to its last."""

COLUMNS: Final = ("user", "grant", "client")
"""The index columns, the same for all kinds."""

INSERT: Final = (
    'INSERT INTO owned (spot, key, version, forget_at, alias, "user", "grant", client, body) '
)
"""The statement prefix that takes the values of `Tree.row`."""


Row: TypeAlias = tuple[
    int, bytes, int, int, ColumnValue, ColumnValue, ColumnValue, ColumnValue, bytes
]
"""The values of a row, with the first spot of its block in place of its spot."""

# S608: every name in a statement is a constant of the record's class.

_SELECT: Final = f'SELECT spot >> {_PLACE}, key, version, body, "user", "grant", client FROM owned'  # noqa: S608
# The new spot is the one after the last in the block. If the name exists already, or the block is
# full, it is the last one itself, which is occupied, so nothing is written. INSERT … SELECT would
# need a temporary table.
_CREATE: Final = (
    f"{INSERT}VALUES ((SELECT coalesce(max(spot) + "  # noqa: S608
    f"(count(*) FILTER (WHERE key = ?2) = 0 AND max(spot) < ?1 + {LAST}), ?1) "
    f"FROM owned WHERE spot BETWEEN ?1 AND ?1 + {LAST}), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
    "ON CONFLICT DO NOTHING"
)
_HERE: Final = f"spot BETWEEN ?1 AND ?1 + {LAST} AND key = ?2"
_ITS: Final = f"{_HERE} AND version = ?3 - 1"
_BODY: Final = (
    "UPDATE owned SET version = ?3, body = ?9 "  # noqa: S608
    f'WHERE {_ITS} AND forget_at = ?4 AND alias IS ?5 AND "user" IS ?6 AND "grant" IS ?7 '
    "AND client IS ?8"
)
_UPDATE: Final = (
    'UPDATE owned SET version = ?3, forget_at = ?4, alias = ?5, "user" = ?6, "grant" = ?7, '  # noqa: S608
    f"client = ?8, body = ?9 WHERE {_ITS}"
)
_TALLY: Final = f"UPDATE owned SET version = version + 1 WHERE {_HERE}"  # noqa: S608
_REMOVE: Final = f"DELETE FROM owned WHERE {_HERE} AND version = ?3"  # noqa: S608

SWEEP: Final = (
    "DELETE FROM owned WHERE spot IN (SELECT spot FROM owned "
    "WHERE forget_at > 0 AND forget_at <= ? LIMIT ?) RETURNING 1"
)
"""Deletes some rows of any kind that expired by a given second."""

SWEEP_EVENTS: Final = (
    "DELETE FROM owned WHERE spot IN (SELECT spot FROM owned WHERE "  # noqa: S608
    f"(spot >> {_RANK}) & 15 = {Event.rank} AND substr(key, 1, {ids.TIME}) < ? LIMIT ?) RETURNING 1"
)
"""Deletes some events whose names begin with an earlier time."""


def block_of(place: int, rank: int, key: bytes) -> int:
    """The first spot of the block that a row belongs to."""
    return first_of(place, rank) | int.from_bytes(key[-_END:], "big") << _BLOCK


def first_of(place: int, rank: int) -> int:
    """The first spot of the range of one kind in one place."""
    return place - _HALF << _PLACE | rank << _RANK


def wrote(cursor: apsw.Cursor, statement: str, binds: tuple[Any, ...]) -> bool:
    """Run the statement; return whether it wrote a row."""
    # RETURNING would need a temporary table.
    return cursor.execute(statement, binds).connection.changes() > 0


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one kind. `near`: the alias contains the place, and so needs no index."""

    kind: type[Record]
    packing: Packing
    mine: str
    order: tuple[str, ...]
    near: bool

    @staticmethod
    @cache
    def of(kind: type[Record]) -> "Tree":
        """The rows of a kind that users own."""
        mine = f"(spot >> {_RANK}) & 15 = {kind.rank}"
        place = f"spot >> {_PLACE}"
        by_name = (place, "key") if kind is User else (f"substr(key, 1, {ids.TIME})", place, "key")
        return Tree(
            kind=kind,
            packing=packing(kind, COLUMNS),
            mine=mine,
            order=by_name,
            near=kind.place_of_alias("") is not None,
        )

    def row(self, record: Record, version: int) -> Row:
        """Build the row of a record."""
        place, key, (user, grant, client), body = self.packing.pack(record)
        alias = None if self.near else second_name(record.alias)
        block = block_of(place, self.kind.rank, key)
        return block, key, version, record.forget_at, alias, user, grant, client, body

    def write(self, cursor: apsw.Cursor, change: Versioned) -> bool:
        """Write a change; return whether its precondition held."""
        record, what = change.record, type(change)
        if what is Remove:
            place, key = self.packing.name(record.key) or (0, b"")
            return wrote(cursor, _REMOVE, (self.block(place, key), key, record.version))
        if self.near and record.alias and self._is_alias_taken(cursor.connection, record):
            return False
        if what is Create:
            return wrote(cursor, _CREATE, self.row(record, 1))
        row = self.row(record, record.version + 1)
        # Index columns rarely change; if they do not, no index has to be written.
        return wrote(cursor, _BODY, row) or wrote(cursor, _UPDATE, row)

    def tally(self, cursor: apsw.Cursor, event: Event) -> bool:
        """Write an event, or count it again. Returns whether there was room for it."""
        row = self.row(event, 1)
        return wrote(cursor, _CREATE, row) or wrote(cursor, _TALLY, row[:2])

    def _is_alias_taken(self, connection: apsw.Connection, record: Record) -> bool:
        found = self.find(connection, OneByAlias(type(record), record.alias))
        return any(one.key != record.key for one in found)

    def block(self, place: int, key: bytes) -> int:
        """The first spot of the block of a name."""
        return block_of(place, self.kind.rank, key)

    # --- reading ---------------------------------------------------------------------------------

    def find(self, connection: apsw.Connection, want: Query) -> tuple[Record, ...]:
        """Find the records. Raises ValueError for an unknown index."""
        match want:
            case One(key=key):
                return self._find_by_name(connection, key)
            case OneByAlias(alias=alias):
                found = self._find_by_alias(connection, alias) if alias else ()
                return tuple(one for one in found if one.alias == alias)
            case Many(index="", value=_):
                return tuple(self._read(connection, f"WHERE {self.mine}{self._by_name()}", ()))
            case Many(index=index, value=value):
                return self._many(connection, index, value)

    def _find_by_name(self, connection: apsw.Connection, key: str) -> tuple[Record, ...]:
        name = self.packing.name(key)
        if name is None:
            return ()
        return tuple(self._read(connection, f"WHERE {_HERE}", (self.block(*name), name[1])))

    def _find_by_alias(self, connection: apsw.Connection, alias: str) -> Iterable[Record]:
        place = self.kind.place_of_alias(alias)
        if place is None:
            return self._read(connection, "WHERE alias = ?", (second_name(alias),))
        return self._read(connection, f"WHERE {_STRETCHED}", self._stretch(place))

    def _many(self, connection: apsw.Connection, index: str, value: str) -> tuple[Record, ...]:
        there = sought(self.kind, index, value)
        if there is None:
            return ()
        place, stored_value = there
        if place is None:
            condition = f'WHERE "{index}" = ?{self._by_name()}'
            return tuple(self._read(connection, condition, (stored_value,)))
        condition = f'WHERE {_STRETCHED} AND "{index}" = ? ORDER BY key'
        return tuple(self._read(connection, condition, (*self._stretch(place), stored_value)))

    def page(self, connection: apsw.Connection, query: PageQuery[Any]) -> list[Record]:
        """Read one record more than the page holds, if there are as many. Raises ValueError."""
        there = sought(self.kind, query.index, query.value) if query.index else (None, None)
        if there is None:
            return []
        before = self.packing.name(query.before)
        if query.walk:
            return self._walked(connection, before, query.limit)
        place, stored_value = there
        conditions, binds = [self.mine], list[Any]()
        if place is not None:
            conditions, binds = [_STRETCHED], [*self._stretch(place)]
        if query.index:
            conditions.append(f'"{query.index}" = ?')
            binds.append(stored_value)
        if before is not None:
            conditions.append(f"({', '.join(self.order)}) < ({', '.join('?' * len(self.order))})")
            its, key = before
            binds += [key[: ids.TIME], its - _HALF, key][-len(self.order) :]
        condition = f"WHERE {' AND '.join(conditions)}{self._by_name(' DESC')} LIMIT ?"
        return list(self._read(connection, condition, (*binds, query.limit + 1)))

    def _walked(
        self, connection: apsw.Connection, before: tuple[int, bytes] | None, limit: int
    ) -> list[Record]:
        """Walk backwards through the tree."""
        condition, binds = f"WHERE {self.mine}", tuple[Any, ...]()
        if before is not None:
            # If that row was deleted meanwhile, its block is walked once more.
            here = f"SELECT spot FROM owned WHERE {_HERE}"  # noqa: S608
            condition += f" AND spot < coalesce(({here}), ?1 + {LAST + 1})"
            binds = (self.block(*before), before[1])
        condition += f" ORDER BY spot DESC LIMIT {limit + 1}"
        return list(self._read(connection, condition, binds))

    def _stretch(self, place: int) -> tuple[int, int]:
        first = first_of(place, self.kind.rank)
        return first, first + STRETCH - 1

    def _by_name(self, direction: str = "") -> str:
        return f" ORDER BY {', '.join(f'{one}{direction}' for one in self.order)}"

    def _read(self, connection: apsw.Connection, rest: str, binds: Any) -> Iterable[Record]:
        unpack = self.packing.unpack
        rows = connection.execute(f"{_SELECT} {rest}", binds)
        return (unpack(row[0] + _HALF, row[1:]) for row in rows)


_STRETCHED: Final = "spot BETWEEN ? AND ?"
