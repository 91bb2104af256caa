"""The options of `valetkey client add`: one for each field that a file for `valetkey apply` may
hold (`declaration.TABLES`), and read by the same rules."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

import click
import msgspec

from valetkey.cli.context import Wrong
from valetkey.cli.declaration import TABLES
from valetkey.server.model.client import Client
from valetkey.spec import names

F = TypeVar("F", bound=Callable[..., Any])

CODES: Final = (names.AUTHORIZATION_CODE, names.REFRESH_TOKEN)

TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Client)}

HELP: Final[dict[str, str]] = {
    "name": "What users see; the id unless given.",
    "auth_method": "How a confidential client proves who it is.",
    "redirect_uris": "Where users come back to.",
    "grant_types": "How it gets tokens.",
    "scope": 'What it may ask for: "openid chirps.read".',
    "required": "Permissions without which it does not work.",
    "reasons": "Why it asks for a permission, in its own words.",
    "limits": "The limits that it proposes.",
    "uri": "Its home page.",
    "logo_uri": "Its picture.",
    "policy_uri": "What it does with what it learns.",
    "tos_uri": "Its terms of use.",
    "jwks": "Its public keys.",
    "jwks_file": "A file with its public keys.",
    "jwks_uri": "Where it publishes its public keys.",
    "auth_algorithm": "The only algorithm in which it signs to prove who it is.",
    "request_object_algorithm": "The only algorithm in which it signs requests.",
    "request_uris": "Where it keeps requests that it signed.",
    "software_id": "The program that it is a copy of.",
    "software_version": "The version of that program.",
    "backchannel_token_delivery_mode": "Whether it is told that an answer is there (CIBA).",
    "backchannel_client_notification_endpoint": "Where it is told so.",
    "exchange": "What it may exchange (RFC 8693).",
    "understands": "An extension that it has opted into.",
    "authorization_details_types": "A type in which it asks by details.",
    "key_shards": 'How its keys may be held in parts: "2 of device backend recovery_code".',
    "key_shard_backend": "The client that holds the backend's part.",
    "tls_client_auth_subject_dn": "The subject of its certificate.",
    "tls_client_auth_san_dns": "A DNS name in its certificate.",
    "tls_client_auth_san_uri": "A URI in its certificate.",
    "tls_client_auth_san_ip": "An IP address in its certificate.",
    "tls_client_auth_san_email": "An e-mail address in its certificate.",
    "tls_client_certificate_bound_access_tokens": "Its tokens are bound to its certificate.",
    "subject_type": "Whether users have a name of their own before it.",
    "sector_identifier_uri": "The document that names the redirect URIs of its sector.",
    "userinfo_signed_response_alg": "The algorithm in which UserInfo answers it.",
    "claims_in_id_token": "Whether what its scope opens of a user is in the ID Token, too.",
    "initiate_login_uri": "Where others may send users to sign in.",
    "default_max_age": "How old a sign-in may be, in seconds.",
    "post_logout_redirect_uris": "Where users come back to when they have signed out.",
    "frontchannel_logout_uri": "Where the browser tells it that a session has ended.",
    "backchannel_logout_uri": "Where the server tells it that a session has ended.",
    "policy": "The policy that it is held to.",
    "dpop_bound_access_tokens": "It gets tokens that are bound to a key, and no others.",
    "origin": "Who wrote it down; an administrator, unless set.",
    "verified": "Nobody has checked who publishes it.",
    "status": "Whether it may work.",
    "secret_file": "A file with a secret that it has already.",
    "secret_env": "A variable with a secret that it has already.",
    "secret_sha256": "The SHA-256 of a secret that it has already.",
}
"""What each option is for."""

_NAMED: Final = {"reasons": "reason", "verified": "unverified"}
_SHOWN: Final = {"reasons": "PERMISSION=WHY", "key_shards": "K OF HOLDERS"}


def option_of(field: str) -> str:
    """What the option for a field is called: in the singular where it may stand several times."""
    name = _NAMED.get(field) or (field[:-1] if field.endswith(("_uris", "_types")) else field)
    return f"--{name.replace('_', '-')}"


def client_options(command: F) -> F:
    """Adds them all to a command, in the order of the table."""
    for field in reversed((*TABLES["client"].fields, *TABLES["client"].also)):
        command = click.option(option_of(field), field, **_kind(field), help=HELP[field])(command)
    return command


def _kind(field: str) -> dict[str, Any]:
    wanted = TYPES.get(field, str)
    choices = [one for one in _choices(wanted) if one not in {"", "none"}]
    if field == "verified" or wanted is bool:
        return {"is_flag": True}
    if field in _SHOWN:
        return {"multiple": True, "metavar": _SHOWN[field]}
    if field in {"scope", "required"}:
        return {"metavar": "NAMES"}
    if get_origin(wanted) is tuple:
        return {"multiple": True}
    if choices:
        return {"type": click.Choice(choices)}
    return {} if wanted is str else {"metavar": "JSON"}


def _choices(wanted: Any) -> tuple[str, ...]:
    inside = get_args(wanted)
    if inside and all(isinstance(one, str) for one in inside):
        return inside
    if get_origin(wanted) in {tuple, dict}:
        return ()
    return tuple(one for each in inside for one in _choices(each))


def read_options(name: str, given: Mapping[str, Any], *, public: bool) -> dict[str, Any]:
    """The fields as they would stand in a file, with what a command adds. Raises Wrong."""
    if public and given["auth_method"]:
        raise Wrong("--public and --auth-method: a public client has nothing to prove itself by")
    fields = {field: _plain(field, value) for field, value in given.items() if value}
    codes = public or given["redirect_uris"]
    defaults = {
        "id": name,
        "name": name,
        "auth_method": "none" if public else "client_secret_basic",
        "grant_types": list(CODES if codes else (names.CLIENT_CREDENTIALS,)),
    }
    return defaults | fields


def _plain(field: str, value: Any) -> Any:
    if field == "verified":
        return False
    if field == "reasons":
        return {name: why for name, _, why in (one.partition("=") for one in value)}
    if field == "key_shards":
        return [_tier(one) for one in value]
    if isinstance(value, tuple):
        return list(value)
    return _json(field, value) if _kind(field).get("metavar") == "JSON" else value


def _tier(text: str) -> dict[str, Any]:
    threshold, _, holders = text.partition(" of ")
    if not threshold.isdigit():
        raise Wrong(f"--key-shards {text!r}: begin with a number")
    return {"threshold": int(threshold), "holders": holders.split()}


def _json(field: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Wrong(f"{option_of(field)}: is no JSON: {error}") from error
