"""Form bodies and query strings, read strictly (RFC 6749 3.1, 3.2 and appendix B)."""

from collections.abc import Mapping
from typing import Final

from valetkey.spec.errors import InvalidRequest

MAX_BYTES: Final = 64 * 1024
MAX_PARAMETERS: Final = 100

# RFC 8707 2, RFC 8693 2.1: the parameters that may be repeated.
REPEATABLE: Final = frozenset({"resource", "audience"})

_DIGITS: Final = "0123456789abcdefABCDEF"
_BYTES: Final = {
    f"{high}{low}".encode(): bytes((int(high + low, 16),)) for high in _DIGITS for low in _DIGITS
}
"""What two hexadecimal digits stand for."""


class Form(dict[str, str]):
    """The parameters of one request by name. `many` are the values of repeatable ones. An empty
    value counts as absent (RFC 6749 3.1)."""

    __slots__ = ("_many",)

    def __init__(self, one: Mapping[str, str], many: Mapping[str, tuple[str, ...]] = {}) -> None:
        super().__init__(one)
        self._many = many

    def __repr__(self) -> str:
        return "Form(…)"

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a repeatable parameter, in order."""
        return self._many.get(name, ())

    def need(self, name: str) -> str:
        """The value. Raises InvalidRequest if it is missing."""
        value = self.get(name)
        if value is None:
            raise InvalidRequest(f"{name} is missing")
        return value


def parse_form(raw: bytes, *, repeatable: frozenset[str] = REPEATABLE) -> Form:
    """The parameters in `raw`. Raises InvalidRequest for duplicates, bad escapes and excess."""
    if len(raw) > MAX_BYTES:
        raise InvalidRequest("the request is too large", status=413)
    if not raw:
        return Form({})
    parameters = _checked(raw).split("&")
    if len(parameters) > MAX_PARAMETERS:
        raise InvalidRequest("too many parameters")
    one: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    for parameter in parameters:
        key, _, text = parameter.partition("=")
        if "%" in parameter or "+" in parameter:
            key, text = _decoded(key), _decoded(text)
        if key in repeatable:
            many[key] = (*many.get(key, ()), text) if text else many.get(key, ())
        elif key in one:
            raise InvalidRequest("parameter repeated", detail=f"repeated: {key[:40]!r}")
        else:
            one[key] = text
    if "" in one.values():
        one = {key: text for key, text in one.items() if text}
    return Form(one, many)


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
