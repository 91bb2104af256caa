"""One sign-in: the authorization code flow with PKCE, on the side of the app.

`begin` and `finish` do no I/O. The user answers between them.
"""

import secrets
from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.client.errors import Aborted, Denied
from valetkey.client.proof_key import Prover
from valetkey.client.tokens import App
from valetkey.jose.seal import same
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import key_shards, pkce, redirect
from valetkey.wire.authorization_details import PARAMETER, Detail, write
from valetkey.wire.form import Form, parse_form
from valetkey.wire.metadata import ServerMetadata

_BYTES: Final = 32
ALGORITHM: Final = "ES256"
"""The algorithm of the app's proofs."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A pending sign-in. Send the user's browser to `address`. The other fields are secrets of the
    app: an app of several processes may store them (with `msgspec.json`) in the session of that
    browser."""

    issuer: str
    redirect_uri: str
    scope: tuple[str, ...]
    resource: str
    state: str
    nonce: str
    verifier: str
    iss_expected: bool
    key: str = ""
    address: str = ""

    @property
    def prover(self) -> Prover | None:
        """The prover of the key that the tokens will be bound to; None for bearer tokens."""
        return Prover.of(self.key) if self.key else None

    def __repr__(self) -> str:
        return f"Attempt(at {self.issuer!r}, …)"


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the app requests. `acr_values` and `max_age` (in seconds) say how the user should sign
    in (OpenID Connect Core 3.1.2.1). `details` request permissions within limits (RFC 9396)."""

    scope: tuple[str, ...]
    prompt: str = ""
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    details: tuple[Detail, ...] = ()


def authorization_request(
    app: App,
    *,
    scope: Iterable[str] = (),
    prompt: str = "",
    acr_values: Iterable[str] = (),
    max_age: int | None = None,
    details: Iterable[Detail] = (),
) -> AuthorizationRequest:
    """The request of the app. An empty `scope` stands for the scope of the App."""
    return AuthorizationRequest(
        scope=tuple(scope) or app.scope,
        prompt=prompt,
        acr_values=tuple(acr_values),
        max_age=max_age,
        details=tuple(details),
    )


def begin(
    app: App, about: ServerMetadata, request: AuthorizationRequest, *, redirect_uri: str
) -> tuple[Attempt, dict[str, str]]:
    """A new sign-in, and the parameters of its authorization request (RFC 6749 4.1.1). Raises
    Aborted if the server has no PKCE or no DPoP, and the app needs it."""
    _check_pkce(app, about, request)
    prover = new_prover(app, about)
    attempt = Attempt(
        issuer=app.issuer,
        redirect_uri=redirect_uri,
        scope=request.scope,
        resource=app.resource,
        state=secrets.token_urlsafe(_BYTES),
        nonce=secrets.token_urlsafe(_BYTES) if "openid" in request.scope else "",
        verifier=pkce.verifier(secrets.token_bytes(_BYTES)),
        iss_expected=about.authorization_response_iss_parameter_supported,
        key="" if prover is None else prover.text,
    )
    parameters = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(request.scope),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": pkce.challenge(attempt.verifier),
        "code_challenge_method": pkce.METHOD,
        "resource": app.resource,
        "prompt": request.prompt,
        "acr_values": " ".join(request.acr_values),
        "max_age": "" if request.max_age is None else str(request.max_age),
        key_shards.PARAMETER: key_shards.write_tier(app.key_shards) if app.key_shards else "",
        PARAMETER: write(request.details) if request.details else "",
        "dpop_jkt": "" if prover is None else prover.thumbprint,
    }
    return attempt, {name: value for name, value in parameters.items() if value}


def _check_pkce(app: App, about: ServerMetadata, request: AuthorizationRequest) -> None:
    # RFC 9700 2.1.1: the app makes sure that the server checks PKCE.
    if pkce.METHOD in about.code_challenge_methods_supported:
        return
    if app.pkce != "optional":
        raise Aborted(f"{app.issuer} offers no PKCE with {pkce.METHOD}")
    if "openid" not in request.scope:
        raise Aborted(f"{app.issuer} offers no PKCE, and without openid no nonce stands in for it")


def new_prover(app: App, about: ServerMetadata) -> Prover | None:
    """A new key for this sign-in, if the app uses DPoP. Raises Aborted if the server does not
    support it: the app never falls back to bearer tokens."""
    if not app.dpop:
        return None
    if ALGORITHM not in about.dpop_signing_alg_values_supported:
        raise Aborted(f"{app.issuer} offers no DPoP with {ALGORITHM}")
    return Prover.new()


def with_address(attempt: Attempt, about: ServerMetadata, parameters: dict[str, str]) -> Attempt:
    """The sign-in with the address for the user's browser."""
    there = redirect.with_parameters(about.authorization_endpoint, parameters)
    return msgspec.structs.replace(attempt, address=there)


def answers(attempt: Attempt, query: str) -> bool:
    """Whether the query answers this sign-in: it has its `state` (RFC 9700 2.1)."""
    try:
        state = _parameters(query).get("state", "")
    except Aborted:
        return False
    return same(state.encode(), attempt.state.encode())


def finish(attempt: Attempt, query: str) -> dict[str, str]:
    """The form that redeems the code in the callback, which is a query or a whole address.

    Raises Aborted if the answer is for another attempt (`state`, RFC 9700 2.1) or from another
    server (`iss`, RFC 9207 2.4), and Denied if the server or the user refused.
    """
    answer = _parameters(_query(query))
    if not same(answer.get("state", "").encode(), attempt.state.encode()):
        raise Aborted("an answer to another sign-in: the state differs")
    issuer = answer.get("iss")
    if (issuer is None and attempt.iss_expected) or issuer not in (None, attempt.issuer):
        raise Aborted("an answer from another server: iss differs")
    if "error" in answer:
        raise Denied(answer["error"], answer.get("error_description", ""))
    if "code" not in answer:
        raise Aborted("an answer without a code")
    return {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": attempt.redirect_uri,
        "code_verifier": attempt.verifier,
        "resource": attempt.resource,
    }


def _query(text: str) -> str:
    """The query of a whole address; a query alone as it is."""
    address, mark, query = text.partition("#")[0].partition("?")
    return query if mark and "=" not in address else text


def _parameters(query: str) -> Form:
    try:
        return parse_form(query.encode(), repeatable=frozenset())
    except InvalidRequest as error:
        raise Aborted(f"an answer that cannot be read: {error.description}") from error
