"""Reads declared state from a TOML file, and reports every mistake at once, with its place.

    [[policy]]           name; pkce, algorithms and lifetimes
    [[resource_server]]  id; catalog or catalog_file; a secret
    [[client]]           id; the fields of a client; a secret, or jwks, jwks_file or jwks_uri
    [[user]]             username; email, claims, status; a password
    [brand]              name, colors, links, files

A secret or password comes from a file or a variable (`…_file`, `…_env`). Only digests may be
inline: `secret_sha256`, `password_hash`.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.cli.declared_brand import read_declared_brand
from valetkey.cli.secrets import read_secret
from valetkey.jose.objects import read_object
from valetkey.jose.seal import digest
from valetkey.server.accounts.password_forms import why_not_imported
from valetkey.server.model.client import Client
from valetkey.server.model.keys import Secret
from valetkey.server.model.policy import Policy
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Kind
from valetkey.server.settings.load import convert
from valetkey.wire.catalog import Catalog

# Reads files that a declaration names: an API's catalog, a client's public keys.


def read_catalog(file: Path) -> Catalog:
    """Read a catalog from a TOML or JSON file. Raises ValueError that names the file."""
    try:
        text = file.read_text("utf-8")
        members = msgspec.json.decode(text) if file.suffix == ".json" else tomllib.loads(text)
        catalog: Catalog = convert(Catalog, members, base=file.parent)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return catalog


def read_jwks(file: Path) -> dict[str, Any]:
    """Read a JWK Set from a JSON file. Raises ValueError that names the file."""
    try:
        return read_object(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


BRAND: Final = "brand"

SHORTEST_SECRET: Final = 32
"""The minimum length of a client's secret, in characters: it is stored as a plain digest."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of table in the file: its record, the field with its name, the fields that map
    directly to the record, and its other fields."""

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
"""Fields that name a separate file: the field that it sets, and how the file is read."""

_NOT_DECLARED: Final = frozenset(
    {
        *("version", "created", "changed", "secrets", "password", "revision"),
        *("registration_token", "unused_until", "suspension", "owner"),
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
    "user": _table(User, "username", *PASSWORD, but=("id", "disabled_by")),
}


class Declaration(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The content of a file. Records with a mistake, and those that may depend on them, are left
    out. `passwords` are in the clear until they are compared with the stored hashes."""

    desired: tuple[DesiredRecord, ...]
    passwords: dict[tuple[Kind, str], Secret]
    mistakes: tuple[str, ...]


def read_declaration(file: Path, environ: Mapping[str, str]) -> Declaration:
    """Read a file, with every mistake in it. Relative paths start from the file's folder."""
    reading = _Reading(file.parent, environ)
    try:
        reading.whole(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        reading.mistakes.append(f"cannot be read: {error.strerror}")
    except ValueError as error:
        reading.mistakes.append(f"is not TOML: {error}")
    clients_too = not reading.broken & {"policy", "resource_server"}
    return Declaration(
        desired=tuple(one for one in reading.desired if one.kind != "client" or clients_too),
        passwords=reading.passwords,
        mistakes=tuple(reading.mistakes),
    )


def read_item(
    kind: Kind, raw: Mapping[str, Any], environ: Mapping[str, str], *, place: str
) -> tuple[DesiredRecord | None, tuple[str, ...]]:
    """What a command says of one record, read as a table of a file is, and every mistake in it."""
    reading = _Reading(Path(), environ)
    item = reading.item(kind, TABLES[kind], raw=dict(raw), place=place)
    return item, tuple(reading.mistakes)


class _Reading:
    """One pass over a file, which goes on after a mistake."""

    def __init__(self, base: Path, environ: Mapping[str, str]) -> None:
        self._base = base
        self._environ = environ
        self.desired: list[DesiredRecord] = []
        self.passwords: dict[tuple[Kind, str], Secret] = {}
        self.mistakes: list[str] = []
        self.broken: set[Kind] = set()

    def whole(self, tables: Mapping[str, object]) -> None:
        """Reads every table of the file."""
        for name in [one for one in tables if one not in TABLES and one != BRAND]:
            self.mistakes.append(f"[[{name}]]: {_unknown(name, TABLES)}")
        match tables.get(BRAND):
            case None:
                pass
            case dict() as fields:
                brand, mistakes = read_declared_brand(fields, base=self._base)
                self.desired.append(brand)
                self.mistakes += mistakes
            case _:
                self.mistakes.append(f"{BRAND}: begin it with [{BRAND}]")
        for kind, table in TABLES.items():
            items = tables.get(kind, [])
            if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
                self.mistakes.append(f"{kind}: begin each one with [[{kind}]]")
                self.broken.add(kind)
                continue
            for number, raw in enumerate(items, 1):
                count = len(self.mistakes)
                desired = self.item(kind, table, raw=raw, place=f"[[{kind}]] {number}")
                if len(self.mistakes) > count:
                    self.broken.add(kind)
                elif desired is not None:
                    self.desired.append(desired)

    def item(
        self, kind: Kind, table: Table, *, raw: dict[str, Any], place: str
    ) -> DesiredRecord | None:
        """Read one table; None if it has no name."""
        key = raw.pop(table.key, None)
        if not isinstance(key, str) or not key:
            self.mistakes.append(f"{place}: {table.key} is missing")
            return None
        place = f"{place} ({key})" if place.startswith("[[") else place
        secret = self._secret_source(raw, SECRET, place) if SECRET[0] in table.also else None
        word = self._secret_source(raw, PASSWORD, place) if PASSWORD[0] in table.also else None
        fields = dict(self._fields(table, raw, place))
        if isinstance(word, str):
            fields["password"] = word
        desired = DesiredRecord(place=place, kind=kind, key=key, fields=fields, **_secret(secret))
        if isinstance(word, Secret):
            self.passwords[desired.name] = word
        return desired

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

    def _secret_source(
        self, raw: dict[str, Any], names: tuple[str, ...], place: str
    ) -> Secret | str | None:
        """Read the secret that one of these fields names, or its digest."""
        sources = {name: raw.pop(name) for name in names if name in raw}
        if len(sources) > 1:
            self.mistakes.append(f"{place}: {', '.join(sources)}: only one of them")
        for name, value in sources.items():
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
                if why := why_not_imported(value):
                    raise ValueError(why)
                return value
            case "sha256" if re.fullmatch(r"[0-9a-f]{64}", value):
                return value
        raise ValueError(f"is no {FORMS[name]}")


FORMS: Final = {
    "secret_sha256": "SHA-256 in 64 lower-case hex digits",
}


def _proper_secret(secret: Secret) -> Secret:
    text = secret.reveal()
    if len(text) < SHORTEST_SECRET or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"a secret has {SHORTEST_SECRET} characters or more, and no spaces")
    return secret


CHECKS: Final[Mapping[str, Callable[[Secret], Secret]]] = {
    # The rules for new passwords don't concern one that the user has already.
    "password": lambda secret: secret,
    "secret": _proper_secret,
}


def _secret(secret: Secret | str | None) -> dict[str, Any]:
    if isinstance(secret, Secret):
        return {"secret": digest(secret.reveal()), "plain": secret}
    return {"secret": secret or ""}


def _words(name: str, value: object) -> object:
    # As in a request: one text with spaces between.
    return value.split() if name in {"scope", "required"} and isinstance(value, str) else value


def _unknown(name: str, allowed: Mapping[Kind, Table] | tuple[str, ...]) -> str:
    if name in {"password", "secret", "client_secret"}:
        what = name.rpartition("_")[2]
        also = [one for names in (PASSWORD, SECRET) for one in names if one.startswith(what)]
        return f"must not be here in the clear; use {', '.join(also)}"
    near = difflib.get_close_matches(name, list(allowed), n=1)
    return "is unknown here" + (f"; did you mean {near[0]}?" if near else "")
