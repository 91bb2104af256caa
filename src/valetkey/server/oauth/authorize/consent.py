"""Consent: the contents of the page, and the changes that the answer makes."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.event import Event, Kind, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import LastUse, grant_use_id
from valetkey.server.model.limits import NOTHING_PROPOSED, Limits, Proposal, only
from valetkey.server.model.pending import Pending
from valetkey.server.oauth.authorize import grant_management
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.interaction import NeedConsent, Ready, required
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit, Row, permit
from valetkey.server.oauth.authorize.receipt import receipt
from valetkey.server.oauth.authorize.request_stages import ValidRequest, finish
from valetkey.server.oauth.clients.documents import consent_digest
from valetkey.server.oauth.core.consent_limits import (
    new_grant_limits,
    proposed_limits,
    widened_grant_limits,
)
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.message_delivery import notify_of_grant
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import AccessDenied, InvalidRequest
from valetkey.wire.catalog import Permission

BROAD: Final = 10
"""The number of permissions above which a request is broad."""

WHOLE: Final = 4
"""The least size of a catalog for which a request for all of it is broad."""

OVER: Final = frozenset({"restored", "ended"})
"""Reasons to ask the user as if for the first time."""


class Allow(msgspec.Struct, frozen=True):
    """The user allows the ticked permissions, within `limits`. `sheet_digest` identifies what the
    page displayed, `language` is its language."""

    permissions: tuple[str, ...]
    sheet_digest: str
    limits: Proposal = NOTHING_PROPOSED
    language: str = ""


class Cancel(msgspec.Struct, frozen=True):
    """The user declines."""


def consent_sheet(
    valid_request: ValidRequest, step: NeedConsent, *, pending: Pending, context: Context
) -> Consent:
    """The contents of the page: *can*, new and already granted, and *cannot*, all the rest."""
    client, offer = valid_request.client_request.client, context.installation.offer
    granted_ids, refused = standing(step)
    must, broad = required(valid_request.request), is_broad(step.new, offer)
    new = tuple(
        Row(
            offer.permissions[one],
            one in must,
            client.reasons.get(one, ""),
            one in refused,
            ticked=one in must or not (one in refused or _starts_unticked(one, offer, broad=broad)),
            implied=_implied(one, offer),
        )
        for one in step.new
    )
    granted = tuple(offer.permissions[one] for one in offer.ordered(granted_ids))
    locked = offer.cannot((*step.new, *granted_ids))
    its = proposed_limits(client, valid_request.request.rich.proposal, context)
    bounds, lasts = only(its, step.new).permissions, its.until - context.env.now if its.until else 0
    tier = valid_request.request.tier
    # For an API that stays locked as a whole, the revision is enough, and short.
    shut = tuple(
        (one.name, offer.revisions.get(one.resource)) if one.whole else one for one in locked
    )
    displayed = (step.why, client.name, new, granted, shut, bounds, lasts, its.once, tier)
    return Consent(
        pending=pending,
        client=client,
        user=step.person.user,
        reply_to=valid_request.client_request.reply_to,
        why=step.why,
        new=new,
        broad=broad,
        sheet_digest=digest(repr(displayed)),
        already_granted=granted,
        cannot=locked,
        bounds=bounds,
        lasts=lasts,
        once=its.once,
        ends=step.grant.limits.until if granted and step.grant is not None else 0,
        tier=tier,
    )


def is_broad(requested: Sequence[str], offer: Offer) -> bool:
    """Whether an app asks for so much that a user could not tell what of it is needed: more than
    BROAD permissions, or the whole of an API."""
    return len(requested) > BROAD or any(
        len(catalog.permissions) >= WHOLE
        and all(one.id in requested for one in catalog.permissions)
        for catalog in offer.catalogs[1:]
    )


def _starts_unticked(one: str, offer: Offer, *, broad: bool) -> bool:
    """Whether the user has to tick the permission: it, or one that it implies, is of high risk. In
    a broad request, medium risk is enough."""
    risks = {offer.permissions[each].risk for each in offer.with_implied((one,))}
    return "high" in risks or (broad and risks != {"low"})


def _implied(one: str, offer: Offer) -> tuple[Permission, ...]:
    others = offer.with_implied((one,)) - {one}
    return tuple(offer.permissions[each] for each in offer.ordered(others))


def standing(step: NeedConsent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is granted and what is refused already: nothing, where the yes counts no more."""
    if step.grant is None or step.why in OVER:
        return (), ()
    return step.grant.permissions, step.grant.refused


def agree(
    valid_request: ValidRequest,
    step: NeedConsent,
    user_answer: Allow,
    *,
    sheet: Consent,
    browser: Browser,
    context: Context,
) -> Permit | Deny:
    """Allows the ticked permissions, and refuses the other requested ones.

    Required permissions, and those that a ticked one implies, are included. Without any permission,
    old or new, the answer is a no. Raises InvalidRequest for permissions that were not requested.
    """
    new = frozenset(step.new)
    if not set(user_answer.permissions) <= new:
        raise InvalidRequest("the form names a permission that was not asked for")
    must = required(valid_request.request) & new
    chosen = context.installation.offer.with_implied([*user_answer.permissions, *must]) & new
    choice = _choice(valid_request, step, chosen=chosen, wished=user_answer.limits, context=context)
    grant, changes, events = _granted(valid_request, step, choice, context=context)
    if not grant.allows(valid_request.request.permissions):
        return cancel(valid_request, step, context)
    if changes:
        stored_receipt = receipt(
            sheet, grant, user_answer.permissions, language=user_answer.language, context=context
        )
        # The user too: joining an organization writes it, so a yes that had not seen the membership
        # fails, and is decided again.
        seen = (Update(one, as_it_is=True) for one in (step.person.user, *step.memberships))
        changes = (*changes, Create(stored_receipt), *seen)
    return permit(
        valid_request,
        step.person,
        grant,
        browser=browser,
        context=context,
        changes=changes,
        events=events,
    )


def cancel(valid_request: ValidRequest, step: NeedConsent | Ready, context: Context) -> Deny:
    """The user's no. What stood before stands."""
    grant = "" if step.grant is None else step.grant.id
    audit_event = _event(
        valid_request, step, "refused", grant=grant, permissions=(), context=context
    )
    return Deny(
        error=AccessDenied(),
        reply_to=valid_request.client_request.reply_to,
        client=valid_request.client_request.client,
        changes=finish(valid_request, context),
        events=(audit_event,),
    )


GrantChange: TypeAlias = tuple[Grant, tuple[Change, ...], tuple[Event, ...]]
"""The grant after the consent, with changes and events."""


class _Choice(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The new permissions that the user chose and left out, and the resulting limits."""

    chosen: frozenset[str]
    left_out: frozenset[str]
    limits: Limits


def _choice(
    valid_request: ValidRequest,
    step: NeedConsent,
    *,
    chosen: Iterable[str],
    wished: Proposal,
    context: Context,
) -> _Choice:
    new = frozenset(chosen)
    its = proposed_limits(
        valid_request.client_request.client, valid_request.request.rich.proposal, context
    )
    if step.grant is None or step.why in OVER:
        limits = new_grant_limits(
            valid_request.client_request.client, its, wished, permissions=new, context=context
        )
    else:
        limits = widened_grant_limits(step.grant, its, wished, new=new, context=context)
    return _Choice(chosen=new, left_out=frozenset(step.new) - new, limits=limits)


def _granted(
    valid_request: ValidRequest, step: NeedConsent, choice: _Choice, *, context: Context
) -> GrantChange:
    if step.grant is None:
        return _first(valid_request, step, choice, context=context)
    return _widened(valid_request, step, choice, before=step.grant, context=context)


def _first(
    valid_request: ValidRequest, step: NeedConsent, choice: _Choice, *, context: Context
) -> GrantChange:
    grant = Grant(
        id=ids.owned_id(context.env, owner=step.person.user.id),
        user=step.person.user.id,
        client=valid_request.client_request.client.id,
        permissions=context.installation.offer.ordered(choice.chosen),
        refused=context.installation.offer.ordered(choice.left_out),
        limits=choice.limits,
        face=consent_digest(valid_request.client_request.client),
        epoch=context.installation.epoch,
        created=context.env.now,
        changed=context.env.now,
        organization=valid_request.request.organization,
    )
    audit_event = _event(
        valid_request,
        step,
        "granted",
        grant=grant.id,
        permissions=grant.permissions,
        context=context,
    )
    names = " ".join(grant.permissions)
    changes = notify_of_grant("app_connected", grant, context, permissions=names)
    # No app has used it yet: those that none ever uses are found by that.
    unused = LastUse(
        id=grant_use_id(grant.id), user=grant.user, grant=grant.id, client=grant.client
    )
    return grant, (Create(grant), Create(unused), *changes), (audit_event,)


def _widened(
    valid_request: ValidRequest,
    step: NeedConsent,
    choice: _Choice,
    *,
    before: Grant,
    context: Context,
) -> GrantChange:
    offer, chosen, left_out = context.installation.offer, choice.chosen, choice.left_out
    granted_ids, refused = standing(step)
    grant = msgspec.structs.replace(
        before.with_permissions(offer.ordered((*granted_ids, *chosen))),
        refused=offer.ordered((frozenset(refused) | left_out) - chosen),
        limits=choice.limits,
        face=consent_digest(valid_request.client_request.client),
        status="active",
        epoch=context.installation.epoch,
        changed=context.env.now,
        withheld=_still_withheld(before, step, chosen),
    )
    dropped = grant_management.dropped_events(
        grant, () if step.why in OVER else step.dropped, context
    )
    if msgspec.structs.replace(grant, changed=before.changed) == before:
        return (grant, (Update(grant),), dropped) if step.dropped else (before, (), ())
    kind: Kind = "resumed" if before.status == "paused" else "refused"
    audit_event = _event(
        valid_request,
        step,
        "upgraded" if chosen else kind,
        grant=grant.id,
        permissions=offer.ordered(chosen or left_out),
        context=context,
    )
    changes: tuple[Change, ...] = (Update(grant),)
    more = [one for one in offer.ordered(chosen) if offer.permissions[one].risk == "high"]
    if more:
        names = " ".join(more)
        changes += notify_of_grant("sensitive_permission", grant, context, permissions=names)
    return grant, changes, (*dropped, audit_event)


def _still_withheld(before: Grant, step: NeedConsent, chosen: frozenset[str]) -> tuple[str, ...]:
    # A yes that counts no more counts no more under another rule either.
    stays = () if step.why in OVER else before.withheld
    return tuple(one for one in stays if one not in chosen)


def _event(
    valid_request: ValidRequest,
    step: NeedConsent | Ready,
    kind: Kind,
    *,
    grant: str,
    permissions: tuple[str, ...],
    context: Context,
) -> Event:
    return event(
        context.env,
        kind,
        by="user",
        user=step.person.user.id,
        client=valid_request.client_request.client.id,
        grant=grant,
        permissions=permissions,
    )
