"""Counts that the workers of one server share, in memory that is made before they are forked.

Each name is counted in windows of time. Nothing is written to disk, and a restart forgets all.
"""

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

BUCKETS: Final = 1 << 11
"""A name is counted in one of them."""

SLOTS: Final = 8
"""Names that a bucket counts in one window."""

MAX_WAIT: Final = 0.002
"""Seconds to wait for a worker that is counting. One that was stopped there keeps nobody longer."""

_SLOT: Final = struct.Struct("=QII")
_BUCKET: Final = _SLOT.size * SLOTS


def _memory_file() -> int:
    """A file without a name, in memory where the system has that. Raises OSError."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("valetkey-counts")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedCounts:
    """A number for each name in the present window."""

    def __init__(self) -> None:
        # Locks are on a file, and end with their process; its memory is that of the counts.
        self._file = _memory_file()
        weakref.finalize(self, os.close, self._file)
        os.truncate(self._file, BUCKETS * _BUCKET)
        self._memory = mmap.mmap(self._file, BUCKETS * _BUCKET)
        self._key = os.urandom(32)

    def add(self, name: str, window: int) -> int:
        """Count one more for the name in this window. Returns how many that makes in all workers. A
        name for which there is no room is not counted, and is the first each time."""
        # Nobody chooses names that meet: the key is the server's own.
        digest = hashlib.blake2b(name.encode(), digest_size=12, key=self._key).digest()
        bucket = int.from_bytes(digest[8:], "big") % BUCKETS
        mark, window = int.from_bytes(digest[:8], "big") or 1, window & 0xFFFFFFFF
        with self._locked(bucket):
            free = -1
            for at in range(bucket * _BUCKET, (bucket + 1) * _BUCKET, _SLOT.size):
                its, of, count = _SLOT.unpack_from(self._memory, at)
                if its == mark and of == window:
                    _SLOT.pack_into(self._memory, at, mark, window, count + 1)
                    return int(count) + 1
                if free < 0 and (not its or of != window):
                    free = at
            if free >= 0:
                _SLOT.pack_into(self._memory, free, mark, window, 1)
        return 1

    @contextmanager
    def _locked(self, bucket: int) -> Iterator[None]:
        locked = self._lock(bucket)
        try:
            yield
        finally:
            if locked:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, bucket)

    def _lock(self, bucket: int) -> bool:
        until = 0.0
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, bucket)
            except OSError:
                now = time.monotonic()
                until = until or now + MAX_WAIT
                if now > until:
                    return False
                os.sched_yield()
            else:
                return True
