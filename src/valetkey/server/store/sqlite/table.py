"""Maps records to rows of SQLite, with the statements that read and write them.

Records that no user owns have a table for each kind: `key`, `alias` (null for none), `version`,
`forget_at`, one column for each index, and `body`, the whole record as JSON. Records that users own
share one table (see `tree`).
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol

import apsw
import msgspec
from msgspec.structs import force_setattr

from valetkey.server.model.change import Create, Remove, Update, Versioned
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery, Query
from valetkey.server.model.record import Record
from valetkey.server.store.port import UNREADABLE, check_names, damaged, is_name
from valetkey.server.store.sqlite.tree import Tree, wrote


class Table(Protocol):
    """Reads and writes the records of one kind."""

    def write(self, cursor: apsw.Cursor, change: Versioned) -> bool:
        """Write a change; return whether its precondition held."""
        ...

    def find(self, connection: apsw.Connection, want: Query) -> tuple[Record, ...]:
        """Find the records. Raises ValueError for an unknown index."""
        ...

    def page(self, connection: apsw.Connection, query: PageQuery[Any]) -> list[Record]:
        """Read one record more than the page holds, if there are as many. Raises ValueError."""
        ...


class Plain(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of record that has a table of its own."""

    FIXED: ClassVar[tuple[str, ...]] = ("key", "alias", "version", "forget_at")

    name: str
    columns: tuple[str, ...]
    indexes: tuple[str, ...]
    insert: str
    update: str
    delete: str
    named_by: str
    decoder: msgspec.json.Decoder[Any]

    # S608: every name in a statement is a constant of the record's class.

    @property
    def sweep(self) -> str:
        """SQL that deletes some rows that expired by a given second."""
        swept = f"SELECT key FROM {self.name} WHERE forget_at > 0 AND forget_at <= ? LIMIT ?"  # noqa: S608
        return f"DELETE FROM {self.name} WHERE key IN ({swept}) RETURNING 1"  # noqa: S608

    def write(self, cursor: apsw.Cursor, change: Versioned) -> bool:
        return wrote(cursor, *self._statement(change))

    def _statement(self, change: Versioned) -> tuple[str, tuple[Any, ...]]:
        record = change.record
        match change:
            case Create():
                return self.insert, self.values(record, 1)
            case Update():
                values = self.values(record, record.version + 1)
                return self.update, (*values[1:], record.key, record.version)
            case Remove():
                return self.delete, (record.key, record.version)

    def find(self, connection: apsw.Connection, want: Query) -> tuple[Record, ...]:
        condition, binds = self._condition(want)
        return tuple(self.read(connection, f"SELECT body, key FROM {self.name} {condition}", binds))  # noqa: S608

    def _condition(self, want: Query) -> tuple[str, tuple[Any, ...]]:
        match want:
            case One(key=key):
                return "WHERE key = ?", (_sought(key),)
            case OneByAlias(alias=alias):
                return "WHERE alias = ?", (_sought(alias) or None,)
            case Many(index="", value=_):
                return "ORDER BY key", ()
            case Many(index=index, value=value):
                return f'WHERE "{self.check_index(index)}" = ? ORDER BY key', (_sought(value),)

    def page(self, connection: apsw.Connection, query: PageQuery[Any]) -> list[Record]:
        conditions, binds = [], list[Any]()
        if query.index:
            conditions.append(f'"{self.check_index(query.index)}" = ?')
            binds.append(_sought(query.value))
        if query.before:
            # Not as one condition with OR: SQLite would read all that comes after it.
            conditions.append("key < ?")
            binds.append(query.before)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        statement = f"SELECT body, key FROM {self.name} {where}ORDER BY key DESC LIMIT ?"  # noqa: S608
        return list(self.read(connection, statement, (*binds, query.limit + 1)))

    def read_by_keys(self, connection: apsw.Connection, keys: Sequence[str]) -> Iterable[Record]:
        """The records with these keys, in their order, by one statement."""
        marks = ", ".join(f"({number}, ?)" for number in range(len(keys)))
        # CROSS JOIN makes SQLite start from the names.
        statement = (
            f"WITH wanted(number, name) AS (VALUES {marks}) SELECT body, name FROM wanted "  # noqa: S608
            f"CROSS JOIN {self.name} ON key = name ORDER BY number"
        )
        return self.read(connection, statement, tuple(keys))

    def check_index(self, index: str) -> str:
        """Return the index. Raises ValueError if there is none of this name."""
        if index not in self.indexes:
            raise ValueError(f"{self.name} has no index {index!r}")
        return index

    def values(self, record: Record, version: int) -> tuple[Any, ...]:
        """The values of `columns` for the record. Raises Unstorable."""
        indexed = [getattr(record, name) for name in self.indexes]
        key, alias = record.key, record.alias or None
        check_names((key, alias, *indexed))
        body = msgspec.json.encode(msgspec.structs.replace(record, version=version))
        return (key, alias, version, record.forget_at, *indexed, body)

    def read(self, connection: apsw.Connection, statement: str, binds: Any) -> Iterable[Record]:
        """Decode the rows of a statement. Raises Damaged."""
        for body, key in connection.execute(statement, binds):
            try:
                record = self.decoder.decode(body)
            except UNREADABLE as error:
                raise damaged(self.name, error, key=str(key)) from error
            if self.named_by:
                # No other code has seen the record yet, so this is safe.
                force_setattr(record, self.named_by, key)
            yield record


def _sought(name: str) -> str | None:
    """The name to look for; None, which finds nothing, if no column can hold it."""
    return name if is_name(name) else None


@cache
def table(kind: type[Record]) -> Table:
    """The mapping of any kind of record."""
    return Tree.of(kind) if kind.rank else plain(kind)


@cache
def plain(kind: type[Record]) -> Plain:
    """The mapping of a kind that no user owns."""
    name = kind.table
    columns = (*Plain.FIXED, *kind.indexes, "body")
    quoted = tuple(f'"{column}"' for column in columns)
    names, marks = ", ".join(quoted), ", ".join("?" * len(columns))
    sets = ", ".join(f"{column} = ?" for column in quoted[1:])
    return Plain(
        name=name,
        columns=columns,
        indexes=kind.indexes,
        insert=f"INSERT INTO {name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608
        update=f"UPDATE {name} SET {sets} WHERE key = ? AND version = ?",  # noqa: S608
        delete=f"DELETE FROM {name} WHERE key = ? AND version = ?",  # noqa: S608
        named_by=kind.named_by,
        decoder=msgspec.json.Decoder(kind),
    )
