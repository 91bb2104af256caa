"""A142: a hostile file of users.

Attack: A file that an operator imports has a line of a gigabyte, deep nesting, half characters,
repeated members, names that pose as others', or text that a terminal or a spreadsheet acts on.
Defense: Files are read piece by piece within a fixed amount of memory. A bad record is refused by
its place and field, and the others are imported. The report is JSON, or lines without control
characters; it contains no password hash.
"""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rows import row

from valetkey.cli.imports import streams
from valetkey.cli.imports.streams import MOST, BrokenFile, JsonStream, lines, rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def elements(text: str | bytes, member: str = "users") -> list[Any]:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return [json.loads(one.raw) for one in JsonStream(io.BytesIO(raw)).elements(member)]


@settings(max_examples=60)
@given(st.lists(VALUES), st.sampled_from((None, 1)), st.integers(1, 40))
def test_each_element_is_read_wherever_a_chunk_ends(
    values: list[Any], indent: int | None, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(streams, "CHUNK", chunk)
        assert elements(json.dumps(values, indent=indent)) == values
        around = {"realm": {"users": [1]}, "before": [{"users": 2}], "users": values, "after": 1.5}
        assert elements(json.dumps(around, indent=indent)) == values
        each = json.dumps([around, {"users": None}, around])
        found = JsonStream(io.BytesIO(each.encode())).elements_of_each("users")
        assert [json.loads(one.raw) for one in found] == [*values, *values]


BROKEN = [
    row("8259", "nothing", ""),
    row("8259", "a text", '"users"'),
    row("8259", "no end", "[1, 2"),
    row("8259", "no end of an object", '[{"a": 1'),
    row("8259", "no end of a text", '["a'),
    row("8259", "no comma", "[1 2]"),
    row("8259", "only a comma", "[1,]"),
    row("8259", "no colon", '{"users" [1]}'),
    row("8259", "wrong end", "[}"),
    row("8259", "more after it", "[1] [2]"),
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(BrokenFile):
        elements(text)


class Endless(io.RawIOBase):
    """A file of any size, which is made while it is read."""

    def __init__(self, *parts: tuple[bytes, int]) -> None:
        self._parts = iter([part] * times for part, times in parts)
        self._bytes = self._all()
        self._rest = b""

    def _all(self) -> Iterator[bytes]:
        for parts in self._parts:
            yield from parts

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer) and (more := next(self._bytes, b"")):
            self._rest += more
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


BLOCK = b"x" * (1 << 16)
HUGE = 64 * 16  # times BLOCK: 64 MiB


def peak(read: Iterator[Any]) -> tuple[list[Any], int]:
    tracemalloc.start()
    try:
        found = [(one.place, len(getattr(one, "raw", b"")), one.why) for one in read]
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_huge_line_takes_no_memory_and_the_next_one_is_read() -> None:
    file = io.BufferedReader(Endless((b'{"a": "', 1), (BLOCK, HUGE), (b'"}\n{}\n', 1)))
    found, most = peak(lines(file))
    assert found == [("line 1", 0, f"is larger than {MOST} bytes"), ("line 2", 3, "")]
    assert most < 8 * MOST


@pytest.mark.parametrize("inside", [b'"', b"[", b'{"a":'])
def test_a_huge_element_takes_no_memory(inside: bytes) -> None:
    ends = {b'"': b'"', b"[": b"]", b'{"a":': b"}"}[inside]
    value = BLOCK if inside == b'"' else b"1, " * 20000
    file = io.BufferedReader(Endless((b"[" + inside, 1), (value, HUGE), (ends + b", 7]", 1)))
    found, most = peak(JsonStream(file).elements(""))
    assert found == [("[1]", 0, f"is larger than {MOST} bytes"), ("[2]", 1, "")]
    assert most < 8 * MOST


def test_deep_nesting_takes_no_memory() -> None:
    deep = b"[" * (1 << 16)
    file = io.BufferedReader(Endless((b"[", 1), (deep, 64)))
    with pytest.raises(BrokenFile, match="nested too deep"):
        peak(JsonStream(file).elements(""))


def test_a_huge_row_takes_no_memory_and_the_next_one_is_read() -> None:
    file = io.BufferedReader(Endless((b"a,b\n", 1), (BLOCK, HUGE), (b"\n1,2\n", 1)))
    found, most = peak(rows(file))
    assert [(place, bool(why)) for place, _, why in found] == [("line 2", True), ("line 3", False)]
    assert most < 8 * MOST


def test_rows_are_read_by_their_header() -> None:
    text = '\ufeffname,email\n"Miko, ""M""",m@x\n\nNoor\na,b,c\nLi,\0\nAda,a@x\n'
    found = [(one.place, one.cells, one.why) for one in rows(io.BytesIO(text.encode()))]
    assert found[:2] == [
        ("line 2", {"name": 'Miko, "M"', "email": "m@x"}, ""),
        ("line 4", {"name": "Noor"}, ""),
    ]
    assert found[2] == ("line 5", {}, "has more cells than the header")
    assert found[3][0] == "line 6"
    assert found[3][2]
    assert found[4] == ("line 7", {"name": "Ada", "email": "a@x"}, "")


@pytest.mark.parametrize("header", ["a,a\n", 'a,"b\n', 'a,"b"c\n', "a,\udc80\n", ""])
def test_a_header_that_cannot_be_read(header: str) -> None:
    raw = header.encode("utf-8", "surrogateescape")
    if raw:
        with pytest.raises(BrokenFile):
            list(rows(io.BytesIO(raw + b"1,2\n")))
    else:
        assert list(rows(io.BytesIO(raw))) == []
