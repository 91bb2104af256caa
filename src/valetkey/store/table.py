"""A record as a row: its columns, and the statements that read and write it.

Every table has `key`, `alias` (null for none), `version`, `forget_at`, one column for each index,
and `body`, the whole record as JSON.
"""

from functools import cache
from typing import Any

import msgspec

from valetkey.model.record import Record


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The statements for one kind of record, in SQLite's words."""

    name: str
    columns: tuple[str, ...]
    indexes: tuple[str, ...]
    insert: str
    update: str
    delete: str
    by_key: str
    by_alias: str
    every: str
    sweep: str
    decoder: msgspec.json.Decoder[Any]

    def many(self, index: str) -> str:
        """Every row whose `index` has a value, oldest key first."""
        if not index:
            return self.every
        self.check(index)
        return f'SELECT body FROM {self.name} WHERE "{index}" = ? ORDER BY key'  # noqa: S608

    def page(self, index: str) -> str:
        """Newest key first, before a key, at most so many. Binds value?, before, before, limit."""
        where = ""
        if index:
            self.check(index)
            where = f'"{index}" = ? AND '
        return (
            f"SELECT body FROM {self.name} WHERE {where}(? = '' OR key < ?) "  # noqa: S608
            "ORDER BY key DESC LIMIT ?"
        )

    def check(self, index: str) -> None:
        """Raises ValueError for a name that is no index: names never come from outside."""
        if index not in self.indexes:
            raise ValueError(f"{self.name} has no index {index!r}")

    def values(self, record: Record) -> tuple[Any, ...]:
        """What the columns of `columns` hold for the record."""
        indexed = [getattr(record, name) for name in type(record).indexes]
        body = msgspec.json.encode(record)
        return (record.key, record.alias or None, record.version, record.forget_at, *indexed, body)


@cache
def table(kind: type[Record]) -> Table:
    """The table of a kind of record."""
    name = kind.table
    columns = ("key", "alias", "version", "forget_at", *kind.indexes, "body")
    quoted = tuple(f'"{column}"' for column in columns)
    names, marks = ", ".join(quoted), ", ".join("?" * len(columns))
    sets = ", ".join(f"{column} = ?" for column in quoted[1:])
    return Table(
        name=name,
        columns=columns,
        indexes=kind.indexes,
        # S608: every name here is a constant of the record's class.
        insert=f"INSERT INTO {name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING 1",  # noqa: S608
        update=f"UPDATE {name} SET {sets} WHERE key = ? AND version = ? RETURNING 1",  # noqa: S608
        delete=f"DELETE FROM {name} WHERE key = ? AND version = ? RETURNING 1",  # noqa: S608
        by_key=f"SELECT body FROM {name} WHERE key = ?",  # noqa: S608
        by_alias=f"SELECT body FROM {name} WHERE alias = ?",  # noqa: S608
        every=f"SELECT body FROM {name} ORDER BY key",  # noqa: S608
        sweep=(
            f"DELETE FROM {name} WHERE key IN "  # noqa: S608
            f"(SELECT key FROM {name} WHERE forget_at > 0 AND forget_at <= ? LIMIT ?) RETURNING 1"
        ),
        decoder=msgspec.json.Decoder(kind),
    )
