"""A lock on an open file, against threads and other processes, on POSIX systems and on Windows."""

import os
from importlib import import_module

try:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Locks the file without waiting; False where another holder has it. Raises OSError."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

except ImportError:  # Windows

    def try_lock(handle: int) -> bool:
        """Locks the file without waiting; False where another holder has it. Raises OSError."""
        msvcrt = import_module("msvcrt")
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            # One byte, which need not be there.
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            # Another process has locked it.
            return False
        return True
