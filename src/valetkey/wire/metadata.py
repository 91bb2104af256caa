"""Metadata documents: an authorization server's (RFC 8414) and a resource server's (RFC 9728)."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

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
    pushed_authorization_request_endpoint: str = ""
    scopes_supported: tuple[str, ...] = ()
    response_types_supported: tuple[str, ...] = ()
    response_modes_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = ()
    subject_types_supported: tuple[str, ...] = ()
    claims_supported: tuple[str, ...] = ()
    prompt_values_supported: tuple[str, ...] = ()
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    introspection_endpoint_auth_methods_supported: tuple[str, ...] = ()
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ()
    protected_resources: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False
    require_pushed_authorization_requests: bool = False
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    # OpenID Connect Discovery 3: true where it is left out, so a refusal has to be said.
    request_uri_parameter_supported: bool = True
    ui_locales_supported: tuple[str, ...] = ()


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a resource server says of itself (RFC 9728 2). `permission_catalog` is ours: where
    the catalog of its permissions is."""

    resource: str
    authorization_servers: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    bearer_methods_supported: tuple[str, ...] = ()
    resource_name: str = ""
    resource_documentation: str = ""
    permission_catalog: str = ""


def well_known(identifier: str, suffix: str) -> str:
    """Where the document for this identifier lies: the suffix goes between the host and what
    follows it (RFC 8414 3.1, RFC 9728 3.1)."""
    parts = urlsplit(identifier)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{suffix}{parts.path.rstrip('/')}{query}"
