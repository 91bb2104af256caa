"""One attempt to sign in at a provider: from our page to the provider's, and back.

What has to be remembered meanwhile travels in `state`, sealed: an attempt stores nothing, so no
stranger can fill the database. The state is bound to the browser, works once, and is good for one
provider only (ATTACKS A102, A104).
"""

from typing import Final

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.model.change import Change, Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import Event
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.request import read
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.single_use import is_used
from valetkey.server.oauth.sign_in.provider import Provider
from valetkey.server.oauth.sign_in.ticket import read_sealed, write_sealed
from valetkey.server.oauth.sign_in.upstream import SignInFailed, Upstream, callback_path
from valetkey.spec.errors import InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire import pkce, redirect
from valetkey.wire.form import Form

CITE: Final = Cite("OpenID Connect Core", "3.1.2")
PURPOSE: Final = b"upstream state"
USED: Final = "upstream state"
"""The purpose of single-use values for states that came back."""

_RANDOM: Final = 32
_MAX_STATE: Final = 8 * 1024


class SignInRequirements(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in has to fulfill. `prompt` is as in OpenID Connect Core 3.1.2.1, `levels` are
    `acr` values of this server. `max_age` is in seconds, None for any. `fresh`: only a new sign-in
    counts."""

    prompt: str = ""
    max_age: int | None = None
    levels: tuple[str, ...] = ()
    fresh: bool = False


def requirements_of(pending: Pending) -> SignInRequirements:
    """The requirements of a waiting request, whose parameters were checked. `login_hint` is not
    among them: the app wrote it, and the provider would show it to the user as its own."""
    parameters = pending.parameters
    prompts = parameters.get("prompt", "").split()
    max_age = parameters.get("max_age")
    fresh = "login" in prompts or max_age == "0"
    if "none" in prompts:
        prompt = "none"
    elif fresh:
        prompt = "login"
    elif pending.chosen == ANOTHER or "select_account" in prompts:
        prompt = "select_account"
    else:
        prompt = ""
    return SignInRequirements(
        prompt=prompt,
        max_age=None if max_age is None else int(max_age),
        levels=_levels(parameters.get("acr_values", ""), parameters.get("claims", "")),
        fresh=fresh,
    )


def _levels(acr_values: str, claims: str) -> tuple[str, ...]:
    try:
        requested = read(claims).acr
    except InvalidRequest:
        requested = ()
    return tuple(dict.fromkeys((*requested, *acr_values.split())))


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What `state` holds. `pending` is the id of the waiting authorization request; without one,
    the user continues at the page `target`. `link` is the session of a user who links the identity
    to their account, "" for a sign-in. `random` derives the nonce and the PKCE verifier."""

    way: str
    browser: str
    random: bytes
    began: int
    pending: str = ""
    target: str = ""
    link: str = ""
    fresh: bool = False
    silent: bool = False

    def __repr__(self) -> str:
        return f"Attempt(at {self.way!r}, …)"

    @property
    def nonce(self) -> str:
        """The nonce of the ID Token."""
        return base64url.encode(seal.mac(self.random, b"nonce"))

    @property
    def verifier(self) -> str:
        """The PKCE verifier."""
        return pkce.verifier(seal.mac(self.random, b"verifier"))


def new_attempt(
    upstream: Upstream,
    browser: Browser,
    requirements: SignInRequirements,
    *,
    pending: str = "",
    target: str = "",
    link: str = "",
    context: Context,
) -> Attempt:
    """An attempt of this browser that begins now."""
    return Attempt(
        way=upstream.name,
        browser=browser.id,
        random=context.env.random_bytes(_RANDOM),
        began=context.env.now,
        pending=pending,
        target=target,
        link=link,
        fresh=requirements.fresh,
        silent=requirements.prompt == "none",
    )


def authorization_url(
    attempt: Attempt,
    requirements: SignInRequirements,
    upstream: Upstream,
    *,
    provider: Provider,
    context: Context,
) -> str:
    """The address at the provider to which the browser goes. A `login_hint` is not passed on."""
    parameters = {
        "response_type": "code",
        "client_id": upstream.client_id,
        "redirect_uri": context.installation.issuer + callback_path(upstream.name),
        "scope": " ".join(upstream.scope),
        "state": write_sealed(attempt, PURPOSE, context),
        "code_challenge": pkce.challenge(attempt.verifier),
        "code_challenge_method": pkce.METHOD,
        "prompt": requirements.prompt or upstream.prompt,
    }
    if upstream.is_openid:
        acr_values = [
            theirs for theirs, ours in upstream.levels.items() if ours in requirements.levels
        ]
        max_age = _ANY_AGE if requirements.max_age is None else requirements.max_age
        parameters |= {
            "nonce": attempt.nonce,
            # OpenID Connect Core 2: with it, the ID Token tells when the user signed in.
            "max_age": "0" if requirements.fresh else str(max_age),
            "acr_values": " ".join(acr_values),
            "claims": _AUTH_TIME if provider.claims_parameter else "",
        }
    given = {name: value for name, value in parameters.items() if value}
    return redirect.with_parameters(provider.authorization_endpoint, given)


_ANY_AGE: Final = 10 * 365 * 86400
_AUTH_TIME: Final = '{"id_token":{"auth_time":{"essential":true}}}'


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the provider in the browser that began. `code` is "" if the provider has an
    `error`. `repeated`: the same answer was used before, so it counts for nothing."""

    attempt: Attempt
    code: str = ""
    error: str = ""
    repeated: bool = False
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def receive(
    form: Form, upstream: Upstream, browser: Browser, *, provider: Provider, context: Context
) -> Rule[Returned]:
    """Checks the answer, and uses its state up. Raises SignInFailed."""
    attempt = open_state(form, upstream, browser, context=context)
    code, error = form.get("code", ""), form.get("error", "")
    issuer = form.get("iss")
    if upstream.is_openid and not (
        upstream.is_issuer(issuer) if issuer is not None else not provider.iss_expected
    ):
        # RFC 9207 2.4.
        raise SignInFailed("broken", detail=f"an answer by {issuer!r:.200}")
    if bool(code) == bool(error):
        raise SignInFailed("broken", detail="neither a code nor an error, or both")
    marker = SingleUse(
        purpose=USED,
        value=attempt.random.hex(),
        expires=attempt.began + context.installation.lifetimes.interaction,
    )
    if (yield from is_used(marker)):
        return Returned(attempt=attempt, repeated=True)
    return Returned(attempt=attempt, code=code, error=error, changes=(Create(marker),))


def open_state(form: Form, upstream: Upstream, browser: Browser, *, context: Context) -> Attempt:
    """The attempt that the answer belongs to. Raises SignInFailed: for a state that is not of this
    server, too old, of another provider, or of another browser."""
    attempt = read_sealed(form.get("state", ""), Attempt, PURPOSE, most=_MAX_STATE, context=context)
    if attempt is None or attempt.way != upstream.name:
        raise SignInFailed("expired", detail="the state is not ours, or another provider's")
    if context.env.now >= attempt.began + context.installation.lifetimes.interaction:
        raise SignInFailed("expired", detail="the state is too old")
    if attempt.browser != browser.id:
        raise SignInFailed("other_browser")
    return attempt


REFUSALS: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
"""Errors of a provider that may show no page (OpenID Connect Core 3.1.2.6)."""


def why_refused(error: str) -> SignInFailed:
    """The failure that an error of the provider stands for (RFC 6749 4.1.2.1)."""
    detail = f"the provider answers {error!r:.80}"
    if error in {"access_denied", *REFUSALS}:
        return SignInFailed("cancelled", detail=detail)
    if error in {"server_error", "temporarily_unavailable"}:
        return SignInFailed("down", detail=detail)
    return SignInFailed("broken", detail=detail)
