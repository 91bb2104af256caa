"""A client's metadata (RFC 7591 2): one table of its names on the wire and here."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from valetkey.server.model.client import Client
from valetkey.spec import names
from valetkey.spec.errors import InvalidClientMetadata, InvalidRedirectUri
from valetkey.spec.names import Cite
from valetkey.wire.key_shards import CITE as SHARDS

RFC: Final = Cite("RFC 7591", "2")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the document: its name there, its field here, and whether an update that leaves
    it out keeps the value. Otherwise the value returns to its default (RFC 7592 2.2). Leaving out a
    member must never weaken the client."""

    name: str
    field: str
    cite: Cite = RFC
    stays: bool = False
    read: Callable[[Any], Any] = lambda value: value
    write: Callable[[Any], Any] = lambda value: value


def _words(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


CONNECT: Final = Cite("OpenID Connect Dynamic Client Registration", "2")
_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Client)}

_CONNECT: Final = (
    "subject_type",
    "sector_identifier_uri",
    "userinfo_signed_response_alg",
    "initiate_login_uri",
    "default_max_age",
    "post_logout_redirect_uris",
    "frontchannel_logout_uri",
    "backchannel_logout_uri",
)
"""Members of OpenID Connect with the same names here."""

_STAY: Final = frozenset(
    {
        "subject_type",
        "sector_identifier_uri",
        "userinfo_signed_response_alg",
        "default_max_age",
    }
)

FIELDS: Final = (
    Field(name="client_name", field="name"),
    Field(name="client_uri", field="uri"),
    *(Field(name=one, field=one) for one in ("logo_uri", "policy_uri", "tos_uri")),
    Field(name="redirect_uris", field="redirect_uris"),
    Field(name="grant_types", field="grant_types"),
    Field(name="scope", field="scope", stays=True, read=_words, write=" ".join),
    Field(name="token_endpoint_auth_method", field="auth_method", stays=True),
    Field(name="token_endpoint_auth_signing_alg", field="auth_algorithm", stays=True),
    Field(name="jwks", field="jwks"),
    Field(name="jwks_uri", field="jwks_uri"),
    Field(name="request_object_signing_alg", field="request_object_algorithm", stays=True),
    Field(name="request_uris", field="request_uris"),
    Field(name="dpop_bound_access_tokens", field="dpop_bound_access_tokens", stays=True),
    *(
        Field(name=name, field=name, cite=Cite("RFC 8705", "2.1.2"), stays=True)
        for name in (
            "tls_client_auth_subject_dn",
            "tls_client_auth_san_dns",
            "tls_client_auth_san_uri",
            "tls_client_auth_san_ip",
            "tls_client_auth_san_email",
            "tls_client_certificate_bound_access_tokens",
        )
    ),
    Field(name="software_id", field="software_id"),
    Field(name="software_version", field="software_version"),
    *(
        Field(name=one, field=one, cite=CONNECT, stays=one in _STAY)
        for one in _CONNECT
        if one in _TYPES
    ),
    Field(name="understands", field="understands"),
    Field(
        name="authorization_details_types",
        field="authorization_details_types",
        cite=Cite("RFC 9396", "10"),
        stays=True,
    ),
    # An update that leaves these out must not weaken the keys.
    Field(
        name="key_shards", field="key_shards", cite=SHARDS, stays=True, write=msgspec.to_builtins
    ),
    Field(name="key_shard_backend", field="key_shard_backend", cite=SHARDS, stays=True),
    # Ours: for libraries that never call the UserInfo endpoint.
    Field(name="claims_in_id_token", field="claims_in_id_token"),
    # Ours: the permissions that the app can't work without, and its reason for each.
    Field(name="required_permissions", field="required"),
    Field(name="permission_reasons", field="reasons"),
)

OWN: Final = frozenset(
    {
        "id",
        "version",
        "secrets",
        "limits",
        "exchange",
        "scim",
        "backchannel_token_delivery_mode",
        "backchannel_client_notification_endpoint",
        "policy",
        "verified",
        "status",
        "suspension",
        "owner",
        "admin",
        "created",
        "origin",
        "registration_token",
        "unused_until",
    }
)
"""Fields that no client sets for itself."""

_DEFAULTS: Final = {
    field.name: field.default
    if field.default is not msgspec.NODEFAULT
    else (field.default_factory() if field.default_factory is not msgspec.NODEFAULT else "")
    for field in msgspec.structs.fields(Client)
}
# RFC 7591 2: the defaults of a client.
_DEFAULTS["auth_method"] = "client_secret_basic"
_DEFAULTS["grant_types"] = (names.AUTHORIZATION_CODE,)


def read(document: Mapping[str, Any], before: Client | None = None) -> dict[str, Any]:
    """Read the fields from a document. Unknown members are ignored (RFC 7591 2). `before` is the
    client that the document replaces. Raises InvalidRedirectUri, InvalidClientMetadata."""
    _check_response_types(document)
    fields: dict[str, Any] = {}
    for one in FIELDS:
        if one.name in document and document[one.name] is not None:
            fields[one.field] = _value(one, document[one.name])
        elif before is None or not one.stays:
            fields[one.field] = _DEFAULTS[one.field]
    return fields


def _value(field: Field, value: Any) -> Any:
    try:
        return msgspec.convert(field.read(value), _TYPES[field.field])
    except msgspec.ValidationError as error:
        raise metadata_error(field.name, "is not what it has to be", detail=str(error)) from error


def _check_response_types(document: Mapping[str, Any]) -> None:
    # It follows from the grant types; OpenID Connect's other values are not offered.
    asked = document.get("response_types")
    if asked is not None and asked not in ([], ["code"]):
        raise metadata_error("response_types", "may hold only code")


def metadata_error(
    name: str, why: str, *, detail: str = ""
) -> InvalidClientMetadata | InvalidRedirectUri:
    """The error for that member (RFC 7591 3.2.2)."""
    kind = InvalidRedirectUri if name == "redirect_uris" else InvalidClientMetadata
    return kind(f"{name} {why}", detail=detail)


def write(client: Client) -> dict[str, Any]:
    """Write all members as a document. An update with that document changes nothing (ATTACKS
    A53)."""
    fields = {one.name: one.write(getattr(client, one.field)) for one in FIELDS}
    codes = names.AUTHORIZATION_CODE in client.grant_types
    document = {"client_id": client.id, **fields, "response_types": ["code"] if codes else []}
    # 0 is a value, though it equals False.
    return {
        name: value
        for name, value in document.items()
        if value is not False and value not in ("", {}, (), None)
    }


def name_of(field: str) -> str:
    """The name of a field on the wire, or the name of the field if it is not on the wire."""
    return next((one.name for one in FIELDS if one.field == field), field)
