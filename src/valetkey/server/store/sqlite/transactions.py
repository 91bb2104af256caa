"""Whatever writes to an SQLite database: one transaction at a time, for all that wait meanwhile.

A batch is written on the event loop, where nothing competes for the interpreter, each request
within a savepoint of its own where it has several changes; a thread then waits for the disk, and
only then is each of them answered. One slow disk costs everybody one wait, not each one. Whatever
else may take long (another process that writes, a sweep) is the thread's as well.
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
from valetkey.server.store.deadline import Waiting
from valetkey.server.store.port import PATIENCE, Unavailable, Unstorable
from valetkey.server.store.sqlite.busy import Patience
from valetkey.server.store.sqlite.checkpoints import Checkpoints
from valetkey.server.store.sqlite.files import Files
from valetkey.server.store.sqlite.writer import Job
from valetkey.server.store.survey import MALFORMED

BATCH: Final = 256
"""Requests in one transaction, at the most."""

CHECKPOINT_PAGES: Final = 2000
"""Pages in the write-ahead log from which it is copied back into the file."""

LOG_PAGES: Final = 4 * CHECKPOINT_PAGES
"""Pages from which the writer waits for that: SQLite begins the log anew only once all of it has
been copied, and under a steady load a commit would always come between."""


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
"""Errors for which the disk, the file or the connection is to blame. Any other may be what one
request brought."""


class Writer:
    """Owns the writing connection, and a second one on which checkpoints run beside it."""

    def __init__(self, writing: apsw.Connection, *, checkpointing: apsw.Connection) -> None:
        self._connection = writing
        # Another cursor for each statement costs a quarter of a small one.
        self._cursor = writing.cursor()
        self._patience = Patience()
        writing.set_busy_handler(self._patience)
        self._files = Files(writing)
        self._malformed = ""
        self._waiting: deque[Job] = deque()
        self._patient = Waiting("the database is busy")
        self._begun = False
        self._turn = threading.Lock()  # of whoever is in a transaction, or about to begin one
        self._entrance = threading.Lock()
        self._closed = False
        self._pages = 0
        self._checkpoints = Checkpoints(checkpointing)
        writing.set_wal_hook(self._grown)
        self._errands: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def submit(self, job: Job) -> int:
        """The outcome, once it is durable. Raises Stale, Unstorable, Unavailable."""
        with self._entrance:
            if self._closed:
                raise Unavailable("the store is closed")
            self._waiting.append(job)
            first, self._begun = not self._begun, True
        if first:
            # Whatever else this turn of the loop brings goes along.
            job.loop.call_soon(self._begin)
        return await self._patient.outcome(job.future)

    def stop(self) -> None:
        """Writes what waits, then ends."""
        with self._entrance:
            # Whoever came before this is answered, whoever comes after it is turned away.
            self._closed = True
        self._errands.put(None)
        self._thread.join()
        self._checkpoints.stop()
        self._connection.close()

    # --- on the loop -----------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begins a transaction, and writes into it all that waits."""
        if self._closed or not self._turn.acquire(blocking=False):
            return  # The thread sees to it.
        batch = self._taken()
        if not batch:
            self._next()
        elif batch[0].slow:
            self._errands.put(lambda: self._write_alone(batch))
        elif self._why_not_entered(patiently=False):
            self._errands.put(lambda: self._enter(batch))
        else:
            self._fill(batch)

    def _fill(self, batch: Sequence[Job]) -> None:
        self._written(batch)
        self._errands.put(lambda: self._finish(batch))

    def _answered(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.resolve()

    # --- in the thread ---------------------------------------------------------------------------

    def _serve(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand()
        # A batch may be on its way here still; nobody begins another one.
        with suppress(queue.Empty):
            while not self._turn.acquire(blocking=False):
                if (errand := self._errands.get(timeout=PATIENCE)) is not None:
                    errand()
        while batch := self._taken():
            self._write_alone(batch, release=False)

    def _enter(self, batch: Sequence[Job]) -> None:
        """Waits for another process, and hands the transaction to the loop."""
        if why := self._why_not_entered(patiently=True):
            self._failed(batch, why)
            self._finish(batch)
        elif not _on_loop(batch[0].loop, self._fill, batch):
            self._written(batch)
            self._finish(batch)

    def _write_alone(self, batch: Sequence[Job], *, release: bool = True) -> None:
        if why := self._why_not_entered(patiently=True):
            self._failed(batch, why)
        else:
            self._written(batch)
        self._finish(batch, release=release)

    def _finish(self, batch: Sequence[Job], *, release: bool = True) -> None:
        """Makes the batch durable, and tells everybody; then it is the next one's turn."""
        if self._connection.in_transaction:
            self._commit(batch)
        loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        for job in batch:
            loops.setdefault(job.loop, []).append(job)
        for loop, jobs in loops.items():
            _on_loop(loop, self._answered, jobs)
        if self._pages >= LOG_PAGES:
            self._checkpoints.run()
        if release:
            self._next()

    def _next(self) -> None:
        self._turn.release()
        with self._entrance:
            self._begun = bool(self._waiting)
            loop = self._waiting[0].loop if self._waiting else None
        if loop is not None and not _on_loop(loop, self._begin):
            with self._entrance:
                # Nobody waits any more: the loop is closed.
                self._waiting = deque(job for job in self._waiting if job.loop is not loop)
            if self._turn.acquire(blocking=False):
                self._next()

    # --- either ----------------------------------------------------------------------------------

    def _taken(self) -> list[Job]:
        """The next batch, of those for whom somebody still waits. A slow job is alone in its."""
        batch: list[Job] = []
        with self._entrance:
            while self._waiting and len(batch) < BATCH:
                if batch and (self._waiting[0].slow or batch[0].slow):
                    break
                job = self._waiting.popleft()
                if not job.future.done():
                    batch.append(job)
        return batch

    def _why_not_entered(self, *, patiently: bool) -> str:
        """Begins a transaction; says why that could not be, or ""."""
        if self._malformed:
            return self._malformed
        self._patience.wanted = patiently
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return self._why(error)
        finally:
            self._patience.wanted = True
        return ""

    def _written(self, batch: Sequence[Job]) -> None:
        try:
            for job in batch:
                self._one(job)
        except Exception as error:
            self._failed(batch, self._why(error))

    def _commit(self, batch: Sequence[Job]) -> None:
        try:
            self._connection.execute("COMMIT")
        except Exception as error:
            self._failed(batch, self._why(error))
        else:
            if why := self._files.why_lost():
                self._failed(batch, why)

    def _why(self, error: Exception) -> str:
        if isinstance(error, MALFORMED):
            self.distrust(error)
        return f"{type(error).__name__}: {error}"

    def distrust(self, error: apsw.Error) -> None:
        """Takes nothing any more: the file is malformed, and will have to be restored. What was
        written now would be gone then."""
        if not self._malformed:
            self._malformed = f"the database file is malformed ({error}): nothing is written to it"

    def _failed(self, batch: Sequence[Job], why: str) -> None:
        # Whatever it was, nobody may wait for ever, and the next batch gets its chance.
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # SQLite may have rolled back by itself.
                self._connection.execute("ROLLBACK")
        for job in batch:
            job.outcome = Unavailable(why)

    def _one(self, job: Job) -> None:
        cursor = self._cursor
        if not job.single:
            cursor.execute("SAVEPOINT job")
        try:
            job.outcome = job.run(cursor)
        except LOST:
            raise  # Nobody's write is sure any more.
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # Nor where SQLite has undone all of it by itself.
            # A lost race, or a record that cannot be written: that is this job's own affair.
            if not job.single:
                cursor.execute("ROLLBACK TO job")
            job.outcome = _own(error)
        if not job.single:
            cursor.execute("RELEASE job")

    def _grown(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._pages = pages
        if pages >= CHECKPOINT_PAGES:
            self._checkpoints.wanted.set()
        return apsw.SQLITE_OK


def _own(error: Exception) -> Exception:
    """What somebody is told whose changes could not be written, though others' can."""
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
    """Has it done on the loop; False where that is closed."""
    try:
        loop.call_soon_threadsafe(work, *arguments)
    except RuntimeError:
        return False
    return True
