"""The next step of an interaction, with all that it depends on read anew: the person, their grant,
their organizations, and what the platform lets them consent to."""

from collections.abc import Sequence

import msgspec

from valetkey.server.accounts.fresh_proof import factors_of
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant, live_grant_alias
from valetkey.server.model.organization import Membership
from valetkey.server.model.query import OneByAlias, Rule
from valetkey.server.oauth.authorize import grant_management
from valetkey.server.oauth.authorize.browser_session import Browser, Person, person
from valetkey.server.oauth.authorize.consent import OVER
from valetkey.server.oauth.authorize.consent_check import as_platform_allows
from valetkey.server.oauth.authorize.interaction import (
    NeedConsent,
    Ready,
    Step,
    Unable,
    needs_factors,
    next_step,
)
from valetkey.server.oauth.authorize.organizations import as_allowed
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.authorize.request_stages import ValidRequest
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.organizations import memberships_of
from valetkey.spec.errors import AccessDenied, InvalidGrantId, InvalidRequest


def step_for(
    valid_request: ValidRequest, browser: Browser, context: Context, *, declines: bool = False
) -> Rule[Step]:
    """The next step, from current records. `declines`: the user says no, for which the platform is
    not asked. Raises TemporarilyUnavailable if it does not answer."""
    who = yield from person(browser, context)
    if who is not None and valid_request.of not in ("", who.user.id):
        who = None  # The answer has to be another user's.
    grant: Grant | None = None
    memberships: tuple[Membership, ...] = ()
    request, dropped = valid_request.request, tuple[str, ...]()
    if who is not None:
        client = valid_request.client_request.client
        query = OneByAlias(Grant, live_grant_alias(who.user.id, client.id))
        of_user = memberships_of(who.user.id)
        results = yield query, of_user
        grant = results.one(query)
        memberships = results.many(of_user)
        if memberships or request.organization:
            try:
                request = yield from as_allowed(request, grant, memberships, context=context)
            except AccessDenied as error:
                return Unable(who, error)
    if grant is not None:
        requested = valid_request.request.permissions
        dropped = grant_management.dropped(request.managed, grant, requested)
        grant = grant_management.without(grant, dropped)
    step = yield from _next(
        valid_request, request, who=who, grant=grant, declines=declines, context=context
    )
    if memberships and isinstance(step, NeedConsent):
        step = msgspec.structs.replace(step, memberships=memberships)
    if not isinstance(step, NeedConsent | Ready) or request.managed == grant_management.NOTHING:
        return step
    return (yield from _managed(valid_request, msgspec.structs.replace(step, dropped=dropped)))


def _next(
    valid_request: ValidRequest,
    request: AuthorizationRequest,
    *,
    who: Person | None,
    grant: Grant | None,
    declines: bool,
    context: Context,
) -> Rule[Step]:
    """The next step of the request, for what the platform lets the user consent to."""
    factors: Sequence[Factor] = ()
    if who is not None and needs_factors(request, who, context):
        factors = yield from factors_of(who.user.id)

    def step_of(request: AuthorizationRequest) -> Step:
        return next_step(
            request,
            factors=factors,
            reply_to=valid_request.client_request.reply_to,
            person=who,
            fresh=who is not None and who.session.id == valid_request.fresh,
            since=0 if valid_request.pending is None else valid_request.pending.created,
            chosen=valid_request.chosen,
            grant=grant,
            context=context,
        )

    step = step_of(request)
    if declines or not isinstance(step, NeedConsent):
        return step
    try:
        return step_of((yield from as_platform_allows(request, step, context)))
    except AccessDenied as error:
        return Unable(step.person, error)


def _managed(valid_request: ValidRequest, step: NeedConsent | Ready) -> Rule[Step]:
    """The same step, if the requested grant is this user's; for `create`, if they have none."""
    what = valid_request.request.managed
    try:
        grant = yield from grant_management.find_grant(what, valid_request.client_request.client)
    except InvalidGrantId as error:
        return Unable(step.person, error)
    if grant is not None and grant.user != step.person.user.id:
        return Unable(step.person, AccessDenied("the grant is another user's"))
    over_ = isinstance(step, NeedConsent) and (step.grant is None or step.why in OVER)
    if what.action == "create" and not over_:
        return Unable(step.person, InvalidRequest("the user has a grant already: merge or replace"))
    return step
