"""Apps and consents of django-oauth-toolkit: `manage.py dumpdata`, or the SQLite file of the site.

Its models can be swapped for those of the site, so they are recognized by their fields. A consent
there is a token: one that has not expired, or that can be refreshed. The tokens themselves are not
read.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.cli.imports.apps.records import (
    CODES,
    AppTerms,
    IncomingApp,
    dropped_names,
    split,
)
from valetkey.cli.imports.apps.staging import Staging
from valetkey.cli.imports.formats import Members, Mistake, convert, seconds
from valetkey.cli.imports.streams import BrokenFile
from valetkey.spec import names

GRANT_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "authorization-code": CODES,
    "openid-hybrid": CODES,
    "client-credentials": (names.CLIENT_CREDENTIALS,),
    names.DEVICE_CODE: (names.DEVICE_CODE, names.REFRESH_TOKEN),
}
"""The grant types here, by the one grant type of an application there."""


class _Application(msgspec.Struct, kw_only=True):
    client_id: str
    client_type: str
    authorization_grant_type: str
    client_secret: str = ""
    hash_client_secret: bool | int | None = None
    name: str = ""
    redirect_uris: str = ""
    post_logout_redirect_uris: str = ""
    skip_authorization: bool | int = False
    algorithm: str = ""
    allowed_origins: str = ""
    user: Any = None


class _AccessToken(msgspec.Struct, kw_only=True):
    application: Any
    user: Any
    scope: str
    expires: str
    created: str | None = None


class _RefreshToken(msgspec.Struct, kw_only=True):
    access_token: Any
    revoked: str | None = None


def read(place: str, members: Members, *, staging: Staging, terms: AppTerms) -> IncomingApp | str:
    """The app of an object of `dumpdata`, or the name of what else it is, "" for what was noted in
    `staging`. Raises Mistake."""
    fields = members.get("fields")
    if not isinstance(fields, dict):
        raise Mistake("fields: are missing")
    if "authorization_grant_type" in fields:
        return _app(place, members, convert(_Application, fields), terms=terms)
    if "scope" in fields and "token" in fields:
        row = convert(_AccessToken, fields)
        staging.add_app_scope(_key(row.application), row.scope)
        if row.user is not None:  # None: of client_credentials
            staging.add_consent(
                _key(row.user),
                _key(row.application),
                row.scope,
                place=place,
                created=seconds("created", row.created),
                token=_key(members.get("pk")),
                expires=seconds("expires", row.expires),
            )
        return ""
    if "access_token" in fields and "revoked" in fields:
        token = convert(_RefreshToken, fields)
        if token.revoked is None and token.access_token is not None:
            staging.add_refreshable(_key(token.access_token))
        return ""
    if "password" in fields:
        name = fields.get("username") or fields.get("email")
        if isinstance(name, str):
            staging.add_user(_key(members.get("pk")), name)
            # With `--natural-foreign`, tokens name their user.
            staging.add_user(_key([name]), name)
        return ""
    return str(members.get("model", "other models"))[:100]


def _key(reference: object) -> str:
    """The name of a row, whether a number, a UUID or a natural key."""
    return msgspec.json.encode(reference).decode()


def _app(place: str, members: Members, row: _Application, *, terms: AppTerms) -> IncomingApp:
    grant_types = GRANT_TYPES.get(row.authorization_grant_type)
    if grant_types is None:
        kind = row.authorization_grant_type[:60]
        raise Mistake(f"authorization_grant_type: there is no {kind!r} here")
    is_public = row.client_type == "public"
    is_hash = None if row.hash_client_secret is None else bool(row.hash_client_secret)
    secret = (
        ""
        if is_public
        else terms.secret_of(row.client_id, "client_secret", row.client_secret, is_hash=is_hash)
    )
    codes = names.AUTHORIZATION_CODE in grant_types
    fields = {
        "name": row.name or row.client_id,
        "auth_method": "none" if is_public else terms.auth_method,
        "grant_types": grant_types,
        "redirect_uris": split(row.redirect_uris) if codes else (),
        "post_logout_redirect_uris": split(row.post_logout_redirect_uris),
    }
    dropped = {
        "redirect addresses without the authorization code": row.redirect_uris and not codes,
        "the implicit part of the hybrid flow": row.authorization_grant_type == "openid-hybrid",
        "skipping of the consent page": row.skip_authorization,
        "ID Tokens signed by the secret": row.algorithm == "HS256",
        "allowed origins": row.allowed_origins,
        "the developer who owns it": row.user is not None,
    }
    return IncomingApp(
        place=place,
        id=row.client_id,
        number=_key(members.get("pk")),
        fields=fields,
        secret=secret,
        dropped=dropped_names(dropped),
    )


# The SQLite file of a site: its tables, written as `dumpdata` writes them.

SQLITE: Final = b"SQLite format 3\x00"

_SECRET_COLUMNS: Final = frozenset({"token_checksum", "code", "claims", "nonce"})


def dump_sqlite(file: Path, out: Path) -> None:
    """Write the rows of users, applications and tokens to `out`, one JSON object a line, without
    tokens. Raises BrokenFile."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        with out.open("wb") as lines:
            for table, model in _tables(connection):
                for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                    lines.write(msgspec.json.encode(_dumped(model, row)) + b"\n")
        connection.close()
    except sqlite3.Error as error:
        raise BrokenFile(f"is no readable SQLite database: {error}") from error


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    for (table,) in tables.fetchall():
        if '"' in table:
            continue
        columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
        for is_it in _KINDS:
            if is_it(columns):
                yield table, table


_KINDS: Final[tuple[Callable[[set[str]], bool], ...]] = (
    lambda columns: {"password", "last_login"} <= columns,
    lambda columns: {"client_id", "authorization_grant_type"} <= columns,
    lambda columns: {"application_id", "scope", "token", "expires"} <= columns,
    lambda columns: {"access_token_id", "revoked"} <= columns,
)


def _dumped(model: str, row: sqlite3.Row) -> dict[str, object]:
    values = {name: row[name] for name in row.keys() if name not in _SECRET_COLUMNS}  # noqa: SIM118
    fields = {
        name.removesuffix("_id") if name != "client_id" else name: value
        for name, value in values.items()
        if name != "id"
    }
    if "token" in fields:
        fields["token"] = ""
    for flag in ("is_active", "is_staff", "is_superuser"):
        if flag in fields:
            fields[flag] = bool(fields[flag])
    return {"model": f"site.{model}", "pk": values.get("id"), "fields": fields}
