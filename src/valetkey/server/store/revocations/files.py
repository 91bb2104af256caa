"""The files beside the database: one JSON object a line, only ever appended.

A line is `[number, at, kind, content, mac]`: its number in the file, the time in milliseconds since
1970, and a MAC of it and the line before. The first line of a file names the installation, and the
file's own number; the last one says that it was closed. A line is

- `begin`: `{"file": 7, "from": "valetkey 1"}`
- `fact`: what a change narrows (see `facts`), written before its commit
- `done`, `void`: the facts of these numbers were committed, or were not
- `alive`: nothing happened until then
- `end`: the file is complete
"""

import hmac
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from valetkey.jose import base64url
from valetkey.server.store.port import milliseconds

SUFFIX: Final = ".revocations"
FORMAT: Final = "valetkey revocations 1"
MOST: Final = 64 << 20
"""Bytes after which a process begins another file."""
DAY: Final = 86_400_000

_encode = msgspec.json.Encoder().encode


class Line(NamedTuple):
    """A line that was read. `content` is a fact, or numbers of facts."""

    number: int
    at: int
    kind: str
    content: Any


class Fault(NamedTuple):
    """What is wrong with the files, and where. What ended between `since` and `until`, both in
    milliseconds since 1970, may be missing (`until` is 0 for the present)."""

    place: str
    says: str
    since: int
    until: int

    def __str__(self) -> str:
        return f"{self.place}: {self.says}"


def file_key(salt: bytes) -> bytes:
    """The key of the MACs, from the salt, which no rotation changes."""
    return hmac.digest(salt, b"valetkey revocations", "sha256")


def installation_of(key: bytes) -> str:
    """The name of an installation in its files."""
    return base64url.encode(hmac.digest(key, b"installation", "sha256")[:12])


class Journal:
    """Appends lines to a file of this process's own. Raises OSError."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._fd = -1
        self._file = self._number = self._bytes = self._born = 0
        self._before = b""
        self.written = self.synced = 0
        self.last_at = 0

    def append(self, kind: str, content: Any) -> tuple[int, int]:
        """Write a line. Returns the numbers of the file and of the line."""
        if self._fd >= 0 and kind == "fact" and self._is_full():
            self.close()
        if self._fd < 0:
            self._begin()
        number = self._write(kind, content)
        return self._file, number

    def is_open(self, file: int) -> bool:
        """Whether lines still go to the file with this number."""
        return self._fd >= 0 and file == self._file

    def _is_full(self) -> bool:
        return self._bytes > MOST or milliseconds() > self._born + DAY

    def _begin(self) -> None:
        numbers = [number_of(one) for one in self._folder.glob(f"*{SUFFIX}")]
        number = max(numbers, default=0) + 1
        while True:
            path = self._folder / f"{number:08d}{SUFFIX}"
            try:
                self._fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
                break
            except FileExistsError:
                number += 1
        self._file, self._number, self._bytes = number, 0, 0
        self._before, self._born = b"", milliseconds()
        self._write("begin", {"format": FORMAT, "file": number, "of": installation_of(self._key)})
        os.fsync(self._fd)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, kind: str, content: Any) -> int:
        at = max(milliseconds(), self.last_at)
        body = _encode([self._number, at, kind, content])
        mac = hmac.digest(self._key, self._before + body, "sha256")[:15]
        line = body[:-1] + b',"' + base64url.encode(mac).encode() + b'"]\n'
        done = os.write(self._fd, line)
        if done < len(line):
            # A line that was cut is the last one of its file.
            os.close(self._fd)
            self._fd = -1
            raise OSError(28, "only a part of a line was written")
        self._before, self.last_at = mac, at
        self._number += 1
        self._bytes += len(line)
        self.written += 1
        return self._number - 1

    def sync(self) -> Callable[[], None]:
        """What makes all lines so far durable, to be called in any thread."""
        until, fd = self.written, os.dup(self._fd) if self._fd >= 0 else -1

        def work() -> None:
            try:
                if fd >= 0:
                    os.fsync(fd)
            finally:
                if fd >= 0:
                    os.close(fd)
            self.synced = max(self.synced, until)

        return work

    def close(self) -> None:
        """Say that the file is complete."""
        if self._fd < 0:
            return
        try:
            self._write("end", None)
            os.fsync(self._fd)
            self.synced = self.written
        finally:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1


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


def read_file(file: Path, key: bytes) -> tuple[list[Line], Fault | None]:
    """The lines of a file up to the first that is wrong, and what is wrong with that. A last line
    that was cut is no fault: nothing was committed on it. Raises OSError."""
    lines: list[Line] = []
    before = b""
    with file.open("rb") as stream:
        for raw in stream:
            place = f"{file}, line {len(lines) + 1}"
            since = lines[-1].at if lines else 0
            line, mac = _read(raw, before, key=key)
            if line is not None and line.number == len(lines):
                lines.append(line)
                before = mac
                continue
            if not raw.endswith(b"\n") and not stream.read(1):
                break
            if not lines and _names_another(raw, key):
                return lines, Fault(place, "the file belongs to another installation", 0, 0)
            return lines, Fault(place, "the line is damaged, or was changed", since, 0)
    if lines and lines[0].content.get("file") != number_of(file):
        was = lines[0].content.get("file")
        return [], Fault(str(file), f"this was file {was}, and has another name", 0, 0)
    return lines, None


def _read(raw: bytes, before: bytes, *, key: bytes) -> tuple[Line | None, bytes]:
    at = raw.rfind(b',"')
    mac = hmac.digest(key, before + raw[:at] + b"]", "sha256")[:15]
    if not hmac.compare_digest(raw[at:], b',"' + base64url.encode(mac).encode() + b'"]\n'):
        return None, b""
    return Line(*msgspec.json.decode(raw[:at] + b"]")), mac


def _names_another(raw: bytes, key: bytes) -> bool:
    try:
        content = msgspec.json.decode(raw)[3]
        return bool(content["of"] != installation_of(key))
    except (msgspec.DecodeError, LookupError, TypeError):
        return False


def read_folder(folder: Path, key: bytes) -> Iterator[tuple[Path, list[Line], Fault | None]]:
    """Every file with its lines and its fault. A file that is missing has a fault alone. Raises
    OSError."""
    expected, last = 0, 0
    for file in files_in(folder):
        number = number_of(file)
        lines, fault = read_file(file, key)
        if expected and number > expected:
            names = f"{expected:08d}" + (f" to {number - 1:08d}" if number > expected + 1 else "")
            until = lines[0].at if lines else 0
            yield file, [], Fault(str(folder), f"the file {names} is missing", last, until)
        elif not expected and number > 1 and lines:
            says = f"the files before {number:08d} are gone"
            yield file, [], Fault(str(folder), says, 0, lines[0].at)
        expected = number + 1
        last = lines[0].at if lines else last
        yield file, lines, fault
