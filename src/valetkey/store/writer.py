"""The one thread that writes to an SQLite database.

It drains its queue, writes all that waits in one transaction, each request within a savepoint of
its own, commits once, and only then answers. One slow disk costs everybody one wait, not each one.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import apsw
import msgspec

from valetkey.model import ids
from valetkey.model.change import Change, Create, Stale
from valetkey.model.event import Event
from valetkey.model.log import entries_of
from valetkey.store import tree
from valetkey.store.log import forget_at, marked
from valetkey.store.port import PATIENCE, RECORDS, Unavailable
from valetkey.store.table import plain, table

BATCH: Final = 256
"""Requests in one transaction, at the most."""

SWEEP_ROWS: Final = 200
"""Rows of each table that one sweep forgets, at the most."""

CHECKPOINT_PAGES: Final = 2000
"""Pages in the write-ahead log from which it is copied back into the file."""

LOG_PAGES: Final = 4 * CHECKPOINT_PAGES
"""Pages from which the writer waits for that: SQLite begins the log anew only once all of it has
been copied, and under a steady load a commit would always come between."""


class Job:
    """Something to write, and somebody who waits for the outcome."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.future: asyncio.Future[int] = loop.create_future()
        self.outcome: int | Exception = 0

    def run(self, connection: apsw.Connection) -> int:
        """Writes; how many rows. Raises Stale where a precondition does not hold."""
        raise NotImplementedError

    def answer(self) -> None:
        """Tells whoever waits, from the writer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._resolve)
        except RuntimeError:
            return  # Nobody waits any more: the loop is closed.

    def _resolve(self) -> None:
        if self.future.done():
            return
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


class Commit(Job):
    """Changes and events, all or nothing."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, changes: Sequence[Change], events: Sequence[Event]
    ) -> None:
        super().__init__(loop)
        self._changes = (*changes, *(Create(event) for event in events))

    def run(self, connection: apsw.Connection) -> int:
        for change in self._changes:
            if not _written(connection, change):
                raise Stale(change)
        _log(connection, self._changes)
        return len(self._changes)


_SWEEP_LOG: Final = (
    "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE seq < coalesce((SELECT seq FROM log "
    "WHERE forget_at > ? ORDER BY seq LIMIT 1), 9e18) ORDER BY seq LIMIT ?) RETURNING 1"
)

_SWEEPS: Final = (
    *(plain(kind).sweep for kind in RECORDS if not kind.rank),
    tree.SWEEP,
    _SWEEP_LOG,
)


class Sweep(Job):
    """A small step of forgetting: what expired before `now`, and events of before `told`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: int, *, told: int) -> None:
        super().__init__(loop)
        self._steps: list[tuple[str, int | bytes]] = [(one, now) for one in _SWEEPS]
        if told:
            self._steps.append((tree.SWEEP_TOLD, ids.time_of(told)))

    def run(self, connection: apsw.Connection) -> int:
        return sum(
            len(connection.execute(statement, (until, SWEEP_ROWS)).fetchall())
            for statement, until in self._steps
        )


class Writer:
    """Owns the writing connection, and a second one on which checkpoints run beside it."""

    def __init__(self, writing: apsw.Connection, *, checkpointing: apsw.Connection) -> None:
        self._connection = writing
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._checkpoints = Checkpoints(checkpointing)
        self._entrance = threading.Lock()
        self._closed = False
        self._pages = 0
        writing.set_wal_hook(self._grown)
        self._thread = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def submit(self, job: Job) -> int:
        """The outcome, once it is durable. Raises Stale, Unavailable."""
        with self._entrance:
            if self._closed:
                raise Unavailable("the store is closed")
            self._queue.put(job)
        try:
            async with asyncio.timeout(PATIENCE):
                return await job.future
        except TimeoutError as error:
            raise Unavailable("the database is busy") from error

    def stop(self) -> None:
        """Writes what waits, then ends."""
        with self._entrance:
            # Whoever came before this is answered, whoever comes after it is turned away.
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._checkpoints.stop()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            first = self._queue.get()
            batch, stopping = self._drain(first)
            if batch:
                self._write(batch)
                for job in batch:
                    job.answer()
            if stopping:
                return
            if self._pages >= LOG_PAGES:
                self._checkpoints.run()

    def _drain(self, first: Job | None) -> tuple[list[Job], bool]:
        batch: list[Job] = []
        job = first
        while job is not None:
            if not job.future.done():  # else nobody waits for it any more
                batch.append(job)
            if len(batch) == BATCH:
                return batch, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _write(self, batch: Sequence[Job]) -> None:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                self._one(job)
            connection.execute("COMMIT")
        except Exception as error:
            # Whatever it was, nobody may wait for ever, and the next batch gets its chance.
            self._undo()
            for job in batch:
                job.outcome = Unavailable(f"{type(error).__name__}: {error}")

    def _one(self, job: Job) -> None:
        connection = self._connection
        connection.execute("SAVEPOINT job")
        try:
            job.outcome = job.run(connection)
        except apsw.Error:
            raise  # Nobody's write is sure any more.
        except Exception as error:
            # A lost race, or a record that cannot be written: that is this job's own affair.
            connection.execute("ROLLBACK TO job")
            job.outcome = error
        connection.execute("RELEASE job")

    def _undo(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error:
                return  # SQLite has rolled back by itself.

    def _grown(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._pages = pages
        if pages >= CHECKPOINT_PAGES:
            self._checkpoints.wanted.set()
        return apsw.SQLITE_OK


class Checkpoints:
    """Copies the write-ahead log back into the file while the writer goes on."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._stopping = False
        self.wanted = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends, after the last checkpoint."""
        self._stopping = True
        self.wanted.set()
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            self.wanted.wait()
            self.wanted.clear()
            if self._stopping:
                return
            self.run()

    def run(self) -> None:
        """Copies what there is, as far as no reader is in the way; the next commit asks again."""
        with self._turn, suppress(apsw.Error):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


_NEXT: Final = "UPDATE log_head SET seq = seq + 1 RETURNING seq"
_APPEND: Final = "INSERT INTO log (seq, forget_at, body) VALUES (?, ?, ?)"


def _log(connection: apsw.Connection, changes: Sequence[Change]) -> None:
    """Appends what the change log says of the changes. There is one writer at a time, and a job
    that is undone gives its numbers back: so they have no gap."""
    for entry in marked(entries_of(changes)):
        ((seq,),) = connection.execute(_NEXT)
        connection.execute(_APPEND, (seq, forget_at(entry), msgspec.json.encode(entry)))


def _written(connection: apsw.Connection, change: Change) -> bool:
    """Writes one change; whether its precondition held."""
    try:
        return table(type(change.record)).write(connection, change)
    except apsw.ConstraintError:
        return False  # The alias is taken.
