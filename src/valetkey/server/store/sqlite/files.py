"""Checks that the files of an SQLite database are still in place, and still the same files.

A file that was deleted or replaced still accepts writes for as long as a process has it open; after
that, they are lost. SQLite does not report this. Nor does it report a file that another program
overwrote, as long as SQLite has the pages in memory.
"""

import contextlib
import os
import threading
import time
from contextlib import suppress
from typing import Final, NamedTuple

import apsw

from valetkey.server.store.port import CALL_TIMEOUT
from valetkey.server.store.survey import MALFORMED

PAUSE: Final = 1.0
"""Seconds between two checks of the file's contents and of its index. The names of the file and of
its log are checked each time, because a commit that is in neither is lost."""


class _FileIdentity(NamedTuple):
    """A file's device and inode, and its size in bytes."""

    device: int
    number: int
    size: int


class Files:
    """The files of a connection: the database, its write-ahead log, and the index of the log. They
    stay the same files for as long as a connection has them open."""

    def __init__(self, connection: apsw.Connection) -> None:
        # A read makes SQLite create all of them.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        main = connection.filename
        self._main = main
        self._next = 0.0
        self._known = _identities(main, f"{main}-wal")
        self._index = _identities(f"{main}-shm")

    def why_lost(self) -> str:
        """What has happened to the files, "" if all is well."""
        if why := self._why_elsewhere(self._known):
            return why
        now = time.monotonic()
        if now < self._next:
            return ""
        why = self._why_elsewhere(self._index) or self._why_malformed()
        self._next = 0.0 if why else now + PAUSE
        return why

    def _why_elsewhere(self, files: dict[str, _FileIdentity]) -> str:
        for name, expected in files.items():
            actual = _identity(name)
            if actual is None:
                return f"{name} was deleted while it was in use"
            if actual[:2] != expected[:2]:
                return f"{name} was replaced by another file while it was in use"
            if name == self._main and expected.size and not actual.size:
                return f"{name} was emptied while it was in use"
        return ""

    def _why_malformed(self) -> str:
        """Read the schema and the first row of each table, like a process that starts now."""
        try:
            with contextlib.closing(apsw.Connection(self._main, flags=_FLAGS)) as fresh:
                tables = fresh.execute(_TABLES).fetchall()
                for (table,) in tables:
                    fresh.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchall()  # noqa: S608
        except MALFORMED as error:
            return f"{self._main} is malformed: {error}"
        except apsw.Error:
            return ""  # The next read or write will report any other error.
        return ""


_FLAGS: Final = apsw.SQLITE_OPEN_READONLY
_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def _identities(*names: str) -> dict[str, _FileIdentity]:
    found = {name: _identity(name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _identity(name: str) -> _FileIdentity | None:
    try:
        status = os.stat(name)
    except OSError:
        return None
    return _FileIdentity(status.st_dev, status.st_ino, status.st_size)


# Copies the write-ahead log back into the file.

CHECKPOINT_PAGES: Final = 2000
"""The number of pages in the write-ahead log from which it is copied back into the file."""

LOG_PAGES: Final = 4 * CHECKPOINT_PAGES
"""The number of pages from which the writer waits for the copy after each commit."""


class Checkpoints:
    """Copies the log in two steps, so that the writer hardly waits for it.

    A thread copies what is there while the writer continues. SQLite starts the log again only when
    all of it is copied, and under a steady load another commit would always come first. So the
    writer itself copies the little that is left, between two commits.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._stopping = False
        self._pages = 0
        self._copy_from = CHECKPOINT_PAGES
        self._wanted = threading.Event()
        self._nearly_copied = False
        self._thread = threading.Thread(target=self._serve, name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its last copy."""
        self._stopping = True
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def on_growth(self, pages: int) -> None:
        """Call this after each commit, with the number of pages in the log."""
        if pages < self._pages:
            self._copy_from = CHECKPOINT_PAGES  # The log has started again.
        self._pages = pages
        if pages >= self._copy_from:
            # Readers, or another process that writes, may have kept the log from starting again.
            self._copy_from = pages + CHECKPOINT_PAGES // 8
            self._wanted.set()

    def finish(self) -> None:
        """Copy the rest, if there is little. Call this between two commits."""
        must = self._pages >= LOG_PAGES
        # The next commit is another chance, so the writer does not wait for the thread.
        if (self._nearly_copied or must) and self._turn.acquire(blocking=must):
            try:
                self._nearly_copied = False
                self._copy()
            finally:
                self._turn.release()

    def _serve(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                return
            with self._turn:
                self._copy()
            self._nearly_copied = True

    def _copy(self) -> None:
        """Copy as much as readers allow."""
        with suppress(apsw.Error):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


# How a connection to SQLite waits for another process.

BUSY: Final = CALL_TIMEOUT
"""Seconds for which a connection waits for another process."""

SOON: Final = 0.001
"""Seconds between two attempts to get the lock. SQLite's own pauses grow to a tenth of a second; a
process that writes all the time would then always be faster."""


class BusyHandler:
    """Waits in short steps, BUSY seconds in total, if `enabled`."""

    def __init__(self) -> None:
        self.enabled = True
        self._until = 0.0

    def __call__(self, tries: int) -> bool:
        """Return whether to try again."""
        if not self.enabled:
            return False
        now = time.monotonic()
        if tries == 0:
            self._until = now + BUSY
        time.sleep(SOON)
        return now < self._until
