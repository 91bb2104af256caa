"""What has to happen next before the answer is yes? Asked again from the facts at every step."""

from typing import Literal, TypeAlias

import msgspec

from valetkey.model.grant import Grant
from valetkey.oauth.authorize.address import ReplyTo
from valetkey.oauth.authorize.request import AuthorizationRequest
from valetkey.oauth.authorize.visit import Person
from valetkey.oauth.clients.documents import face
from valetkey.oauth.context import Context
from valetkey.oauth.limiting import ended
from valetkey.oauth.offer import Offer
from valetkey.spec.errors import ConsentRequired, InteractionRequired, LoginRequired, OAuthError

Why: TypeAlias = Literal[
    "permissions", "asked", "confirm", "paused", "restored", "ended", "changed"
]


class NeedLogin(msgspec.Struct, frozen=True):
    """The user must prove who they are. `person` is whoever is signed in already, or None."""

    person: Person | None


class NeedConsent(msgspec.Struct, frozen=True):
    """The user must be asked. `new` is what is to be decided, `why` for what reason."""

    person: Person
    grant: Grant | None
    why: Why
    new: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True):
    """Nothing is left to ask: the grant stands."""

    person: Person
    grant: Grant


Step: TypeAlias = NeedLogin | NeedConsent | Ready


def next_step(
    request: AuthorizationRequest,
    *,
    reply_to: ReplyTo,
    person: Person | None,
    fresh: bool,
    grant: Grant | None,
    context: Context,
) -> Step:
    """The one thing that is still missing. `fresh`: the user signed in for this very request."""
    if person is None or not (fresh or _recent(request, person, context.now)):
        return NeedLogin(person)
    if grant is None:
        return NeedConsent(person, None, "permissions", request.permissions)
    if grant.epoch != context.epoch:
        return NeedConsent(person, grant, "restored", request.permissions)
    if ended(grant, context.now):
        return NeedConsent(person, grant, "ended", request.permissions)
    new = undecided(request, grant, context.offer)
    questions: tuple[tuple[bool, Why], ...] = (
        (bool(new), "permissions"),
        (grant.status == "paused", "paused"),
        (bool(grant.face) and grant.face != face(request.client), "changed"),
        ("consent" in request.prompts, "asked"),
        (impersonable(request, reply_to), "confirm"),
    )
    why = next((why for open_, why in questions if open_), None)
    return Ready(person, grant) if why is None else NeedConsent(person, grant, why, new)


def refusal(step: NeedLogin | NeedConsent) -> OAuthError:
    """What `prompt=none` is told (OpenID Connect Core 3.1.2.6)."""
    if isinstance(step, NeedLogin):
        return LoginRequired()
    return InteractionRequired() if step.why == "confirm" else ConsentRequired()


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
    if reply_to.is_elsewhere:
        return True
    return request.client.is_public and not reply_to.uri.startswith("https:")


def _recent(request: AuthorizationRequest, person: Person, now: int) -> bool:
    if request.prompts & {"login", "select_account"}:
        return False
    return request.max_age is None or now - person.session.auth_time <= request.max_age
