"""Writes to an SQLite database: one transaction at a time, for all requests that wait meanwhile.

A batch is written on the event loop, where nothing competes for the interpreter. A request with
several changes gets a savepoint of its own. A thread then waits for the disk, and only after that
do the requests get their answers. So a slow disk costs one wait for the whole batch. The thread
also does whatever else may take long: waiting for another process that writes, and sweeps.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import apsw

from valetkey.server.model.change import Stale
from valetkey.server.store.port import CALL_TIMEOUT, Deadlines, Unavailable, Unstorable
from valetkey.server.store.sqlite.files import BusyHandler, Checkpoints, Files
from valetkey.server.store.sqlite.writer import WriteJob
from valetkey.server.store.survey import is_malformed

BATCH: Final = 256
"""The largest number of requests in one transaction."""

LOST: Final = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.ConnectionClosedError,
    apsw.CorruptError,
    apsw.CursorClosedError,
    apsw.FullError,
    apsw.IOError,
    apsw.InterruptError,
    apsw.LockedError,
    apsw.MisuseError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
    apsw.ThreadingViolationError,
)
"""Errors that the disk, the file or the connection causes. One request may have caused any other
error."""


class Writer:
    """Owns the writing connection, and a second connection for checkpoints."""

    def __init__(self, writing: apsw.Connection, *, checkpointing: apsw.Connection) -> None:
        self._connection = writing
        # A new cursor for each statement would add a quarter to the cost of a small statement.
        self._cursor = writing.cursor()
        self._busy_handler = BusyHandler()
        writing.set_busy_handler(self._busy_handler)
        self._files = Files(writing)
        self._malformed = ""
        self._waiting: deque[WriteJob] = deque()
        self._deadlines = Deadlines("the database is busy")
        self._begun = False
        self._turn = threading.Lock()  # held during a transaction
        self._entrance = threading.Lock()
        self._closed = False
        self._checkpoints = Checkpoints(checkpointing)
        writing.set_wal_hook(self._on_wal_growth)
        self._errands: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def submit(self, job: WriteJob) -> int:
        """Write the job; return its outcome when it is durable. Raises Stale, Unstorable,
        Unavailable."""
        with self._entrance:
            if self._closed:
                raise Unavailable("the store is closed")
            self._waiting.append(job)
            first, self._begun = not self._begun, True
        if first:
            # Other requests of this round of the loop join the batch.
            job.loop.call_soon(self._begin)
        return await self._deadlines.outcome(job.future)

    def stop(self) -> None:
        """Write what is waiting, then end."""
        with self._entrance:
            # Earlier jobs are still written; later ones are refused.
            self._closed = True
        self._errands.put(None)
        self._thread.join()
        self._checkpoints.stop()
        self._connection.close()

    # --- on the loop -----------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin a transaction, and write all waiting jobs."""
        if self._closed or not self._turn.acquire(blocking=False):
            return  # The thread will do it.
        batch = self._next_batch()
        if not batch:
            self._start_next()
        elif batch[0].slow:
            self._errands.put(lambda: self._write_alone(batch))
        elif self._begin_transaction(wait=False):
            self._errands.put(lambda: self._enter(batch))
        else:
            self._fill(batch)

    def _fill(self, batch: Sequence[WriteJob]) -> None:
        self._write(batch)
        self._errands.put(lambda: self._finish(batch))

    def _resolve(self, jobs: Sequence[WriteJob]) -> None:
        for job in jobs:
            job.resolve()

    # --- in the thread ---------------------------------------------------------------------------

    def _serve(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand()
        # A batch may still be on its way here; no new one begins.
        with suppress(queue.Empty):
            while not self._turn.acquire(blocking=False):
                if (errand := self._errands.get(timeout=CALL_TIMEOUT)) is not None:
                    errand()
        while batch := self._next_batch():
            self._write_alone(batch, release=False)

    def _enter(self, batch: Sequence[WriteJob]) -> None:
        """Wait for another process to finish, then let the event loop fill the transaction."""
        if why := self._begin_transaction(wait=True):
            self._fail(batch, why)
            self._finish(batch)
        elif not _on_loop(batch[0].loop, self._fill, batch):
            self._write(batch)
            self._finish(batch)

    def _write_alone(self, batch: Sequence[WriteJob], *, release: bool = True) -> None:
        if why := self._begin_transaction(wait=True):
            self._fail(batch, why)
        else:
            self._write(batch)
        self._finish(batch, release=release)

    def _finish(self, batch: Sequence[WriteJob], *, release: bool = True) -> None:
        """Make the batch durable, answer its requests, and start the next batch."""
        if self._connection.in_transaction:
            self._commit(batch)
        loops: dict[asyncio.AbstractEventLoop, list[WriteJob]] = {}
        for job in batch:
            loops.setdefault(job.loop, []).append(job)
        for loop, jobs in loops.items():
            _on_loop(loop, self._resolve, jobs)
        self._checkpoints.finish()
        if release:
            self._start_next()

    def _start_next(self) -> None:
        self._turn.release()
        with self._entrance:
            self._begun = bool(self._waiting)
            loop = self._waiting[0].loop if self._waiting else None
        if loop is not None and not _on_loop(loop, self._begin):
            with self._entrance:
                # The loop is closed, so no caller waits any more.
                self._waiting = deque(job for job in self._waiting if job.loop is not loop)
            if self._turn.acquire(blocking=False):
                self._start_next()

    # --- either ----------------------------------------------------------------------------------

    def _next_batch(self) -> list[WriteJob]:
        """Take the next batch from the jobs that are still waited for. A slow job gets its own
        batch."""
        batch: list[WriteJob] = []
        with self._entrance:
            while self._waiting and len(batch) < BATCH:
                if batch and (self._waiting[0].slow or batch[0].slow):
                    break
                job = self._waiting.popleft()
                if not job.future.done():
                    batch.append(job)
        return batch

    def _begin_transaction(self, *, wait: bool) -> str:
        """Begin a transaction; return why that failed, or ""."""
        if self._malformed:
            return self._malformed
        self._busy_handler.enabled = wait
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return self._why(error)
        finally:
            self._busy_handler.enabled = True
        return ""

    def _write(self, batch: Sequence[WriteJob]) -> None:
        try:
            for job in batch:
                self._write_one(job)
        except Exception as error:
            self._fail(batch, self._why(error))

    def _commit(self, batch: Sequence[WriteJob]) -> None:
        try:
            self._connection.execute("COMMIT")
        except Exception as error:
            self._fail(batch, self._why(error))
        else:
            if why := self._files.why_lost():
                self._fail(batch, why)

    def _why(self, error: Exception) -> str:
        return self.distrust(error) if is_malformed(error) else f"{type(error).__name__}: {error}"

    def distrust(self, error: Exception) -> str:
        """Refuse all writes from now on: the file is malformed and has to be restored, which would
        lose them. Return the reason. SQLite says "malformed" or "not a database", depending on
        which page it reads first."""
        if not self._malformed:
            self._malformed = f"the database file is malformed ({error}): nothing is written to it"
        return self._malformed

    def _fail(self, batch: Sequence[WriteJob], why: str) -> None:
        # Whatever the error was, every caller gets an answer, and the next batch can run.
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # SQLite may have rolled back already.
                self._connection.execute("ROLLBACK")
        for job in batch:
            job.outcome = Unavailable(why)

    def _write_one(self, job: WriteJob) -> None:
        cursor = self._cursor
        if not job.single:
            cursor.execute("SAVEPOINT job")
        try:
            job.outcome = job.run(cursor)
        except LOST:
            raise  # No write of this batch is certain any more.
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite has rolled back the whole batch.
            # A lost race, or a record that cannot be written, affects only this job.
            if not job.single:
                cursor.execute("ROLLBACK TO job")
            job.outcome = _error_of_one(error)
        if not job.single:
            cursor.execute("RELEASE job")

    def _on_wal_growth(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._checkpoints.on_growth(pages)
        return apsw.SQLITE_OK


def _error_of_one(error: Exception) -> Exception:
    """The error for a job that failed while others in its batch may succeed."""
    match error:
        case Stale() | Unstorable():
            return error
        case ValueError() | OverflowError() | apsw.TooBigError() | apsw.MismatchError():
            return Unstorable(f"{type(error).__name__}: {error}")
        case apsw.Error():
            return Unavailable(f"{type(error).__name__}: {error}")
        case _:
            return error


def _on_loop(
    loop: asyncio.AbstractEventLoop, work: Callable[..., None], *arguments: object
) -> bool:
    """Run `work` on the loop; return False if the loop is closed."""
    try:
        loop.call_soon_threadsafe(work, *arguments)
    except RuntimeError:
        return False
    return True
