"""Metadata documents: an authorization server's (RFC 8414) and a resource server's (RFC 9728)."""

import ipaddress
from typing import Final

import msgspec

from valetkey.jose.jwk import ALGORITHMS, SERVER_ALGORITHMS, Algorithm
from valetkey.jose.objects import read_object
from valetkey.wire import address
from valetkey.wire.key_shards import Tier

AUTHORIZATION_SERVER: Final = "/.well-known/oauth-authorization-server"
OPENID: Final = "/.well-known/openid-configuration"
PROTECTED_RESOURCE: Final = "/.well-known/oauth-protected-resource"


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an authorization server says of itself (RFC 8414 2; OpenID Connect Discovery 3).

    The defaults are the standards' own for what is left out.
    """

    issuer: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    introspection_endpoint: str = ""
    revocation_endpoint: str = ""
    permission_usage_endpoint: str = ""
    pushed_authorization_request_endpoint: str = ""
    change_log_endpoint: str = ""
    status_list_aggregation_endpoint: str = ""
    access_token_half_endpoint: str = ""
    registration_endpoint: str = ""
    device_authorization_endpoint: str = ""
    backchannel_authentication_endpoint: str = ""
    key_shard_claim_endpoint: str = ""
    key_shard_delivery_endpoint: str = ""
    key_shard_reissue_endpoint: str = ""
    key_shards_supported: tuple[Tier, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    response_types_supported: tuple[str, ...] = ()
    response_modes_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = ()
    subject_types_supported: tuple[str, ...] = ()
    claims_supported: tuple[str, ...] = ()
    prompt_values_supported: tuple[str, ...] = ()
    authorization_signing_alg_values_supported: tuple[str, ...] = ()
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    userinfo_signing_alg_values_supported: tuple[str, ...] = ()
    acr_values_supported: tuple[str, ...] = ()
    claim_types_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    introspection_endpoint_auth_methods_supported: tuple[str, ...] = ()
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    introspection_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    client_attestation_signing_alg_values_supported: tuple[str, ...] = ()
    client_attestation_pop_signing_alg_values_supported: tuple[str, ...] = ()
    challenge_endpoint: str = ""
    code_challenge_methods_supported: tuple[str, ...] = ()
    dpop_signing_alg_values_supported: tuple[str, ...] = ()
    authorization_grant_profiles_supported: tuple[str, ...] = ()
    identity_chaining_requested_token_types_supported: tuple[str, ...] = ()
    refresh_token_expiration_types_supported: tuple[str, ...] = ()
    backchannel_authentication_request_signing_alg_values_supported: tuple[str, ...] = ()
    backchannel_token_delivery_modes_supported: tuple[str, ...] = ()
    introspection_signing_alg_values_supported: tuple[str, ...] = ()
    tls_client_certificate_bound_access_tokens: bool = False
    mtls_endpoint_aliases: dict[str, str] = {}
    authorization_details_types_supported: tuple[str, ...] = ()
    authorization_details_types_metadata_endpoint: str = ""
    grant_endpoint: str = ""
    grant_management_endpoint: str = ""
    grant_management_actions_supported: tuple[str, ...] = ()
    grant_management_action_required: bool = False
    protected_resources: tuple[str, ...] = ()
    end_session_endpoint: str = ""
    check_session_iframe: str = ""
    frontchannel_logout_supported: bool = False
    frontchannel_logout_session_supported: bool = False
    backchannel_logout_supported: bool = False
    backchannel_logout_session_supported: bool = False
    authorization_response_iss_parameter_supported: bool = False
    require_pushed_authorization_requests: bool = False
    backchannel_user_code_parameter_supported: bool = False
    client_id_metadata_document_supported: bool = False
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    request_object_signing_alg_values_supported: tuple[str, ...] = ()
    require_request_uri_registration: bool = False
    # OpenID Connect Discovery 3: true where it is left out, so a refusal has to be said.
    request_uri_parameter_supported: bool = True
    ui_locales_supported: tuple[str, ...] = ()


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a resource server says of itself (RFC 9728 2). Two are ours: `permission_catalog` is
    where the catalog of its permissions is, and `split_access_tokens_required` says that it takes
    none but split ones (see `wire.split_token`). `authorization_details_types_metadata_endpoint` is
    that of draft-ietf-oauth-rar-metadata-remediation, whose expression over types is not used: RFC
    9728 has a list in that place, and clients refuse what is none."""

    resource: str
    authorization_servers: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    bearer_methods_supported: tuple[str, ...] = ()
    resource_name: str = ""
    resource_documentation: str = ""
    tls_client_certificate_bound_access_tokens: bool = False
    dpop_signing_alg_values_supported: tuple[str, ...] = ()
    permission_catalog: str = ""
    split_access_tokens_required: bool = False
    authorization_details_types_supported: tuple[str, ...] = ()
    authorization_details_types_metadata_endpoint: str = ""


def well_known(identifier: str, suffix: str) -> str:
    """Where the document for this identifier lies: the suffix goes between the host and what
    follows it (RFC 8414 3.1, RFC 9728 3.1); "" for what is no address of the web."""
    parts = address.read(identifier)
    if parts is None or not parts.is_web:
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.authority}{suffix}{parts.path.rstrip('/')}{query}"


class BadMetadata(ValueError):
    """The document is not the metadata of the server that was asked. Says why."""


def read_server(raw: bytes, *, issuer: str) -> ServerMetadata:
    """The metadata of this very issuer, whose name is compared as a plain string (RFC 8414 3.3).

    Raises BadMetadata, also for an address that others could listen to.
    """
    try:
        metadata = msgspec.convert(read_object(raw), ServerMetadata)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadMetadata(f"not a metadata document: {error}") from error
    if metadata.issuer != issuer:
        raise BadMetadata(f"speaks of {metadata.issuer!r}, not of {issuer!r}")
    for name, value in msgspec.structs.asdict(metadata).items():
        if name.endswith(("_endpoint", "_uri")) and value and not is_protected(value):
            raise BadMetadata(f"{name} is not https")
    return metadata


def signing_algorithms(metadata: ServerMetadata) -> tuple[Algorithm, ...]:
    """What a server says that it signs ID Tokens in, of what is understood here; what this server
    itself signs in, where it does not say."""
    supported = metadata.id_token_signing_alg_values_supported
    return tuple(one for one in SERVER_ALGORITHMS if one in supported) if supported else ALGORITHMS


def is_protected(url: str) -> bool:
    """Whether nobody on the way can listen: https, or http to this machine or to a name kept for
    tests (RFC 9700 2.6; RFC 6761 6.2, 6.3)."""
    parts = address.read(url)
    if parts is None or not parts.is_web:
        return False
    return parts.scheme == "https" or is_local(parts.host)


def is_local(host: str) -> bool:
    """Whether a host is this machine, or a name kept for tests (RFC 6761 6.2, 6.3)."""
    if host == "localhost" or host.endswith(".test"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
