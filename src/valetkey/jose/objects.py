"""JSON from others: parsed strictly, so that every parser reads the same."""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_DEPTH: Final = 200
"""The deepest nesting of a document."""


def read_object(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in `raw`, without repeated members (RFC 7515 4).

    Raises ValueError for anything else, and as `read_value`.
    """
    value = read_value(raw)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def read_as(raw: bytes, kind: type[T]) -> T | None:
    """The JSON object in `raw` as that type, if it is spelled exactly as msgspec writes it; then no
    member is repeated. None otherwise: it may still be valid."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH or _ZERO in raw:
        return None
    try:
        value = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, ValueError):
        return None
    return value if msgspec.json.encode(value) == raw else None


def read_value(raw: bytes | str) -> Any:
    """The JSON value in `raw`. Raises ValueError for anything else, for deep nesting, and for
    values that cannot be stored or sent: half a surrogate pair (RFC 7493 2.1), a zero byte, a
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
        raise ValueError("text after the value")
    # The limit of the parser itself differs between versions of Python.
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
        raise ValueError("a member is repeated")
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
"""Whitespace around a value (RFC 8259 2)."""

_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer, parse_float=_float
)
