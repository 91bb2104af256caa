"""Reads large files record by record, in memory that does not grow: lines, elements of a JSON array
that may be nested in other JSON, and rows of CSV."""

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from valetkey.jose.objects import read_object

MOST: Final = 1 << 20
"""The largest record, in bytes."""

MOST_NAME: Final = 1024
"""The longest name of a member around the records, in bytes."""

MOST_DEPTH: Final = 1000
"""Levels of nesting in a value."""

CHUNK: Final = 1 << 16

TOO_LARGE: Final = f"is larger than {MOST} bytes"


class BrokenFile(ValueError):
    """The rest of the file cannot be read."""


class RawRecord(NamedTuple):
    """A record as it is in the file, or why it cannot be read. `place` is its line or its number in
    a list."""

    place: str
    raw: bytes
    why: str = ""

    def members(self) -> dict[str, object]:
        """Its members as JSON. Raises ValueError."""
        if self.why:
            raise ValueError(self.why)
        return read_object(self.raw)


class RawRow(NamedTuple):
    """A row of a CSV file: the cells by column, without the empty ones, or why it cannot be
    read."""

    place: str
    cells: dict[str, str]
    why: str = ""

    def members(self) -> dict[str, str]:
        """The cells. Raises ValueError."""
        if self.why:
            raise ValueError(self.why)
        return self.cells


def lines(file: BinaryIO) -> Iterator[RawRecord]:
    """The lines that are not blank."""
    number = 0
    while line := file.readline(MOST + 1):
        number += 1
        why = ""
        if len(line) > MOST:
            why = TOO_LARGE
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(CHUNK)
        if why or line.strip():
            yield RawRecord(f"line {number}", b"" if why else line, why)


def rows(file: BinaryIO) -> Iterator[RawRow]:
    """The rows of a CSV file with a header. Raises BrokenFile for a header that cannot be read."""
    texts = csv.reader(_texts(file), strict=True)
    try:
        header = [name.strip() for name in next(texts, [])]
    except (csv.Error, ValueError) as error:
        raise BrokenFile(f"the header cannot be read: {error}") from error
    if len(set(header)) != len(header):
        raise BrokenFile("a column is repeated in the header")
    while True:
        try:
            cells = next(texts)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(f"line {texts.line_num}", {}, str(error))
            continue
        place = f"line {texts.line_num}"
        if len(cells) > len(header):
            yield RawRow(place, {}, "has more cells than the header")
        elif any(cells):
            values = zip(header, cells, strict=False)
            yield RawRow(place, {name: cell for name, cell in values if cell})


def _texts(file: BinaryIO) -> Iterator[str]:
    """The lines as text, a line that cannot be read as one that CSV refuses."""
    while line := file.readline(MOST + 1):
        whole = line
        while not whole.endswith(b"\n") and (rest := file.readline(CHUNK)):
            whole = rest
        if len(line) > MOST:
            yield _REFUSED
            continue
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = _REFUSED
        yield _REFUSED if "\x00" in text else text


_REFUSED: Final = '"not UTF-8, too long or with a zero byte"x\n'
"""A line on which a strict reader of CSV raises an error."""


class JsonStream:
    """JSON that is read piece by piece, without keeping what was read. Raises BrokenFile where it
    is no JSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._chunk = b""
        self._at = 0

    def elements(self, member: str) -> Iterator[RawRecord]:
        """The elements of the top-level list, or of the list in this member of the top-level
        object."""
        if self._peek() == b"[":
            yield from self._list("")
        else:
            yield from self._in_object(member, member)
        self._end()

    def values(self) -> Iterator[RawRecord]:
        """Objects one after another, and the elements of lists between them: pages of an API in one
        file, or JSON lines."""
        number = 0
        while first := self._peek():
            number += 1
            if first == b"[":
                yield from self._list(f"[{number}]")
            else:
                raw = self._value(MOST)
                yield RawRecord(f"[{number}]", raw or b"", "" if raw else TOO_LARGE)

    def elements_of_each(self, member: str) -> Iterator[RawRecord]:
        """The elements of the list in this member of the top-level object, or of each object in a
        top-level list."""
        if self._peek() == b"{":
            yield from self._in_object(member, member)
        else:
            self._take(b"[")
            number = 0
            while self._next(b"]", is_first=not number):
                number += 1
                yield from self._in_object(member, f"[{number}].{member}")
        self._end()

    def _end(self) -> None:
        if self._peek():
            raise BrokenFile("has text after the JSON")

    def _in_object(self, member: str, path: str) -> Iterator[RawRecord]:
        self._take(b"{")
        is_first = True
        while self._next(b"}", is_first=is_first):
            is_first = False
            name = self._value(MOST_NAME)
            self._take(b":")
            if name == f'"{member}"'.encode() and self._peek() == b"[":
                yield from self._list(path)
            else:
                self._value(0)

    def _list(self, path: str) -> Iterator[RawRecord]:
        self._take(b"[")
        number = 0
        while self._next(b"]", is_first=not number):
            number += 1
            raw = self._value(MOST)
            yield RawRecord(f"{path}[{number}]", raw or b"", "" if raw else TOO_LARGE)

    def _next(self, end: bytes, *, is_first: bool) -> bool:
        """Whether another element follows; reads the comma, or the end of the list or object."""
        if self._peek() == end:
            self._at += 1
            return False
        if not is_first:
            self._take(b",")
        return True

    def _take(self, byte: bytes) -> None:
        if self._peek() != byte:
            raise BrokenFile(f"is no JSON: {byte.decode()} is missing")
        self._at += 1

    def _peek(self) -> bytes:
        """The next byte that is no space, b"" at the end of the file."""
        while True:
            match = _SPACE.match(self._chunk, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._chunk):
                return self._chunk[self._at : self._at + 1]
            if not self._refill():
                return b""

    def _refill(self) -> bool:
        self._chunk, self._at = self._file.read(CHUNK), 0
        return bool(self._chunk)

    def _value(self, most: int) -> bytes | None:
        """The next value, None if it has more than `most` bytes."""
        self._peek()
        scan = _Scan()
        parts: list[bytes] = []
        size = 0
        while True:
            end = scan.feed(self._chunk, self._at)
            part = self._chunk[self._at : end]
            size += len(part)
            if size <= most:
                parts.append(part)
            else:
                parts.clear()
            self._at = end
            if scan.is_complete:
                return b"".join(parts) if size <= most else None
            if not self._refill():
                raise BrokenFile("ends within a value")


_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_PLAIN: Final = re.compile(rb"[^\s,:\[\]{}\"]+")
_IN_TEXT: Final = re.compile(rb'["\\]')
_MARKS: Final = re.compile(rb'["\[\]{}]')


class _Scan:
    """Finds the end of a value: of a text, of an object or list, or of a number or word."""

    def __init__(self) -> None:
        self.is_complete = False
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._is_plain = False

    def feed(self, chunk: bytes, at: int) -> int:
        """Go on in this chunk. Returns where the value ends, or the end of the chunk."""
        if not self._in_text and not self._depth:
            first = chunk[at : at + 1]
            if self._is_plain or first not in b'"[{' or not first:
                return self._plain(chunk, at)
        while at < len(chunk):
            at = self._text(chunk, at) if self._in_text else self._structure(chunk, at)
            if self.is_complete:
                return at
        return at

    def _plain(self, chunk: bytes, at: int) -> int:
        match = _PLAIN.match(chunk, at)
        if match is None and not self._is_plain:
            raise BrokenFile("is no JSON: a value is missing")
        self._is_plain = True
        end = match.end() if match else at
        self.is_complete = end < len(chunk)
        return end

    def _text(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        match = _IN_TEXT.search(chunk, at)
        if match is None:
            return len(chunk)
        if match[0] == b"\\":
            self._escaped = True
        else:
            self._in_text = False
            self.is_complete = not self._depth
        return match.end()

    def _structure(self, chunk: bytes, at: int) -> int:
        match = _MARKS.search(chunk, at)
        if match is None:
            return len(chunk)
        if match[0] == b'"':
            self._in_text = True
        else:
            self._depth += 1 if match[0] in b"[{" else -1
            self.is_complete = not self._depth
            if self._depth > MOST_DEPTH:
                raise BrokenFile("is nested too deep")
        return match.end()
