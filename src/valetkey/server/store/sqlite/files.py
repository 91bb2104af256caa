"""Whether the files of an SQLite database are still where their names lead, and still its own.

A file that was deleted, or replaced by another one, goes on to take whatever is written, as long as
somebody has it open; then it is gone. SQLite says nothing of that, nor of a file that was written
over, as long as it has the pages in its memory.
"""

import contextlib
import os
import time
from typing import Final, NamedTuple

import apsw

from valetkey.server.store.survey import MALFORMED

PAUSE: Final = 1.0
"""Seconds from one look into the file, and for the index, to the next. The names of the file and
its log are looked up each time: what is in neither is gone."""


class _Seen(NamedTuple):
    """Which file it is, and its size."""

    device: int
    number: int
    size: int


class Files:
    """Those of a connection: the database itself, its write-ahead log, and the index of that. All
    of them stay the same files for as long as a connection has them open."""

    def __init__(self, connection: apsw.Connection) -> None:
        # Only then are they all there.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        main = connection.filename
        self._main = main
        self._next = 0.0
        self._known = _known(main, f"{main}-wal")
        self._index = _known(f"{main}-shm")

    def why_lost(self) -> str:
        """What has happened to them, or ""."""
        if why := self._why_elsewhere(self._known):
            return why
        now = time.monotonic()
        if now < self._next:
            return ""
        why = self._why_elsewhere(self._index) or self._why_malformed()
        self._next = 0.0 if why else now + PAUSE
        return why

    def _why_elsewhere(self, files: dict[str, _Seen]) -> str:
        for name, known in files.items():
            found = _seen(name)
            if found is None:
                return f"{name} was deleted while it was in use"
            if found[:2] != known[:2]:
                return f"{name} was replaced by another file while it was in use"
            if name == self._main and known.size and not found.size:
                return f"{name} was emptied while it was in use"
        return ""

    def _why_malformed(self) -> str:
        """Reads the schema, and where each table begins, as somebody would who starts now."""
        try:
            with contextlib.closing(apsw.Connection(self._main, flags=_FLAGS)) as fresh:
                tables = fresh.execute(_TABLES).fetchall()
                for (table,) in tables:
                    fresh.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchall()  # noqa: S608
        except MALFORMED as error:
            return f"{self._main} is malformed: {error}"
        except apsw.Error:
            return ""  # Whatever else it is, whoever reads or writes next will hear of it.
        return ""


_FLAGS: Final = apsw.SQLITE_OPEN_READONLY
_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def _known(*names: str) -> dict[str, _Seen]:
    found = {name: _seen(name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _seen(name: str) -> _Seen | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return _Seen(found.st_dev, found.st_ino, found.st_size)
