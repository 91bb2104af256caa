"""JSON objects from strangers: one reading, or none."""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_DEPTH: Final = 200
"""Levels of a document; none of ours has a tenth of them."""


def read_object(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in `raw`, in which no member stands twice (RFC 7515 4).

    Raises ValueError for anything else, and for what `read_value` refuses.
    """
    value = read_value(raw)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def read_as(raw: bytes, kind: type[T]) -> T | None:
    """The JSON object in `raw`, where it says what such an object says, and is spelled as we would
    write it: so no member stands twice. None where it is not, which tells nothing about it."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH or _ZERO in raw:
        return None
    try:
        value = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, ValueError):
        return None
    return value if msgspec.json.encode(value) == raw else None


def read_value(raw: bytes | str) -> Any:
    """The JSON value in `raw`. Raises ValueError for anything else, for bottomless nesting, and for
    what could be neither stored nor sent on: half a surrogate pair (RFC 7493 2.1), a zero byte, a
    number beyond 64 bits, NaN, infinity."""
    # RFC 8259 8.1: UTF-8 without a byte order mark; json.loads would guess others from bytes.
    text = (raw if isinstance(raw, str) else raw.decode()).strip(_SPACE)
    if not text.isascii():
        text.encode()
    try:
        value: Any
        value, end = _STRICT.raw_decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if end != len(text):
        raise ValueError("something stands behind it")
    # What the parser itself takes differs from one version of Python to the next.
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise ValueError("nested too deep")
    if "\\u" in text:
        _check_texts(value)
    return value


def _check_texts(value: object) -> None:
    level = [value]
    while level:
        for one in level:
            if isinstance(one, str):
                _check_text(one)
            elif isinstance(one, dict):
                for name in one:
                    _check_text(name)
        level = [inner for one in level if isinstance(one, dict | list) for inner in _members(one)]


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("a text holds a zero byte")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half a surrogate pair") from error


def depth(value: object) -> int:
    """How deep a JSON value is nested: 0 for a number or a text, 1 for a flat object or list."""
    levels, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        levels += 1
        level = [inner for one in level for inner in _members(one)]
    return levels


def _members(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int:
    number = int(digits)
    if not _LEAST <= number <= _MOST:
        raise ValueError("a number is beyond 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("a number is beyond 64 bits")
    return number


_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_ZERO: Final = b"\\u0000"

_SPACE: Final = " \t\n\r"
"""What may stand around a value (RFC 8259 2)."""

_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer, parse_float=_float
)
