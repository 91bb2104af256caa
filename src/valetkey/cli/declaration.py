"""Declared state as a TOML file, read into wishes; every mistake is said at once, with its place.

    [[policy]]           name; pkce, algorithms and lifetimes
    [[resource_server]]  id; catalog or catalog_file; a secret
    [[client]]           id; the fields of a client; a secret, or jwks, jwks_file or jwks_uri
    [[user]]             username; email, claims, status; a password

A secret or password is named by `…_file` or `…_env`; inline only what reveals nothing may stand:
`secret_sha256`, `password_hash`.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.cli.catalogs import read_catalog, read_jwks
from valetkey.cli.secrets import read_secret
from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.secret import Secret
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Kind
from valetkey.server.settings.load import convert

SHORTEST_SECRET: Final = 32
"""Characters of a client's secret, at the least: it is kept as a plain digest."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of table in the file: its record, the field that names it, the fields that may stand
    as they are, and what else it may hold."""

    record: type[Record]
    key: str
    fields: tuple[str, ...]
    also: tuple[str, ...] = ()


SECRET: Final = ("secret_file", "secret_env", "secret_sha256")
PASSWORD: Final = ("password_file", "password_env", "password_hash")
FILES: Final[dict[str, tuple[str, Callable[[Path], Any]]]] = {
    "catalog_file": ("catalog", read_catalog),
    "jwks_file": ("jwks", read_jwks),
}
"""What may stand in a file of its own: the field that it makes, and how it is read."""

_NOT_DECLARED: Final = frozenset(
    {
        *("version", "created", "changed", "secrets", "password", "revision"),
        *("registration_token", "unused_until"),
    }
)


def _table(record: type[Record], key: str, *also: str, but: tuple[str, ...] = ()) -> Table:
    hidden = _NOT_DECLARED | {key, *but}
    names = [field.name for field in msgspec.structs.fields(record)]
    return Table(
        record=record,
        key=key,
        fields=tuple(name for name in names if name not in hidden),
        also=also,
    )


TABLES: Final[dict[Kind, Table]] = {
    "policy": _table(Policy, "name"),
    "resource_server": _table(ResourceServer, "id", "catalog_file", *SECRET),
    "client": _table(Client, "id", "jwks_file", *SECRET),
    "user": _table(User, "username", *PASSWORD, but=("id",)),
}


class Declaration(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a file says, as far as it can be understood: a wish with a mistake is left out, and so
    are those that may rest on it. `passwords` are in the clear until it is known whether they fit
    already."""

    wishes: tuple[DesiredRecord, ...]
    passwords: dict[tuple[Kind, str], Secret]
    mistakes: tuple[str, ...]


def read_declaration(file: Path, environ: Mapping[str, str]) -> Declaration:
    """What the file says, with every mistake in it. Relative paths are meant from its folder."""
    reading = _Reading(file.parent, environ)
    try:
        reading.whole(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        reading.mistakes.append(f"it cannot be read: {error.strerror}")
    except ValueError as error:
        reading.mistakes.append(f"it is not TOML: {error}")
    clients_too = not reading.broken & {"policy", "resource_server"}
    return Declaration(
        wishes=tuple(one for one in reading.wishes if one.kind != "client" or clients_too),
        passwords=reading.passwords,
        mistakes=tuple(reading.mistakes),
    )


def read_item(
    kind: Kind, raw: Mapping[str, Any], environ: Mapping[str, str], *, place: str
) -> tuple[DesiredRecord | None, tuple[str, ...]]:
    """What a command says of one record, read as a table of a file is, and every mistake in it."""
    reading = _Reading(Path(), environ)
    wish = reading.item(kind, TABLES[kind], raw=dict(raw), place=place)
    return wish, tuple(reading.mistakes)


class _Reading:
    """One pass over a file, which goes on after a mistake."""

    def __init__(self, base: Path, environ: Mapping[str, str]) -> None:
        self._base = base
        self._environ = environ
        self.wishes: list[DesiredRecord] = []
        self.passwords: dict[tuple[Kind, str], Secret] = {}
        self.mistakes: list[str] = []
        self.broken: set[Kind] = set()

    def whole(self, tables: Mapping[str, object]) -> None:
        """Reads every table of the file."""
        for name in [one for one in tables if one not in TABLES]:
            self.mistakes.append(f"[[{name}]]: {_unknown(name, TABLES)}")
        for kind, table in TABLES.items():
            items = tables.get(kind, [])
            if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                self.mistakes.append(f"{kind}: begin each one with [[{kind}]]")
                self.broken.add(kind)
                continue
            for number, raw in enumerate(items, 1):
                count = len(self.mistakes)
                wish = self.item(kind, table, raw=raw, place=f"[[{kind}]] {number}")
                if len(self.mistakes) > count:
                    self.broken.add(kind)
                elif wish is not None:
                    self.wishes.append(wish)

    def item(
        self, kind: Kind, table: Table, *, raw: dict[str, Any], place: str
    ) -> DesiredRecord | None:
        """What one table says; None where it names nothing."""
        key = raw.pop(table.key, None)
        if not isinstance(key, str) or not key:
            self.mistakes.append(f"{place}: its {table.key} is missing")
            return None
        place = f"{place} ({key})" if place.startswith("[[") else place
        secret = self._named(raw, SECRET, place) if SECRET[0] in table.also else None
        word = self._named(raw, PASSWORD, place) if PASSWORD[0] in table.also else None
        fields = dict(self._fields(table, raw, place))
        if isinstance(word, str):
            fields["password"] = word
        wish = DesiredRecord(place=place, kind=kind, key=key, fields=fields, **_secret(secret))
        if isinstance(word, Secret):
            self.passwords[wish.name] = word
        return wish

    def _fields(self, table: Table, raw: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
        types = {field.name: field.type for field in msgspec.structs.fields(table.record)}
        for name, (field, _) in FILES.items():
            if name in raw and field in raw:
                self.mistakes.append(f"{place}: {field} and {name}: only one of them")
        for name, value in raw.items():
            try:
                if name in FILES and name in table.also:
                    field, read = FILES[name]
                    yield field, read(convert(Path, value, base=self._base))
                elif name in table.fields:
                    yield name, convert(types[name], _words(name, value), base=self._base)
                else:
                    why = _unknown(name, (*table.fields, *table.also))
                    self.mistakes.append(f"{place}, {name}: {why}")
            except ValueError as error:
                self.mistakes.append(f"{place}, {name}: {error}")

    def _named(
        self, raw: dict[str, Any], names: tuple[str, ...], place: str
    ) -> Secret | str | None:
        """What one of the names leads to: a secret, or what may be kept of one as it is."""
        given = {name: raw.pop(name) for name in names if name in raw}
        if len(given) > 1:
            self.mistakes.append(f"{place}: {', '.join(given)}: only one of them")
        for name, value in given.items():
            try:
                return self._secret(name, convert(str, value, base=self._base))
            except OSError as error:
                self.mistakes.append(f"{place}, {name}: {value} cannot be read: {error.strerror}")
            except ValueError as error:
                self.mistakes.append(f"{place}, {name}: {error}")
        return None

    def _secret(self, name: str, value: str) -> Secret | str:
        check = CHECKS[name.partition("_")[0]]
        match name.rpartition("_")[2]:
            case "file":
                return check(read_secret(self._base / value))
            case "env":
                if value not in self._environ:
                    raise ValueError(f"the variable {value} is not set")
                return check(Secret(self._environ[value]))
            case "hash":
                if why := password.why_not_imported(value):
                    raise ValueError(why)
                return value
            case "sha256" if re.fullmatch(r"[0-9a-f]{64}", value):
                return value
        raise ValueError(f"is no {KEPT[name]}")


KEPT: Final = {
    "secret_sha256": "SHA-256 in 64 lower-case hex digits",
}


def _proper_password(given: Secret) -> Secret:
    wrong = password.mistakes(given)
    if wrong:
        raise ValueError("; ".join(wrong))
    return given


def _proper_secret(given: Secret) -> Secret:
    text = given.reveal()
    if len(text) < SHORTEST_SECRET or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"a secret has {SHORTEST_SECRET} characters or more, and no spaces")
    return given


CHECKS: Final = {"password": _proper_password, "secret": _proper_secret}


def _secret(given: Secret | str | None) -> dict[str, Any]:
    if isinstance(given, Secret):
        return {"secret": digest(given.reveal()), "plain": given}
    return {"secret": given or ""}


def _words(name: str, value: object) -> object:
    # As in a request: one text with spaces between.
    return value.split() if name in {"scope", "required"} and isinstance(value, str) else value


def _unknown(name: str, known: Mapping[Kind, Table] | tuple[str, ...]) -> str:
    if name in {"password", "secret", "client_secret"}:
        what = name.rpartition("_")[2]
        also = [one for names in (PASSWORD, SECRET) for one in names if one.startswith(what)]
        return f"never stands here in the clear; use {', '.join(also)}"
    near = difflib.get_close_matches(name, list(known), n=1)
    return "is unknown here" + (f"; did you mean {near[0]}?" if near else "")
