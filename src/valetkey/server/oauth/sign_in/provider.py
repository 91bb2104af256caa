"""What a provider publishes: its metadata, and its keys."""

from typing import Final

import msgspec

from valetkey.jose.jwk import Algorithm, PublicKey, parse_set
from valetkey.jose.objects import read_object
from valetkey.server.model.query import DocumentRequest, Rule, Unreachable
from valetkey.server.oauth.sign_in.upstream import ProviderDown, SignInFailed, Upstream
from valetkey.spec.names import Cite
from valetkey.wire import metadata
from valetkey.wire.metadata import ServerMetadata

CITE: Final = Cite("OpenID Connect Discovery", "4")
MAX_KEYS: Final = 64
"""Keys of a provider that are read."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's addresses and algorithms. `iss_expected`: its authorization responses name it
    (RFC 9207). `claims_parameter`: it takes requests for single claims."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    jwks_uri: str = ""
    algorithms: tuple[Algorithm, ...] = ()
    client_algorithms: tuple[str, ...] = ()
    iss_expected: bool = False
    claims_parameter: bool = False


def find_provider(upstream: Upstream) -> Rule[Provider]:
    """The provider, as it describes itself now. Raises ProviderDown, SignInFailed."""
    if not upstream.is_openid:
        yield from ()
        return Provider(
            authorization_endpoint=upstream.authorization_endpoint,
            token_endpoint=upstream.token_endpoint,
            userinfo_endpoint=upstream.userinfo_endpoint,
        )
    published = DocumentRequest(
        url=upstream.discovery_issuer.rstrip("/") + metadata.OPENID,
        kind="provider",
        party="upstream",
    )
    document = (yield (published,)).document(published)
    if isinstance(document, Unreachable):
        raise ProviderDown(f"metadata of {upstream.name}: {document.why}")
    try:
        return _provider(metadata.read_server(document.body, issuer=upstream.issuer), upstream)
    except metadata.BadMetadata as error:
        raise SignInFailed("broken", detail=f"metadata of {upstream.name}: {error}") from error


def _provider(about: ServerMetadata, upstream: Upstream) -> Provider:
    algorithms = metadata.signing_algorithms(about)
    if not all((about.authorization_endpoint, about.token_endpoint, about.jwks_uri)):
        raise metadata.BadMetadata("an endpoint is missing")
    if not algorithms:
        offered = ", ".join(about.id_token_signing_alg_values_supported[:10])
        raise metadata.BadMetadata(f"ID Tokens are signed with none that is supported: {offered}")
    return Provider(
        authorization_endpoint=about.authorization_endpoint,
        token_endpoint=about.token_endpoint,
        userinfo_endpoint=about.userinfo_endpoint,
        end_session_endpoint=about.end_session_endpoint,
        jwks_uri=about.jwks_uri,
        algorithms=algorithms,
        client_algorithms=about.token_endpoint_auth_signing_alg_values_supported,
        iss_expected=about.authorization_response_iss_parameter_supported,
        claims_parameter=about.claims_parameter_supported,
    )


def find_keys(provider: Provider, *, again: bool = False) -> Rule[tuple[PublicKey, ...]]:
    """The provider's keys. With `again`, they are fetched unless that was a moment ago. Raises
    ProviderDown, SignInFailed."""
    published = DocumentRequest(url=provider.jwks_uri, kind="keys", party="upstream", again=again)
    document = (yield (published,)).document(published)
    if isinstance(document, Unreachable):
        raise ProviderDown(f"keys: {document.why}")
    try:
        keys = read_object(document.body).get("keys")
    except ValueError as error:
        raise SignInFailed("broken", detail=f"keys: {error}") from error
    first = keys[:MAX_KEYS] if isinstance(keys, list) else []
    return parse_set({"keys": first}, algorithms=provider.algorithms)
