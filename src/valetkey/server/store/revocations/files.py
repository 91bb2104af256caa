"""The files beside the database: one JSON object a line, only ever appended.

A line is `[number, at, kind, content, mac]`: its number in the file, the time in milliseconds since
1970, and a MAC of it and the line before. The first line of a file names the installation, and the
file's own number; the last one says that it was closed. A line is

- `begin`: `{"format": "valetkey revocations 1", "file": 7, "of": …, "by": …}`: the
  installation, and a random name of the writer
- `fact`: what a change narrows (see `facts`), written before its commit
- `done`, `void`: the facts of these numbers were committed, or were not
- `alive`: nothing happened until then
- `end`: the file is complete
"""

import contextlib
import hmac
import os
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from valetkey.jose import base64url
from valetkey.server.store.port import milliseconds
from valetkey.server.store.revocations.places import OpenFile, Place, PlaceFile

FORMAT: Final = "valetkey revocations 1"
MARGIN: Final = 3_600_000
"""Milliseconds by which the clocks of nodes, of a place for files, and the newest event, may be
behind."""

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


class _Chain:
    """The lines of one file, each with a MAC over itself and the line before."""

    def __init__(self, key: bytes, at: int = 0) -> None:
        self._key, self._before = key, b""
        self.number = self.size = 0
        self.at = at

    def add(self, kind: str, content: Any, write: Callable[[bytes], None]) -> int:
        """Write the next line. Returns its number."""
        at = max(milliseconds(), self.at)
        body = _encode([self.number, at, kind, content])
        mac = hmac.digest(self._key, self._before + body, "sha256")[:15]
        line = body[:-1] + b',"' + base64url.encode(mac).encode() + b'"]\n'
        write(line)
        self._before, self.at = mac, at
        self.number += 1
        self.size += len(line)
        return self.number - 1


class _Open(NamedTuple):
    """The file that is written. It was begun at `born` (milliseconds since 1970)."""

    file: OpenFile
    chain: _Chain
    born: int


class Journal:
    """Appends lines to a file of this process's own. Raises OSError."""

    def __init__(self, place: Place, key: bytes) -> None:
        self._place, self._key = place, key
        self._open: _Open | None = None
        self.written = self.synced = 0
        self.last_at = 0

    @property
    def is_ready(self) -> bool:
        """Whether a fact can be appended without a new file."""
        one = self._open
        if one is None:
            return False
        return (
            one.chain.size <= self._place.most and milliseconds() <= one.born + self._place.longest
        )

    @property
    def is_idle(self) -> bool:
        """Whether a line should say that nothing happened."""
        return milliseconds() - self.last_at > self._place.alive

    def append(self, kind: str, content: Any) -> tuple[int, int]:
        """Write a line. Returns the numbers of the file and of the line."""
        one = self._open
        if one is None:
            raise OSError("no file is open")
        try:
            number = one.chain.add(kind, content, one.file.write)
        except OSError:
            if one.file.is_cut:
                self._open = None
                with contextlib.suppress(OSError):
                    one.file.close()
            raise
        self.last_at = one.chain.at
        self.written += 1
        return one.file.number, number

    def is_open(self, file: int) -> bool:
        """Whether lines still go to the file with this number."""
        return self._open is not None and file == self._open.file.number

    def renew(self) -> Callable[[], None]:
        """What ends the file and begins another, to be called in any thread. Until then, none is
        open. If the file can't be ended, it stays open."""
        old, self._open = self._open, None
        until = self.written

        def work() -> None:
            if old is not None:
                self._end(old, until)
            chain = _Chain(self._key)

            def begin(number: int) -> bytes:
                nonlocal chain
                chain, lines = _Chain(self._key, self.last_at), list[bytes]()
                names = {"of": installation_of(self._key), "by": base64url.encode(os.urandom(9))}
                content = {"format": FORMAT, "file": number, **names}
                chain.add("begin", content, lines.append)
                return lines[0]

            file = self._place.create(begin)
            self.last_at = chain.at
            self._open = _Open(file, chain, milliseconds())

        return work

    def _end(self, old: _Open, until: int) -> None:
        try:
            old.file.sync()()
        except OSError:
            self._open = old
            raise
        self.synced = max(self.synced, until)
        # What was written is durable; whether the last line is there is for readers alone.
        with contextlib.suppress(OSError):
            old.chain.add("end", None, old.file.write)
        with contextlib.suppress(OSError):
            old.file.close()

    def sync(self) -> Callable[[], None]:
        """What makes all lines so far durable, to be called in any thread."""
        if self._open is None:
            raise OSError("no file is open")
        until, sync = self.written, self._open.file.sync()

        def work() -> None:
            sync()
            self.synced = max(self.synced, until)

        return work

    def close(self) -> None:
        """Say that the file is complete."""
        if self._open is not None:
            self._end(self._open, self.written)
            self._open = None


def read_file(place: Place, file: PlaceFile, key: bytes) -> tuple[list[Line], Fault | None]:
    """The lines of a file up to the first that is wrong, and what is wrong with that. A last line
    that was cut is no fault: nothing was committed on it. Raises OSError."""
    lines: list[Line] = []
    before = b""
    with place.read(file) as stream:
        for raw in stream:
            where = f"{file.name}, line {len(lines) + 1}"
            since = lines[-1].at if lines else 0
            line, mac = _read(raw, before, key=key)
            if line is not None and line.number == len(lines):
                lines.append(line)
                before = mac
                continue
            if not raw.endswith(b"\n") and not stream.read(1):
                break
            if not lines and _names_another(raw, key):
                return lines, Fault(where, "the file belongs to another installation", 0, 0)
            return lines, Fault(where, "the line is damaged, or was changed", since, 0)
    if lines and lines[0].content.get("file") != file.number:
        was = lines[0].content.get("file")
        return [], Fault(file.name, f"this was file {was}, and has another name", 0, 0)
    if file.is_whole and not (lines and lines[-1].kind == "end"):
        return lines, Fault(file.name, "the end was cut off", lines[-1].at if lines else 0, 0)
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


def read_place(
    place: Place, key: bytes, *, after: int = 0
) -> Iterator[tuple[list[Line], Fault | None]]:
    """The lines and the fault of every file. A file that is missing has a fault alone. Files that
    were not written to since `after` (milliseconds since 1970) are only looked for. Raises
    OSError."""
    expected, last = 0, 0
    for file in place.files():
        number, lines, fault = file.number, list[Line](), None
        if not 0 < file.changed < after - MARGIN:
            lines, fault = read_file(place, file, key)
        begun = lines[0].at if lines else file.changed
        if expected and number > expected:
            names = f"{expected:08d}" + (f" to {number - 1:08d}" if number > expected + 1 else "")
            yield [], Fault(str(place), f"the file {names} is missing", last, begun)
        elif not expected and number > 1 and lines:
            says = f"the files before {number:08d} are gone"
            yield [], Fault(str(place), says, 0, begun)
        expected = number + 1
        last = begun or last
        yield lines, fault
