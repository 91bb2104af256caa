"""The next step of an interaction, computed from current records each time."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import same
from valetkey.server.accounts.fresh_proof import is_enough, is_recent
from valetkey.server.model.assurance import LADDER, is_met, level, reaches, strongest
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.clients.documents import consent_digest
from valetkey.server.oauth.core.consent_limits import is_used_up
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.subjects import subject
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
    """The user has to sign in. `person` is the user who is signed in already, or None. `create`:
    the app requests a new account."""

    person: Person | None
    create: bool = False


class NeedChoice(msgspec.Struct, frozen=True):
    """The user has to choose an account."""

    person: Person


class Unable(msgspec.Struct, frozen=True, eq=False):
    """The request can't succeed, whatever the user does."""

    person: Person
    error: OAuthError


class NeedConsent(msgspec.Struct, frozen=True):
    """The user has to consent. `new` are the permissions to decide on, `why` is the reason.
    `dropped` are permissions that the grant loses with this request. `memberships` are those by
    whose rules `new` was computed: the answer writes them, so that it fails if a rule changes."""

    person: Person
    grant: Grant | None
    why: Why
    new: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    memberships: tuple[Membership, ...] = ()


class Ready(msgspec.Struct, frozen=True):
    """Nothing is left to ask: the grant is enough, without the `dropped` permissions."""

    person: Person
    grant: Grant
    dropped: tuple[str, ...] = ()


Step: TypeAlias = NeedLogin | NeedChoice | NeedConsent | Ready | Unable

ANOTHER: Final = "another"
"""The choice of another account instead of a session."""


def next_step(
    request: AuthorizationRequest,
    *,
    reply_to: ReplyTo,
    person: Person | None,
    fresh: bool,
    since: int = 0,
    chosen: str = "",
    grant: Grant | None,
    factors: Sequence[Factor] = (),
    context: Context,
) -> Step:
    """The next step. `factors` are the second factors of the person, if `needs_factors`. `fresh`:
    the user signed in for this request. `chosen`: the id of the session that they chose, or
    ANOTHER. `since` is when the request began, in seconds since 1970."""
    who = _who(
        request,
        person,
        fresh=fresh,
        since=since,
        chosen=chosen,
        factors=factors,
        context=context,
    )
    if not isinstance(who, Person):
        return who
    step = _consented(request, who, grant, reply_to=reply_to, context=context)
    risky = isinstance(step, NeedConsent) and is_sensitive(step.new, context)
    if risky and "none" not in request.prompts and not _has_proof(who, factors, context):
        return NeedLogin(who)
    return step


def needs_factors(request: AuthorizationRequest, person: Person, context: Context) -> bool:
    """Whether the next step depends on the second factors of this user."""
    levels = required_levels(request, context)
    is_asked = bool(levels.required or levels.preferred)
    return is_asked or (not person.session.way and is_sensitive(request.permissions, context))


def is_sensitive(permissions: Iterable[str], context: Context) -> bool:
    """Whether a permission of high risk is among them."""
    offer = context.installation.offer
    return any(
        offer.permissions[one].risk == "high" for one in permissions if one in offer.permissions
    )


def _has_proof(person: Person, factors: Sequence[Factor], context: Context) -> bool:
    """Whether the user may give what is risky: after a fresh proof. Where they sign in elsewhere,
    their own place decides how often it asks them."""
    session = person.session
    return bool(session.way) or (
        is_recent(session, context.env.now) and is_enough(session, factors)
    )


class Levels(msgspec.Struct, frozen=True):
    """The levels of this server that a request `required` and `preferred`, "" for none."""

    required: str = ""
    preferred: str = ""


def required_levels(request: AuthorizationRequest, context: Context) -> Levels:
    """What the client's policy and the request say about `acr`. Of several values, the weakest is
    enough."""
    policy = context.installation.all_policies[request.client.policy].acr
    claims = request.requested_claims
    listed = claims.acr or request.acr_values
    weakest = next((one for one in reversed(LADDER) if one in listed), "")
    if any(one not in LADDER for one in listed):
        # Another way may reach one of them.
        return Levels(policy)
    if claims.essential and claims.acr:
        return Levels(strongest(policy, weakest))
    return Levels(policy, weakest)


def _who(
    request: AuthorizationRequest,
    person: Person | None,
    *,
    fresh: bool,
    since: int,
    chosen: str,
    factors: Sequence[Factor],
    context: Context,
) -> Person | NeedLogin | NeedChoice | Unable:
    """The user of the request, or the step that is needed to know them."""
    if person is None or (chosen == ANOTHER and not fresh):
        return NeedLogin(None, "create" in request.prompts)
    if not _is_expected_user(request, person, context):
        # The app expects another user, who did not sign in.
        return Unable(person, LoginRequired()) if fresh else NeedLogin(None)
    if fresh:
        return _proved(request, person, since=since, context=context)
    if person.session.per_request:
        return NeedLogin(None)
    if "select_account" in request.prompts and chosen != person.session.id:
        return NeedChoice(person)
    if "create" in request.prompts:
        return NeedLogin(None, create=True)
    if not _is_recent(request, person, since=context.env.now + 1, now=context.env.now):
        return NeedLogin(person)
    if _is_step_up(request, person, factors, context=context):
        return NeedLogin(person)
    return _with_acr(request, person, context)


def _is_step_up(
    request: AuthorizationRequest,
    person: Person,
    factors: Sequence[Factor],
    *,
    context: Context,
) -> bool:
    """Whether a way to sign in may reach a requested level that this session doesn't (RFC 9470 5).
    A silent request is not worth the way unless the level is essential."""
    claims, session = request.requested_claims, person.session
    step_up = required_levels(request, context)
    reached = level(session.amr, session.acr)
    if not reaches(reached, step_up.required):
        return True
    levels = claims.acr or request.acr_values
    if set(levels).isdisjoint(context.installation.sign_in.levels):
        return False
    is_wanted = claims.essential or "none" not in request.prompts
    if not is_wanted or is_met(session.amr, levels, session.acr):
        return False
    # A user who has no such factor would only type the password again.
    usable = (one.level for one in factors if one.kind != "recovery")
    return not step_up.preferred or any(reaches(one, step_up.preferred) for one in usable)


def _is_expected_user(request: AuthorizationRequest, person: Person, context: Context) -> bool:
    called = subject(person.user.id, request.client, context.installation.keyring)
    return not request.hinted or same(request.hinted.encode(), called.encode())


def _proved(
    request: AuthorizationRequest, person: Person, *, since: int, context: Context
) -> Person | Unable:
    """A user who signed in for this request: elsewhere that may have been earlier than it needs, as
    of when it began."""
    if person.session.way and not _is_recent(request, person, since=since, now=since):
        return Unable(person, LoginRequired())
    return _with_acr(request, person, context)


def _with_acr(request: AuthorizationRequest, person: Person, context: Context) -> Person | Unable:
    """OpenID Connect Core 5.5.1.1: without an essential `acr`, the sign-in fails. So it does
    without the level of the client's policy."""
    claims, session = request.requested_claims, person.session
    policy = context.installation.all_policies[request.client.policy].acr
    if not reaches(level(session.amr, session.acr), policy):
        return Unable(person, UnmetAuthenticationRequirements())
    if not claims.essential or not claims.acr:
        return person
    if is_met(session.amr, claims.acr, session.acr):
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
    """The next step for a known user."""
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
    """The error for `prompt=none` (OpenID Connect Core 3.1.2.6)."""
    match step:
        case NeedLogin():
            return LoginRequired()
        case NeedConsent(why="confirm") | NeedChoice():
            return InteractionRequired()
        case NeedConsent():
            return ConsentRequired()


def undecided(request: AuthorizationRequest, grant: Grant, offer: Offer) -> tuple[str, ...]:
    """The permissions that the user has not decided on. Refused ones are requested again only if
    the app requires them, sends `prompt=consent`, or would otherwise have none of the requested
    permissions. Permissions that an undecided one implies are included."""
    insists = "consent" in request.prompts or not grant.allows(request.permissions)
    new = (
        one
        for one in request.permissions
        if one not in grant.permissions
        and (one not in grant.refused or insists or one in required(request))
    )
    return offer.ordered(offer.with_implied(new) - frozenset(grant.permissions))


def required(request: AuthorizationRequest) -> frozenset[str]:
    """The permissions that the user can't leave out: those that the app requires, and `openid`,
    without which there is no sign-in."""
    return frozenset(
        one for one in request.permissions if one in request.client.required or one == "openid"
    )


def impersonable(request: AuthorizationRequest, reply_to: ReplyTo) -> bool:
    """Whether another program on the user's device, or anyone with a code, could impersonate the
    app (RFC 8252 8.6; RFC 8628 5.4). Then the user has to confirm each time."""
    if reply_to.is_decoupled:
        return True
    return request.client.is_public and not reply_to.uri.startswith("https:")


def _is_recent(request: AuthorizationRequest, person: Person, *, since: int, now: int) -> bool:
    """Whether the user signed in recently enough. `since` is the time from which a sign-in is a new
    one."""
    signed_in = person.session.auth_time
    if needs_new_sign_in(request):
        return signed_in >= since
    return request.max_age is None or now - signed_in <= request.max_age or signed_in >= since


def needs_new_sign_in(request: AuthorizationRequest) -> bool:
    """Whether the app asks for a new sign-in (OpenID Connect Core 3.1.2.1: `max_age=0` is one)."""
    return "login" in request.prompts or request.max_age == 0
