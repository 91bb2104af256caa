"""Changes of the limits of a grant: tighten, loosen, set an end.

A user can loosen limits up to those that the app proposes.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from valetkey.server.model import leasing
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import By
from valetkey.server.model.grant import Grant
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.limits import (
    NOTHING_PROPOSED,
    Bounds,
    Limits,
    Proposal,
    expired,
    limits,
    meet_bounds,
)
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.oauth.core.consent_limits import check
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import notify_of_grant
from valetkey.server.oauth.grants.changes import (
    GrantChanged,
    GrantOutcome,
    NotFound,
    grant_event,
    grant_of_user,
)
from valetkey.spec.errors import InvalidRequest


class LimitableGrant(msgspec.Struct, frozen=True):
    """A grant that can be limited, its app's proposal, and its use so far."""

    grant: Grant
    proposal: Proposal
    allowances: tuple[Allowance, ...]

    def of(self, permission: str, now: int) -> Allowance:
        """The use of a permission in the current periods."""
        allowance = next((one for one in self.allowances if one.permission == permission), None)
        fresh = Allowance(grant=self.grant.id, permission=permission)
        return leasing.in_current_periods(now, allowance or fresh, self.grant.limits.of(permission))


def find_limitable(name: str, user: str, context: Context) -> Rule[LimitableGrant | None]:
    """The user's grant, if it can be limited; None if it is over or another user's."""
    grant = yield from grant_of_user(name, user)
    if grant is None or _is_over(grant, context):
        return None
    client, rows = One(Client, grant.client), Many(Allowance, "grant", name)
    results = yield (client, rows)
    app = results.one(client)
    proposal = NOTHING_PROPOSED if app is None else app.limits
    return LimitableGrant(grant, proposal, results.many(rows))


def set_bounds(
    name: str,
    permission: str,
    bounds: Bounds,
    *,
    user: str,
    by: By,
    context: Context,
    reason: str = "",
) -> Rule[GrantOutcome]:
    """Sets the limits of one permission; empty ones leave those that the app proposes. Raises
    InvalidRequest for invalid limits, and for looser ones than the app proposes."""
    limitable = yield from find_limitable(name, user, context)
    if limitable is None or permission not in limitable.grant.permissions:
        return NotFound()
    if bounds:
        check(Limits(permissions={permission: bounds}), context)
    proposed = limitable.proposal.permissions.get(permission, Bounds())
    if _wider(bounds, proposed):
        raise InvalidRequest("the app itself asked for less")
    before = limitable.grant.limits
    after = limits(
        until=before.until,
        once=before.once,
        permissions={**before.permissions, permission: meet_bounds(bounds, proposed)},
    )
    return _set(limitable.grant, after, (permission,), by=by, context=context, reason=reason)


def set_end(
    name: str, lasts: int, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Sets the end of the grant to `lasts` seconds from now, 0 for no end. Raises InvalidRequest
    for an invalid time, and for a longer one than the app proposes."""
    limitable = yield from find_limitable(name, user, context)
    if limitable is None:
        return NotFound()
    longest = limitable.proposal.lasts
    if longest and not 0 < lasts <= longest:
        raise InvalidRequest("the app itself asked for a shorter time")
    before = limitable.grant.limits
    after = limits(
        until=context.env.now + lasts if lasts else 0,
        once=before.once,
        permissions=before.permissions,
    )
    check(msgspec.structs.replace(after, permissions={}), context)
    return _set(limitable.grant, after, (), by=by, context=context, reason=reason)


ENDS_SOON: Final = 3 * 86400
"""Seconds before the end of a grant in which its user is notified."""


def announce_ends(grants: Sequence[Grant], context: Context) -> Rule[Outcome]:
    """Notify users whose grants end soon, once for each end. The grants were read a moment ago."""
    targets, now = context.installation.notices, context.env.now
    soon = [
        one
        for one in grants
        if now < one.limits.until <= now + ENDS_SOON and not _is_over(one, context)
    ]
    markers = {
        one.id: SingleUse(
            purpose="end announced",
            value=f"{one.id} {one.limits.until}",
            expires=one.limits.until,
        )
        for one in soon
    }
    grant_queries = {one.id: One(Grant, one.id) for one in soon}
    marker_queries = {one.id: One(SingleUse, markers[one.id].key) for one in soon}
    if not soon or not targets.tells("access_ends_soon"):
        return Outcome()
    results = yield (*grant_queries.values(), *marker_queries.values())
    changes: list[Change] = []
    for one in soon:
        stored = results.one(grant_queries[one.id])
        announced = results.one(marker_queries[one.id]) is not None
        if announced or stored is None or stored.limits != one.limits:
            continue
        changes.append(Create(markers[one.id]))
        ends = str(one.limits.until)
        changes += notify_of_grant("access_ends_soon", one, context, ends=ends)
    return Outcome(changes=tuple(changes))


def _is_over(grant: Grant, context: Context) -> bool:
    over = expired(grant.limits, context.env.now)
    return grant.status == "stopped" or grant.epoch != context.installation.epoch or over


def _wider(bounds: Bounds, proposed: Bounds) -> bool:
    """Whether one of the limits is looser than the app proposes."""
    pairs = ((bounds.often, proposed.often), (bounds.much, proposed.much))
    more = (one[per] > other[per] for one, other in pairs for per in one.keys() & other.keys())
    asks, most = bounds.ask_above, proposed.ask_above
    return any(more) or (asks is not None and most is not None and asks > most)


def _set(
    grant: Grant,
    after: Limits,
    about: tuple[str, ...],
    *,
    by: By,
    context: Context,
    reason: str,
) -> GrantChanged:
    if after == grant.limits:
        return GrantChanged(grant=grant)
    changed = msgspec.structs.replace(grant, limits=after, changed=context.env.now)
    audit_event = grant_event(
        grant, "limited", by=by, context=context, permissions=about, reason=reason
    )
    return GrantChanged(grant=changed, changes=(Update(changed),), events=(audit_event,))


def forget_ended_counts(allowances: Sequence[Allowance]) -> Rule[Outcome]:
    """Deletes the counts of stopped and missing grants. Counts without a period never expire by
    themselves, and a stopped grant stays stopped."""
    rows = [One(Allowance, one.key) for one in allowances]
    grants = [One(Grant, one.grant) for one in allowances]
    results = yield (*rows, *grants)
    return Outcome(
        changes=tuple(
            Remove(row)
            for row, grant in zip(map(results.one, rows), map(results.one, grants), strict=True)
            if row is not None and (grant is None or grant.status == "stopped")
        )
    )
