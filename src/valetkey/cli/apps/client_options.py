"""The options of `valetkey client add`: one for each field of a client in a file for `apply`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

import click
import msgspec

from valetkey.cli.declaration import TABLES
from valetkey.cli.output.errors import InvalidUsage
from valetkey.server.model.client import Client
from valetkey.spec import names

F = TypeVar("F", bound=Callable[..., Any])

CODES: Final = (names.AUTHORIZATION_CODE, names.REFRESH_TOKEN)

TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Client)}

HELP: Final[dict[str, str]] = {
    "name": "The name that users see; the id by default.",
    "auth_method": "How a confidential client authenticates.",
    "redirect_uris": "A redirect URI.",
    "grant_types": "A grant type that it uses.",
    "scope": 'The scope that it may request: "openid chirps.read".',
    "required": "Permissions that it cannot work without.",
    "admin": "A permission of the administration API that it may request.",
    "reasons": "Why it requests a permission, in its own words.",
    "limits": "The limits that it proposes.",
    "uri": "Its home page.",
    "logo_uri": "Its logo.",
    "policy_uri": "Its privacy policy.",
    "tos_uri": "Its terms of service.",
    "jwks": "Its public keys.",
    "jwks_file": "A file with its public keys.",
    "jwks_uri": "The address of its public keys.",
    "auth_algorithm": "The only algorithm of its client assertions.",
    "request_object_algorithm": "The only algorithm of its signed requests.",
    "request_uris": "The address of a signed request.",
    "software_id": "The identifier of its software.",
    "software_version": "The version of its software.",
    "backchannel_token_delivery_mode": "How it learns that a CIBA request was answered.",
    "backchannel_client_notification_endpoint": "The address for that notification.",
    "exchange": "Its rules for token exchange (RFC 8693).",
    "understands": "An extension that it supports.",
    "authorization_details_types": "A type of authorization details that it uses.",
    "key_shards": 'How its grants are split into shards: "2 of device backend recovery_code".',
    "key_shard_backend": "The client that holds the backend's shard.",
    "tls_client_auth_subject_dn": "The subject of its certificate.",
    "tls_client_auth_san_dns": "A DNS name in its certificate.",
    "tls_client_auth_san_uri": "A URI in its certificate.",
    "tls_client_auth_san_ip": "An IP address in its certificate.",
    "tls_client_auth_san_email": "An e-mail address in its certificate.",
    "tls_client_certificate_bound_access_tokens": "Bind its tokens to its certificate.",
    "subject_type": "Whether it sees a pairwise identifier for each user.",
    "sector_identifier_uri": "The document with the redirect URIs of its sector.",
    "userinfo_signed_response_alg": "The algorithm of signed UserInfo answers.",
    "claims_in_id_token": "Put the claims of its scopes into the ID Token, too.",
    "initiate_login_uri": "The address where a third party can start a sign-in.",
    "default_max_age": "The maximum age of a sign-in, in seconds.",
    "post_logout_redirect_uris": "An address to return to after sign-out.",
    "frontchannel_logout_uri": "Its front-channel logout address.",
    "backchannel_logout_uri": "Its back-channel logout address.",
    "policy": "Its policy.",
    "dpop_bound_access_tokens": "Issue only DPoP-bound tokens to it.",
    "origin": "Who registered it; an administrator by default.",
    "verified": "Its publisher has not been verified.",
    "status": "Whether it is enabled.",
    "scim": "Whose users it provisions (RFC 7644).",
    "secret_file": "A file with its existing secret.",
    "secret_env": "A variable with its existing secret.",
    "secret_sha256": "The SHA-256 of its existing secret.",
}
"""The help text of each option."""

_OPTION_NAMES: Final = {"reasons": "reason", "verified": "unverified"}
_METAVARS: Final = {"reasons": "PERMISSION=WHY", "key_shards": "K OF HOLDERS"}


def option_of(field: str) -> str:
    """The name of a field's option, in the singular if it can be repeated."""
    name = _OPTION_NAMES.get(field) or (
        field[:-1] if field.endswith(("_uris", "_types")) else field
    )
    return f"--{name.replace('_', '-')}"


def client_options(command: F) -> F:
    """Add all options to a command, in the order of the table."""
    for field in reversed((*TABLES["client"].fields, *TABLES["client"].also)):
        command = click.option(option_of(field), field, **_kind(field), help=HELP[field])(command)
    return command


def _kind(field: str) -> dict[str, Any]:
    field_type = TYPES.get(field, str)
    choices = [one for one in _choices(field_type) if one not in {"", "none"}]
    if field == "verified" or field_type is bool:
        return {"is_flag": True}
    if field in _METAVARS:
        return {"multiple": True, "metavar": _METAVARS[field]}
    if field in {"scope", "required"}:
        return {"metavar": "NAMES"}
    if get_origin(field_type) is tuple:
        return {"multiple": True}
    if choices:
        return {"type": click.Choice(choices)}
    return {} if field_type is str else {"metavar": "JSON"}


def _choices(field_type: Any) -> tuple[str, ...]:
    inside = get_args(field_type)
    if inside and all(isinstance(one, str) for one in inside):
        return inside
    if get_origin(field_type) in {tuple, dict}:
        return ()
    return tuple(one for each in inside for one in _choices(each))


def read_options(name: str, options: Mapping[str, Any], *, public: bool) -> dict[str, Any]:
    """The fields as in a file, with the command's defaults. Raises InvalidUsage."""
    if public and options["auth_method"]:
        raise InvalidUsage("--public and --auth-method: a public client does not authenticate")
    fields = read_fields(options)
    codes = public or options["redirect_uris"]
    defaults = {
        "id": name,
        "name": name,
        "auth_method": "none" if public else "client_secret_basic",
        "grant_types": list(CODES if codes else (names.CLIENT_CREDENTIALS,)),
    }
    return defaults | fields


def read_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that options set, as in a file. Raises InvalidUsage."""
    return {field: _plain(field, value) for field, value in options.items() if value}


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
        raise InvalidUsage(f"--key-shards {text!r}: begin with a number")
    return {"threshold": int(threshold), "holders": holders.split()}


def _json(field: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidUsage(f"{option_of(field)}: is not JSON: {error}") from error
