"""Where the files of revocations are kept: a folder here, or object storage (see `bucket`)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

SUFFIX: Final = ".revocations"

DAY: Final = 86_400_000


class PlaceFile(NamedTuple):
    """A file that is there. `changed` is when it was last written, in milliseconds since 1970, 0 if
    the place doesn't know. `is_whole`: its writer has ended it."""

    number: int
    name: str
    changed: int = 0
    is_whole: bool = False


class OpenFile(Protocol):
    """A file that this process writes. Its methods raise OSError."""

    number: int

    def write(self, line: bytes) -> None:
        """Add a line. It is not durable yet, and this waits for nothing. Raises also where the file
        takes no more; then `is_cut` if it may hold a part of the line."""

    is_cut: bool

    def sync(self) -> Callable[[], None]:
        """What makes all lines so far durable, to be called in any thread."""

    def close(self) -> None:
        """Make all durable, and end the file. It blocks."""


class Place(Protocol):
    """A place for files. Its methods block, and raise OSError."""

    most: int
    """Bytes after which a process begins another file."""
    longest: int
    """Milliseconds after which it does."""
    alive: int
    """Milliseconds after which a line says that nothing happened."""

    def files(self) -> list[PlaceFile]:
        """The files, oldest first."""

    def read(self, file: PlaceFile) -> BinaryIO:
        """What is in one."""

    def create(self, begin: Callable[[int], bytes]) -> OpenFile:
        """A new file, whose number no other has, with the line that `begin` makes of the number. It
        is durable."""

    def check(self) -> None:
        """Check that files can be written here, as they have to be."""


def reason(error: OSError) -> str:
    """Why something failed, in words."""
    return error.strerror or str(error)


def number_of(file: Path) -> int:
    """The number of a file, 0 for none."""
    stem = file.name.removesuffix(SUFFIX)
    return int(stem) if stem.isascii() and stem.isdigit() else 0


def files_in(folder: Path) -> list[Path]:
    """The files, oldest first. Raises OSError."""
    return sorted(
        (one for one in folder.iterdir() if one.name.endswith(SUFFIX) and number_of(one)),
        key=number_of,
    )


class FolderPlace:
    """A folder on another disk or machine."""

    most = 64 << 20
    longest = DAY
    alive = 10_000

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def files(self) -> list[PlaceFile]:
        """The files, oldest first."""
        return [PlaceFile(number_of(one), str(one)) for one in files_in(self.folder)]

    def read(self, file: PlaceFile) -> BinaryIO:
        """What is in one."""
        return Path(file.name).open("rb")

    def create(self, begin: Callable[[int], bytes]) -> "_FolderFile":
        """A new file with its first line."""
        number = max(map(number_of, self.folder.glob(f"*{SUFFIX}")), default=0) + 1
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        fd = -1
        while fd < 0:
            try:
                fd = os.open(self.folder / f"{number:08d}{SUFFIX}", flags, 0o600)
            except FileExistsError:
                number += 1
        file = _FolderFile(number, fd)
        try:
            file.write(begin(number))
            os.fsync(fd)
        except OSError:
            os.close(fd)
            raise
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file

    def check(self) -> None:
        """Check that the folder can be written."""
        files_in(self.folder)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "this user may not write there")


class _FolderFile:
    def __init__(self, number: int, fd: int) -> None:
        self.number = number
        self._fd = fd
        self.is_cut = False

    def write(self, line: bytes) -> None:
        if os.write(self._fd, line) < len(line):
            # A line that was cut is the last one of its file.
            self.is_cut = True
            raise OSError(28, "only a part of a line was written")

    def sync(self) -> Callable[[], None]:
        fd = os.dup(self._fd)

        def work() -> None:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

        return work

    def close(self) -> None:
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
