"""Discovery (RFC 8414; OpenID Connect Discovery 4) and the published keys, from all features."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS, CLIENT_ALGORITHMS
from valetkey.server.model.assurance import LEVELS
from valetkey.server.model.client import BY_KEY, BY_SHARED
from valetkey.server.oauth.authorize.reply_address import response_modes
from valetkey.server.oauth.authorize.request import AUTHORIZE, PROMPTS
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Endpoint, Feature, document
from valetkey.spec import names
from valetkey.spec.names import Cite
from valetkey.wire import metadata
from valetkey.wire.metadata import ServerMetadata

METADATA_SECONDS: Final = 300


def server_metadata(context: Context) -> ServerMetadata:
    """The metadata of this server, with the enabled features."""
    members: dict[str, Any] = {"issuer": context.installation.issuer}
    for feature in context.installation.features:
        for endpoint in feature.endpoints:
            if endpoint.metadata:
                members[endpoint.metadata] = context.installation.issuer + endpoint.path
            if endpoint.metadata in _AUTHENTICATED:
                members |= _authentication(endpoint.metadata, context)
        for name, value in feature.metadata(context).items():
            both = isinstance(value, tuple) and name in members
            members[name] = (*members[name], *value) if both else value
    return msgspec.convert(members, ServerMetadata)


def _authentication(endpoint: str, context: Context) -> dict[str, Any]:
    """The client authentication methods and signature algorithms of an endpoint."""
    ways = [way.name for feature in context.installation.features for way in feature.client_auth]
    # RFC 7662 2.1: introspection needs client authentication.
    methods = tuple(one for one in ways if endpoint != "introspection_endpoint" or one != "none")
    document: dict[str, Any] = {f"{endpoint}_auth_methods_supported": methods}
    signing: tuple[str, ...] = CLIENT_ALGORITHMS if BY_KEY & {*ways} else ()
    if BY_SHARED & {*ways}:
        signing = (*signing, jws.SHARED)
    if signing:
        document[f"{endpoint}_auth_signing_alg_values_supported"] = signing
    return document


# RFC 8414 2 has such a member for these three.
_AUTHENTICATED: Final = frozenset(
    {"token_endpoint", "introspection_endpoint", "revocation_endpoint"}
)


def _document(context: Context) -> Mapping[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(server_metadata(context))
    return document


def _jwks(context: Context) -> Mapping[str, Any]:
    return {"keys": [key.jwk() for key in context.installation.keyring.published]}


def _protocol(context: Context) -> Mapping[str, Any]:
    document: dict[str, Any] = {
        "authorization_endpoint": context.installation.issuer + AUTHORIZE,
        "response_types_supported": ("code",),
        "response_modes_supported": response_modes(context),
        "scopes_supported": context.installation.offer.scopes,
        "subject_types_supported": ("public", "pairwise"),
        "acr_values_supported": tuple(
            dict.fromkeys((*context.installation.sign_in.levels, *LEVELS))
        ),
        "id_token_signing_alg_values_supported": tuple(reversed(ALGORITHMS)),
        "prompt_values_supported": PROMPTS,
        "authorization_response_iss_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "protected_resources": context.installation.offer.resources[1:],
    }
    offered = [one.name for feature in context.installation.features for one in feature.grant_types]
    if names.AUTHORIZATION_CODE in offered:
        return document
    return {name: value for name, value in document.items() if name not in _OF_CODES}


_OF_CODES: Final = frozenset(
    {
        "authorization_endpoint",
        "response_types_supported",
        "response_modes_supported",
        "prompt_values_supported",
        "authorization_response_iss_parameter_supported",
        "request_uri_parameter_supported",
    }
)
"""What speaks of the authorization endpoint, which is there for codes alone."""


DISCOVERY: Final = Feature(
    name="discovery",
    core=True,
    cites=(Cite("RFC 8414", "3"), Cite("OpenID Connect Discovery", "4"), Cite("RFC 9207", "3")),
    endpoints=(
        Endpoint(
            path=metadata.AUTHORIZATION_SERVER,
            metadata="",
            cite=Cite("RFC 8414", "3"),
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=document(_document),
            max_age=lambda _: METADATA_SECONDS,
        ),
        Endpoint(
            path=metadata.OPENID,
            metadata="",
            cite=Cite("OpenID Connect Discovery", "4"),
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=document(_document),
            max_age=lambda _: METADATA_SECONDS,
        ),
        Endpoint(
            path="/jwks",
            metadata="jwks_uri",
            cite=Cite("RFC 7517", "5"),
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=document(_jwks),
            max_age=lambda context: context.installation.lifetimes.jwks_cache,
        ),
    ),
    metadata=_protocol,
)
