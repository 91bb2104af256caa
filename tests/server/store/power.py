"""A disk that forgets: an SQLite VFS that knows what has reached the platter and what has not.

Writes go to the real file, where every connection sees them, and are noted as unsynced until the
file is synced. `Disk.cut` makes the files as a power cut would leave them: all that was synced, and
of what was not any part at all, torn at sector boundaries.

It fails on demand too: what `Disk.before` raises is what SQLite hears. What a failed sync should
have made durable waits for the next one.
"""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw


class Image:
    """One file: what is durable, and the writes since, in order (a truncation has no data)."""

    def __init__(self, durable: bytes) -> None:
        self.durable = bytearray(durable)
        self.unsynced: list[tuple[int, bytes | None]] = []

    def sync(self) -> None:
        """All that was written is durable now."""
        self.durable = self.after([(start, data) for start, data in self.unsynced])
        self.unsynced.clear()

    def after(self, writes: list[tuple[int, bytes | None]]) -> bytearray:
        """The durable bytes with some writes upon them."""
        image = bytearray(self.durable)
        for start, data in writes:
            if data is None:
                del image[start:]
                continue
            if len(image) < start:
                image.extend(bytes(start - len(image)))
            image[start : start + len(data)] = data
        return image

    def torn(self, dice: random.Random, sector: int) -> bytearray:
        """The durable bytes with a part of the unsynced writes, each torn into sectors."""
        kept: list[tuple[int, bytes | None]] = []
        for start, data in self.unsynced:
            if data is None:
                if dice.random() < 0.5:
                    kept.append((start, None))
                continue
            for piece_start, piece in _sectors(start, data, sector):
                if dice.random() < 0.5:
                    kept.append((piece_start, piece))
        return self.after(kept)


def _sectors(start: int, data: bytes, sector: int) -> list[tuple[int, bytes]]:
    pieces = []
    while data:
        length = min(sector - start % sector, len(data))
        pieces.append((start, data[:length]))
        start, data = start + length, data[length:]
    return pieces


class Disk:
    """The files of one folder. `watch` is called just before each sync, `before` with the name of
    each write, truncation and sync; it may raise in its place."""

    def __init__(self) -> None:
        self.images: dict[str, Image] = {}
        self.lock = threading.RLock()
        self.watch: Any = lambda: None
        self.before: Callable[[str], None] = lambda _: None

    def cut(self, folder: Path, *, dice: random.Random | None, sector: int = 512) -> None:
        """Writes the files as a cut at this moment leaves them: without `dice` nothing unsynced
        survives, with them a random part of it does."""
        folder.mkdir()
        with self.lock:
            for name, image in self.images.items():
                data = image.durable if dice is None else image.torn(dice, sector)
                (folder / Path(name).name).write_bytes(data)


class ForgetfulFile(apsw.VFSFile):
    """A file on such a disk."""

    def __init__(self, disk: Disk, base: str, name: Any, flags: list[int]) -> None:
        super().__init__(base, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        with disk.lock:
            self._kind = Path(path or "a temporary file").name
            if path is None:  # Nobody looks for it after a cut.
                self._image = Image(b"")
                return
            existing = Path(path).read_bytes() if Path(path).exists() else b""
            self._image = disk.images.setdefault(path, Image(existing))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        with self._disk.lock:
            self._disk.before(f"write of {self._kind}")
            super().xWrite(data, offset)
            self._image.unsynced.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with self._disk.lock:
            self._disk.before(f"truncate of {self._kind}")
            super().xTruncate(newsize)
            self._image.unsynced.append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        with self._disk.lock:
            self._disk.watch()
            self._disk.before(f"sync of {self._kind}")
            self._image.sync()  # The platter is the image: the real disk need not be waited for.


class ForgetfulVFS(apsw.VFS):
    """The default VFS while it is registered."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._base = apsw.vfs_names()[0]
        super().__init__("forgetful", self._base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> ForgetfulFile:  # noqa: N802
        return ForgetfulFile(self._disk, self._base, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        with self._disk.lock:
            super().xDelete(filename, syncdir)
            self._disk.images.pop(filename, None)
