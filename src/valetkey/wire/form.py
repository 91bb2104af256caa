"""Form bodies and query strings, read strictly (RFC 6749 3.1, 3.2 and appendix B)."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, overload

from valetkey.spec.errors import InvalidRequest

T = TypeVar("T")

MAX_BYTES: Final = 64 * 1024
MAX_PARAMETERS: Final = 100

# RFC 8707 2, RFC 8693 2.1: the parameters that may stand several times.
REPEATABLE: Final = frozenset({"resource", "audience"})

_DIGITS: Final = "0123456789abcdefABCDEF"
_BYTES: Final = {
    f"{high}{low}".encode(): bytes((int(high + low, 16),)) for high in _DIGITS for low in _DIGITS
}
"""What two hexadecimal digits stand for."""


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

    def __contains__(self, name: object) -> bool:
        return name in self._one

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...

    def get(self, name: str, /, default: object = None) -> object:
        """The value, or the default where it is missing."""
        return self._one.get(name, default)

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
    if not raw:
        return Form({})
    pieces = _checked(raw).split("&")
    if len(pieces) > MAX_PARAMETERS:
        raise InvalidRequest("too many parameters")
    one: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    for piece in pieces:
        key, _, text = piece.partition("=")
        if "%" in piece or "+" in piece:
            key, text = _decoded(key), _decoded(text)
        if key in repeatable:
            many[key] = (*many.get(key, ()), text) if text else many.get(key, ())
        elif key in one:
            raise InvalidRequest("a parameter stands twice", detail=f"twice: {key[:40]!r}")
        else:
            one[key] = text
    return Form({key: text for key, text in one.items() if text}, many)


def _decoded(text: str) -> str:
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    plain, *escaped = text.encode().split(b"%")
    try:
        return _checked(plain + b"".join([_BYTES[one[:2]] + one[2:] for one in escaped]))
    except KeyError as error:
        raise InvalidRequest("a parameter holds a broken percent escape") from error


def _checked(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("a parameter is not UTF-8") from error
    if "\x00" in text:
        raise InvalidRequest("a parameter holds a zero byte")
    return text
