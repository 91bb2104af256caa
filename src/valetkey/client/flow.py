"""One sign-in: the authorization code flow with PKCE, seen from the app.

`begin` and `finish` do no I/O; what lies between them is the user's.
"""

import secrets
from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.client.app import App
from valetkey.client.errors import Aborted, Denied
from valetkey.client.holder import Holder
from valetkey.jose.seal import same
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import pkce, redirect
from valetkey.wire.authorization_details import PARAMETER, Detail, write
from valetkey.wire.form import Form, parse_form
from valetkey.wire.metadata import ServerMetadata

_BYTES: Final = 32
ALGORITHM: Final = "ES256"
"""In which the app's proofs are signed."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way. It is kept in memory by whoever began it, and by nobody else."""

    issuer: str
    redirect_uri: str
    scope: tuple[str, ...]
    resource: str
    state: str
    nonce: str
    verifier: str
    iss_expected: bool
    holder: Holder | None = None

    def __repr__(self) -> str:
        return f"Attempt(at {self.issuer!r}, …)"


def begin(
    app: App,
    about: ServerMetadata,
    *,
    redirect_uri: str,
    scope: tuple[str, ...],
    prompt: str = "",
    acr_values: Iterable[str] = (),
    max_age: int | None = None,
    details: tuple[Detail, ...] = (),
) -> tuple[Attempt, dict[str, str]]:
    """A new sign-in, and the parameters of its authorization request (RFC 6749 4.1.1). Raises
    Aborted where the server cannot bind the key as the app wants."""
    attempt = Attempt(
        issuer=app.issuer,
        redirect_uri=redirect_uri,
        scope=scope,
        resource=app.resource,
        state=secrets.token_urlsafe(_BYTES),
        nonce=secrets.token_urlsafe(_BYTES) if "openid" in scope else "",
        verifier=pkce.verifier(secrets.token_bytes(_BYTES)),
        iss_expected=about.authorization_response_iss_parameter_supported,
        holder=_holder(app, about),
    )
    parameters = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scope),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": pkce.challenge(attempt.verifier),
        "code_challenge_method": pkce.METHOD,
        "resource": app.resource,
        "prompt": prompt,
        "acr_values": " ".join(acr_values),
        "max_age": "" if max_age is None else str(max_age),
        PARAMETER: write(details) if details else "",
        "dpop_jkt": "" if attempt.holder is None else attempt.holder.thumbprint,
    }
    return attempt, {name: value for name, value in parameters.items() if value}


def _holder(app: App, about: ServerMetadata) -> Holder | None:
    """The key for this sign-in. Raises Aborted where the server knows no proofs: a key that the app
    wants bound is never taken unbound."""
    if not app.dpop:
        return None
    if ALGORITHM not in about.dpop_signing_alg_values_supported:
        raise Aborted(f"{app.issuer} offers no DPoP with {ALGORITHM}")
    return Holder.new()


def address(about: ServerMetadata, parameters: dict[str, str]) -> str:
    """Where the user's browser begins."""
    return redirect.with_parameters(about.authorization_endpoint, parameters)


def finish(attempt: Attempt, query: str) -> dict[str, str]:
    """The form that redeems the code in the callback's query.

    Raises Aborted where the answer is not to this attempt (`state`, RFC 9700 2.1) or not from this
    server (`iss`, RFC 9207 2.4), Denied where the server or the user refused.
    """
    answer = _parameters(query)
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


def _parameters(query: str) -> Form:
    try:
        return parse_form(query.encode(), repeatable=frozenset())
    except InvalidRequest as error:
        raise Aborted(f"an answer that cannot be read: {error.description}") from error
