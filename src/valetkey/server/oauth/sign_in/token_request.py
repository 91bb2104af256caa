"""The token request to a provider, and the answers of its token and userinfo endpoints."""

from base64 import b64encode
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode

import msgspec

from valetkey.jose import base64url
from valetkey.jose.jwk import Algorithm, PrivateKey
from valetkey.jose.objects import depth, read_object
from valetkey.server.model.query import Unreachable
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.sign_in.attempt import Attempt
from valetkey.server.oauth.sign_in.provider import Provider
from valetkey.server.oauth.sign_in.upstream import (
    ProviderDown,
    SignInFailed,
    Upstream,
    callback_path,
)
from valetkey.spec import names
from valetkey.spec.names import Cite
from valetkey.wire import assertion

A = TypeVar("A")

CITE: Final = Cite("RFC 6749", "4.1.3")
FORM: Final = "application/x-www-form-urlencoded"
_JTI: Final = 16
_DEPTH: Final = 16


class CodeExchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the token endpoint: the form, and the headers."""

    url: str
    body: bytes
    headers: dict[str, str]

    def __repr__(self) -> str:
        return "CodeExchange(…)"


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a provider. They are used once, and never stored."""

    access_token: str
    id_token: str = ""

    def __repr__(self) -> str:
        return "Tokens(…)"


def token_request(
    attempt: Attempt, code: str, upstream: Upstream, *, provider: Provider, context: Context
) -> CodeExchange:
    """The request that redeems the code. Raises SignInFailed if the provider accepts no signature
    that this server makes."""
    form = {
        "grant_type": names.AUTHORIZATION_CODE,
        "code": code,
        "redirect_uri": context.installation.issuer + callback_path(upstream.name),
        "code_verifier": attempt.verifier,
    }
    headers = {"content-type": FORM}
    client, secret = upstream.client_id, upstream.secret.reveal()
    match upstream.client_auth:
        case "client_secret_basic":
            # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        case "client_secret_post":
            form |= {"client_id": client, "client_secret": secret}
        case "private_key_jwt":
            form |= {
                "client_id": client,
                "client_assertion_type": assertion.ASSERTION_TYPE,
                "client_assertion": _assertion(upstream, provider, context),
            }
        case "none":
            form |= {"client_id": client}
    return CodeExchange(url=provider.token_endpoint, body=urlencode(form).encode(), headers=headers)


def _assertion(upstream: Upstream, provider: Provider, context: Context) -> str:
    # draft-ietf-oauth-rfc7523bis 2: the audience is the issuer alone.
    return assertion.write(
        upstream.client_id,
        issuer=upstream.issuer or provider.token_endpoint,
        key=_signing_key(provider, context),
        jti=base64url.encode(context.env.random_bytes(_JTI)),
        now=context.env.now,
    )


def _signing_key(provider: Provider, context: Context) -> PrivateKey:
    signing = context.installation.keyring.signing
    supported = provider.client_algorithms
    ours: tuple[Algorithm, ...] = ("ES256", "RS256")
    for algorithm in ours:
        if algorithm in signing and (not supported or algorithm in supported):
            return signing[algorithm]
    raise SignInFailed("broken", detail=f"none of {supported} signs client assertions here")


def read_tokens(status: int, body: bytes, upstream: Upstream) -> Tokens:
    """The tokens in an answer of the token endpoint. Raises ProviderDown, SignInFailed."""
    document = _document(status, body, "token endpoint")
    access, identity = document.get("access_token"), document.get("id_token", "")
    if not isinstance(access, str) or not access.isascii() or not access:
        # GitHub says 200 and `error`.
        summary = document.get("error", "no access token")
        raise SignInFailed("broken", detail=f"token endpoint: {summary!r:.80}")
    if upstream.is_openid and (not isinstance(identity, str) or not identity):
        raise SignInFailed("broken", detail="token endpoint: no ID Token")
    return Tokens(access_token=access, id_token=identity if upstream.is_openid else "")


def read_userinfo(status: int, body: bytes) -> dict[str, Any]:
    """The claims in an answer of the userinfo endpoint. Raises ProviderDown, SignInFailed."""
    return _document(status, body, "userinfo endpoint")


def _document(status: int, body: bytes, place: str) -> dict[str, Any]:
    try:
        document = read_object(body) if body else {}
    except ValueError as error:
        document = {}
        if status == 200:
            raise SignInFailed("broken", detail=f"{place}: {error}") from error
    if status == 200 and depth(document) <= _DEPTH:
        return document
    # A code of the registry (RFC 6749 5.2), never the description, which may quote what we sent.
    summary = f"{place} answers {status} {document.get('error', '')!r:.80}"
    raise (
        ProviderDown(summary)
        if status >= 500 or status == 429
        else SignInFailed("broken", detail=summary)
    )


def check_reached(answer: A | Unreachable) -> A:
    """The answer. Raises ProviderDown, SignInFailed if there is none."""
    if not isinstance(answer, Unreachable):
        return answer
    if answer.temporary:
        raise ProviderDown(answer.why)
    raise SignInFailed("broken", detail=answer.why)
