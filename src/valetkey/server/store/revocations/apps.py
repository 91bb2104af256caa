"""The facts of apps and APIs: which of their secrets, keys and permissions are left."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.resource import ResourceServer

State = dict[str, Any]
"""The state of a row, as far as it can narrow."""


def less(mine: tuple[Any, ...], theirs: list[Any]) -> tuple[Any, ...]:
    """Those of mine that are theirs too."""
    return tuple([one for one in mine if one in theirs])


def mark_of(*parts: str) -> str:
    """A digest that tells whether a value is the same, and no more."""
    return digest("\n".join(parts))[:16]


def _secrets(row: Client | ResourceServer) -> list[Any]:
    return [[one.name, one.until] for one in row.secrets]


def _unrevoked(mine: tuple[StoredSecret, ...], theirs: list[Any]) -> tuple[StoredSecret, ...]:
    until = dict(map(tuple, theirs))
    return tuple([replace(one, until=until[one.name]) for one in mine if one.name in until])


def _keys(row: Client) -> list[str]:
    return [mark_of(_text(one)) for one in row.jwks.get("keys", ())]


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


_PROOFS: Final = ("jwks_uri", "registration_token", "tls_client_auth_subject_dn")
_MORE_PROOFS: Final = tuple(f"tls_client_auth_san_{one}" for one in ("dns", "uri", "ip", "email"))
_LISTS: Final = ("scope", "redirect_uris", "grant_types", "admin", "request_uris")


def client(row: Client) -> State:
    """What can narrow in an app: its status, what it may ask for, and what proves that it is it."""
    return {
        "status": row.status,
        "secrets": _secrets(row),
        "keys": _keys(row),
        "proofs": {one: mark_of(getattr(row, one)) for one in (*_PROOFS, *_MORE_PROOFS)},
        "exchange": mark_of(_text(row.exchange)),
        "scim": mark_of(_text(row.scim)),
        "verified": row.verified,
        **{one: getattr(row, one) for one in _LISTS},
    }


def narrow_client(row: Client, to: State) -> Client:
    """The app of a backup, no wider than it was."""
    keys = row.jwks.get("keys", ())
    current = [one for one in keys if mark_of(_text(one)) in to["keys"]]
    changed: dict[str, Any] = {one: less(getattr(row, one), to[one]) for one in _LISTS}
    changed |= {
        one: ""
        for one, mark in to["proofs"].items()
        if getattr(row, one) and mark != mark_of(getattr(row, one))
    }
    for one in ("exchange", "scim"):
        if to[one] != mark_of(_text(getattr(row, one))):
            changed[one] = None
    if len(current) < len(keys):
        changed["jwks"] = {**row.jwks, "keys": current}
    if to["status"] != "active":
        changed["status"] = to["status"]
    return replace(
        row,
        secrets=_unrevoked(row.secrets, to["secrets"]),
        verified=row.verified and to["verified"],
        **changed,
    )


def api(row: ResourceServer) -> State:
    """What can narrow in an API: its secrets."""
    return {"secrets": _secrets(row)}


def narrow_api(row: ResourceServer, to: State) -> ResourceServer:
    """The API of a backup, without secrets that were revoked."""
    return replace(row, secrets=_unrevoked(row.secrets, to["secrets"]))
