"""Form bodies and query strings, read strictly (RFC 6749 3.1, 3.2 and appendix B)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from valetkey.spec.errors import InvalidRequest

MAX_BYTES: Final = 64 * 1024
MAX_PARAMETERS: Final = 100

# RFC 8707 2, RFC 8693 2.1: the parameters that may stand several times.
REPEATABLE: Final = frozenset({"resource", "audience"})

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")


class Form(Mapping[str, str]):
    """The parameters of one request. An empty value counts as absent (RFC 6749 3.1)."""

    __slots__ = ("_many", "_one")

    def __init__(self, one: Mapping[str, str], many: Mapping[str, tuple[str, ...]] = {}) -> None:
        self._one = one
        self._many = many

    def __getitem__(self, name: str) -> str:
        return self._one[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._one)

    def __len__(self) -> int:
        return len(self._one)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a repeatable parameter, in order."""
        return self._many.get(name, ())

    def need(self, name: str) -> str:
        """The value. Raises InvalidRequest where it is missing."""
        value = self._one.get(name)
        if value is None:
            raise InvalidRequest(f"{name} is missing")
        return value


def parse_form(raw: bytes, *, repeatable: frozenset[str] = REPEATABLE) -> Form:
    """The parameters in `raw`. Raises InvalidRequest for duplicates, bad escapes and excess."""
    if len(raw) > MAX_BYTES:
        raise InvalidRequest("the request is too large", status=413)
    pieces = raw.split(b"&") if raw else []
    if len(pieces) > MAX_PARAMETERS:
        raise InvalidRequest("too many parameters")
    one: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        key, text = _text(name), _text(value)
        if key in repeatable:
            many[key] = (*many.get(key, ()), text) if text else many.get(key, ())
            continue
        if key in seen:
            raise InvalidRequest("a parameter stands twice", detail=f"twice: {key[:40]!r}")
        seen.add(key)
        if text:
            one[key] = text
    return Form(one, many)


def _text(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = _ESCAPE.sub(_byte, raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("a parameter is not UTF-8") from error
    if "\x00" in text:
        raise InvalidRequest("a parameter holds a zero byte")
    return text


def _byte(match: re.Match[bytes]) -> bytes:
    digits = match.group(1)
    if digits is None:
        raise InvalidRequest("a parameter holds a broken percent escape")
    return bytes((int(digits, 16),))
