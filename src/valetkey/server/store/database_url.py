"""The address of the database: an SQLite file, or a PostgreSQL URL that several nodes share."""

import re
from pathlib import Path
from typing import Final, final
from urllib.parse import SplitResult, parse_qsl, urlsplit

_SCHEMES: Final = {"postgresql", "postgres"}
_USER_INFO: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:-]*")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
_PASSWORDS: Final = frozenset({"password", "sslpassword"})
_KEYWORDS: Final = re.compile(r"\b(host|dbname|user|password)\s*=")


@final
class PostgresURL:
    """`postgresql://user@host:port,host:port/name?option=value`. Its password is never shown."""

    __slots__ = ("_text", "has_password")

    def __init__(self, text: str) -> None:
        """Raises ValueError, whose text never contains what may be a password."""
        parts, options = _read(text)
        user, _, _ = parts.netloc.rpartition("@")
        self._text = text
        self.has_password = ":" in user or any(name in _PASSWORDS for name, _ in options)

    def reveal(self) -> str:
        """The URL itself. Never log it, never put it into an error."""
        return self._text

    def each(self) -> tuple[str, ...]:
        """One URL for each host; handle each like `reveal()`, because it may hold the password."""
        parts = urlsplit(self._text)
        user, at, hosts = parts.netloc.rpartition("@")
        if "," not in hosts:
            return (self._text,)
        return tuple(
            parts._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(",")
        )

    def __str__(self) -> str:
        parts = urlsplit(self._text)
        user, at, hosts = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        secret = f"{colon}…" if colon else ""
        options = "?…" if parts.query else ""
        return f"{parts.scheme}://{name}{secret}{at}{hosts}{parts.path}{options}"

    def __repr__(self) -> str:
        return f"PostgresURL({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PostgresURL) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def _read(text: str) -> tuple[SplitResult, list[tuple[str, str]]]:
    try:
        parts = urlsplit(text)
        options = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError:
        raise ValueError("is not a URL") from None  # Python's own message quotes part of it.
    user, at, hosts = parts.netloc.rpartition("@")
    rules = (
        (parts.scheme in _SCHEMES, "is neither a path nor a URL that begins with postgresql://"),
        (text.isprintable() and " " not in text, "holds a stray character"),
        (_USER_INFO.fullmatch(user), f"has a {_ESCAPED}"),
        (not parts.fragment, f"has a # in it: perhaps a {_ESCAPED}"),
        (_hosts(hosts), f"has a host or port that is none, or a {_ESCAPED}"),
        (hosts or not at, "has a user and no host"),
        ("/" not in parts.path[1:], f"names no single database, or has a {_ESCAPED}"),
    )
    for holds, why in rules:
        if not holds:
            raise ValueError(why)
    return parts, options


_ESCAPED: Final = "user or password with a character to be written as %XX, such as %40 for @"


def _hosts(text: str) -> bool:
    found = [_HOST.fullmatch(host) for host in text.split(",")] if text else []
    return all(one is not None and 0 < int(one.group(1) or 5432) < 65536 for one in found)


@final
class Database:
    """The address of either kind of database."""

    __slots__ = ("at",)

    def __init__(self, at: Path | PostgresURL) -> None:
        self.at = at

    def __str__(self) -> str:
        return str(self.at)

    def __repr__(self) -> str:
        return f"Database({self.at!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Database) and self.at == other.at

    def __hash__(self) -> int:
        return hash(self.at)


def read_database(text: str, *, base: Path = Path()) -> Database:
    """Read a URL, or a path, which may be relative to `base`. Raises ValueError."""
    if "://" in text:
        return Database(PostgresURL(text))
    if _KEYWORDS.search(text):
        raise ValueError("is a list of keywords: write it as postgresql://user@host/name")
    return Database(base / text)


def blind(text: str) -> str:
    """The text, valid or not, without what may be a password."""
    scheme, separator, _ = text.partition("://")
    if separator:
        return f"{scheme}://…"
    return "…" if _KEYWORDS.search(text) else text
