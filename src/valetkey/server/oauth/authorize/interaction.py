"""What has to happen next before the answer is yes? Asked again from the facts at every step."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import same
from valetkey.server.model.grant import Grant
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.clients.documents import consent_digest
from valetkey.server.oauth.core.consent_limits import is_used_up
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.subjects import is_met, subject
from valetkey.spec.errors import (
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)

Why: TypeAlias = Literal[
    "permissions", "asked", "confirm", "paused", "restored", "ended", "changed"
]


class NeedLogin(msgspec.Struct, frozen=True):
    """The user must prove who they are. `person` is whoever is signed in already, or None.
    `create`: the app wants a new account."""

    person: Person | None
    create: bool = False


class NeedChoice(msgspec.Struct, frozen=True):
    """The user must say as whom they go on."""

    person: Person


class Unable(msgspec.Struct, frozen=True, eq=False):
    """No page can help: what the app wants cannot be."""

    person: Person
    error: OAuthError


class NeedConsent(msgspec.Struct, frozen=True):
    """The user must be asked. `new` is what is to be decided, `why` for what reason. `dropped` is
    what the grant had, and loses by this request."""

    person: Person
    grant: Grant | None
    why: Why
    new: tuple[str, ...]
    dropped: tuple[str, ...] = ()


class Ready(msgspec.Struct, frozen=True):
    """Nothing is left to ask: the grant stands, without what is `dropped` of it."""

    person: Person
    grant: Grant
    dropped: tuple[str, ...] = ()


Step: TypeAlias = NeedLogin | NeedChoice | NeedConsent | Ready | Unable

ANOTHER: Final = "another"
"""Chosen instead of a session: somebody else."""


def next_step(
    request: AuthorizationRequest,
    *,
    reply_to: ReplyTo,
    person: Person | None,
    fresh: bool,
    chosen: str = "",
    grant: Grant | None,
    context: Context,
) -> Step:
    """The one thing that is still missing. `fresh`: the user signed in for this very request.
    `chosen`: the session with which they want to go on, or ANOTHER."""
    who = _who(request, person, fresh=fresh, chosen=chosen, context=context)
    if not isinstance(who, Person):
        return who
    return _consented(request, who, grant, reply_to=reply_to, context=context)


def _who(
    request: AuthorizationRequest,
    person: Person | None,
    *,
    fresh: bool,
    chosen: str,
    context: Context,
) -> Person | NeedLogin | NeedChoice | Unable:
    """The user whom the answer is about, or what is missing until it is known."""
    if person is None or (chosen == ANOTHER and not fresh):
        return NeedLogin(None, "create" in request.prompts)
    if not _is_expected_user(request, person, context):
        # The app speaks of somebody else, who did not come when asked.
        return Unable(person, LoginRequired()) if fresh else NeedLogin(None)
    if fresh:
        return _proved(request, person)
    if "select_account" in request.prompts and chosen != person.session.id:
        return NeedChoice(person)
    if "create" in request.prompts:
        return NeedLogin(None, create=True)
    return (
        _proved(request, person) if _recent(request, person, context.env.now) else NeedLogin(person)
    )


def _is_expected_user(request: AuthorizationRequest, person: Person, context: Context) -> bool:
    called = subject(person.user.id, request.client, context.installation.keyring)
    return not request.hinted or same(request.hinted.encode(), called.encode())


def _proved(request: AuthorizationRequest, person: Person) -> Person | Unable:
    """OpenID Connect Core 5.5.1.1: an essential `acr` that is not met is no sign-in."""
    individual = request.requested_claims
    if not individual.essential or not individual.acr or is_met(person.session.amr, individual.acr):
        return person
    return Unable(person, UnmetAuthenticationRequirements())


def _consented(
    request: AuthorizationRequest,
    person: Person,
    grant: Grant | None,
    *,
    reply_to: ReplyTo,
    context: Context,
) -> NeedConsent | Ready:
    """What is left to ask of a known user."""
    if grant is None:
        return NeedConsent(person, None, "permissions", request.permissions)
    if grant.epoch != context.installation.epoch:
        return NeedConsent(person, grant, "restored", request.permissions)
    if is_used_up(grant, context.env.now):
        return NeedConsent(person, grant, "ended", request.permissions)
    new = undecided(request, grant, context.installation.offer)
    questions: tuple[tuple[bool, Why], ...] = (
        (bool(new), "permissions"),
        (grant.status == "paused", "paused"),
        (bool(grant.face) and grant.face != consent_digest(request.client), "changed"),
        ("consent" in request.prompts, "asked"),
        (impersonable(request, reply_to), "confirm"),
    )
    why = next((why for open_, why in questions if open_), None)
    return Ready(person, grant) if why is None else NeedConsent(person, grant, why, new)


def refusal(step: NeedLogin | NeedChoice | NeedConsent) -> OAuthError:
    """What `prompt=none` is told (OpenID Connect Core 3.1.2.6)."""
    match step:
        case NeedLogin():
            return LoginRequired()
        case NeedConsent(why="confirm") | NeedChoice():
            return InteractionRequired()
        case NeedConsent():
            return ConsentRequired()


def undecided(request: AuthorizationRequest, grant: Grant, offer: Offer) -> tuple[str, ...]:
    """What the user has not decided yet. What was refused before is asked again only where the app
    cannot do without it, insists by `prompt=consent`, or could do nothing at all of what it asks
    for: a key that opens nothing is none. What an undecided one implies is asked with it."""
    insists = "consent" in request.prompts or not grant.allows(request.permissions)
    new = (
        one
        for one in request.permissions
        if one not in grant.permissions
        and (one not in grant.refused or insists or one in required(request))
    )
    return offer.ordered(offer.with_implied(new) - frozenset(grant.permissions))


def required(request: AuthorizationRequest) -> frozenset[str]:
    """What the user cannot leave out: what the app needs to work at all, and `openid`, without
    which a sign-in is none."""
    return frozenset(
        one for one in request.permissions if one in request.client.required or one == "openid"
    )


def impersonable(request: AuthorizationRequest, reply_to: ReplyTo) -> bool:
    """Whether any program on the user's device, or anybody with a code, could pose as this app (RFC
    8252 8.6; RFC 8628 5.4): then the user is asked each time."""
    if reply_to.is_decoupled:
        return True
    return request.client.is_public and not reply_to.uri.startswith("https:")


def _recent(request: AuthorizationRequest, person: Person, now: int) -> bool:
    if "login" in request.prompts or request.max_age == 0:
        # OpenID Connect Core 3.1.2.1: to ask for no age at all is to ask for a sign-in.
        return False
    return request.max_age is None or now - person.session.auth_time <= request.max_age
