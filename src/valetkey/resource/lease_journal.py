"""Notes of a process's leases that outlive the process.

Each process has a file in memory (tmpfs), and notes in it the rest of each lease before it lets a
use through. If the process is killed, the kernel keeps the file and drops its lock. Another process
then knows that the first is dead, and exactly what it had left.

After a crash of the machine the file may lack the last uses. So a file counts only on the boot that
wrote it, and only in its own place: a copy of it may be older.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path
from typing import IO, Any, Final

import msgspec

fcntl: Any
try:
    import fcntl
except ImportError:
    # Windows has none, and no file in memory either: `ready` finds no folder there.
    fcntl = None

SLOTS: Final = 1024
"""Leases that a process notes at once; it does not note more."""

SIZE: Final = 256
"""Bytes of a slot; the first one is the head."""

FRESH: Final = 60
"""Seconds that a process has to create and lock its file."""

_WORDS: Final = SIZE // 8
_LENGTH, _USES, _AMOUNT, _UNTIL = range(4)
_TEXT: Final = 32
"""The offset of the text in a slot, after four numbers."""

_UNSPENT: Final = -1
"""In place of uses: the lease is whole, whatever its size."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder in it that is checked
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Note(msgspec.Struct, frozen=True):
    """The rest of a lease. `uses` and `amount` are None for a whole one. `until` is when it ends,
    in seconds since the boot."""

    grant: str
    permission: str
    lease: str
    uses: int | None
    amount: int | None
    until: int


class Slot:
    """The note of one lease. This class notes nothing; the journal has its own."""

    __slots__ = ()

    def hold(self, uses: int, amount: int, until: float) -> None:
        """Notes a new lease, and when it ends."""

    def update(self, uses: int, amount: int) -> None:
        """Notes the rest of the lease. Call it before the use is let through."""

    def free(self) -> None:
        """Drops the note: the lease is used up or returned."""


NOWHERE: Final = Slot()


class _JournalSlot(Slot):
    """A slot of a journal."""

    __slots__ = ("_at", "_journal")

    def __init__(self, journal: "Journal", at: int) -> None:
        self._journal = journal
        self._at = at * _WORDS

    # Each number is one store of eight bytes, so a process that is killed leaves the old one or the
    # new one, both of which are true until the use is let through.

    def hold(self, uses: int, amount: int, until: float) -> None:
        words = self._journal.words
        if self._at and words is not None:
            words[self._at + _UNTIL] = int(until)
            words[self._at + _AMOUNT] = amount
            words[self._at + _USES] = uses

    def update(self, uses: int, amount: int) -> None:
        words = self._journal.words
        if self._at and words is not None:
            words[self._at + _USES] = uses
            words[self._at + _AMOUNT] = amount

    def free(self) -> None:
        words = self._journal.words
        if self._at and words is not None:
            words[self._at + _LENGTH] = 0
            self._journal.spare.append(self._at // _WORDS)
        # A late update must not write into the slot of another lease.
        self._at = 0


class Journal:
    """The notes of one event loop of this process."""

    def __init__(self, folder: Path, whose: str) -> None:
        """`whose` names the owner of the leases, who reads no notes of others. Raises OSError."""
        name = f"{whose}.{os.urandom(8).hex()}"
        # Under its own name only once it is locked: what is found unlocked has no owner.
        fresh = folder / f".{name}"
        try:
            with open(fresh, "x+b", opener=_private) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Taken now: a write into what is full would end the process.
                os.posix_fallocate(file.fileno(), 0, (SLOTS + 1) * SIZE)
                # It has the file open as well, so the lock lasts as long as the memory.
                self._memory = mmap(file.fileno(), 0)
                head = _head(file)
            self._memory[: len(head)] = head
            self.path = fresh.rename(folder / name)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self.words: memoryview | None = memoryview(self._memory).cast("q")
        self.spare = list(range(SLOTS, 0, -1))

    def note(self, grant: str, permission: str, lease: str, *, until: float) -> Slot:
        """A slot for a lease that is about to be requested, and ends at `until` at the latest."""
        text = f"{grant} {permission} {lease}".encode()
        if self.words is None or not self.spare or len(text) > SIZE - _TEXT:
            return NOWHERE
        slot = self.spare.pop()
        at = slot * SIZE + _TEXT
        self._memory[at : at + len(text)] = text
        noted = _JournalSlot(self, slot)
        noted.hold(_UNSPENT, 0, until)
        self.words[slot * _WORDS + _LENGTH] = len(text)
        return noted

    def close(self) -> None:
        """Closes the file, and deletes it if it has no notes. Others find the notes in it."""
        words, self.words = self.words, None
        if words is None:
            return
        if len(self.spare) == SLOTS:
            self.path.unlink(missing_ok=True)
        words.release()
        self._memory.close()


def ready(folder: Path | None) -> Path | None:
    """The folder for the notes, by default one of this user's own in memory. Returns None if there
    is no private one."""
    if fcntl is None:
        return None
    folder = folder or _MEMORY / f"valetkey-{os.geteuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(0o700)
    try:
        status = folder.lstat()
    except OSError:
        return None
    # Somebody else may have been there first.
    private = stat.S_ISDIR(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
    return folder if private and status.st_uid == os.geteuid() and _boot() else None


def orphans(folder: Path) -> Iterator[tuple[Path, list[Note]]]:
    """The notes of dead processes, file by file. Each file is locked while the caller handles it.
    The caller deletes a file once all its leases are returned."""
    for path in sorted(folder.iterdir()):
        with contextlib.suppress(OSError), open(path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not (path.name.startswith(".") and _is_fresh(file)):
                yield path, _notes(file)


def is_of(path: Path, whose: str) -> bool:
    """Whether the leases in this file belong to that owner."""
    return path.name.startswith(f"{whose}.")


def _is_fresh(file: IO[bytes]) -> bool:
    """Whether its process may be about to lock it."""
    return time.time() < os.fstat(file.fileno()).st_mtime + FRESH


def _notes(file: IO[bytes]) -> list[Note]:
    """The notes in a file; [] if it was not written in this place since the boot."""
    raw, head = file.read((SLOTS + 1) * SIZE), _head(file)
    if not raw.startswith(head) or len(raw) != (SLOTS + 1) * SIZE:
        return []
    words = memoryview(raw).cast("q")
    status = (_note(raw, words, slot) for slot in range(1, SLOTS + 1))
    return [one for one in status if one is not None]


def _note(raw: bytes, words: memoryview, slot: int) -> Note | None:
    length, uses, amount, until = words[slot * _WORDS : slot * _WORDS + 4]
    if not 0 < length <= SIZE - _TEXT:
        return None
    at = slot * SIZE + _TEXT
    grant, permission, lease = raw[at : at + length].decode().split(" ")
    unspent = uses == _UNSPENT
    return Note(
        grant, permission, lease, None if unspent else uses, None if unspent else amount, until
    )


def _head(file: IO[bytes]) -> bytes:
    """The head of a file, which differs for a copy and for another boot."""
    place = os.fstat(file.fileno())
    return f"valetkey 1 {_boot()} {place.st_dev} {place.st_ino}\n".encode()


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
