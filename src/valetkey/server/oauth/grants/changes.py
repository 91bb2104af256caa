"""Changes of a grant: add or remove permissions, pause, resume, stop, disconnect a device.

Each function needs the user who owns the grant. A caller that acts for an app or an administrator
finds the grant first (`grant_of_client`), and passes its user. Each change has one event, with its
author and the reason that they gave.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import By, Event, Kind, event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import notify_of_grant
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.core.organizations import ceiling_of, masked
from valetkey.server.oauth.logout.sessions import sign_out_everywhere
from valetkey.spec.errors import InvalidScope


class GrantChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The grant is as requested, perhaps without a change."""

    grant: Grant


class NotFound(Outcome, frozen=True, kw_only=True, eq=False):
    """There is no such record, or it is another user's: callers can't tell which (ATTACKS A77)."""


GrantOutcome: TypeAlias = GrantChanged | NotFound


def grant_of_user(name: str, user: str) -> Rule[Grant | None]:
    """The grant with this id; None if it doesn't exist, or is another user's."""
    query = One(Grant, name)
    grant = (yield (query,)).one(query)
    return grant if grant is not None and grant.user == user else None


def grant_of_client(name: str, client: str) -> Rule[Grant | None]:
    """The grant with this id; None if it is over, or another client's."""
    query = One(Grant, name)
    grant = (yield (query,)).one(query)
    if grant is None or grant.client != client or grant.status == "stopped":
        return None
    return grant


def narrow(
    name: str, keep: Iterable[str], *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Removes the permissions that are not in `keep`, and those that imply a removed one."""
    grant = yield from grant_of_user(name, user)
    if grant is None or grant.status == "stopped":
        return NotFound()
    closed = context.installation.offer.with_all_implied(
        frozenset(keep) & frozenset(grant.permissions)
    )
    permissions = tuple(one for one in grant.permissions if one in closed)
    dropped = tuple(one for one in grant.permissions if one not in permissions)
    if not dropped:
        return GrantChanged(grant=grant)
    refused = context.installation.offer.ordered((*grant.refused, *dropped))
    narrowed = _changed(grant.with_permissions(permissions), context, refused=refused)
    audit_event = grant_event(
        grant, "downgraded", by=by, context=context, permissions=dropped, reason=reason
    )
    return GrantChanged(grant=narrowed, changes=(Update(narrowed),), events=(audit_event,))


def widen(
    name: str, more: Iterable[str], *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Adds permissions, and all that they imply. Tokens that were issued before don't get them.
    Raises InvalidScope for permissions that the app is not registered for."""
    grant = yield from grant_of_user(name, user)
    if grant is None or grant.status == "stopped" or grant.epoch != context.installation.epoch:
        return NotFound()
    of_client = One(Client, grant.client)
    client = (yield (of_client,)).one(of_client)
    if client is None or client.status != "active":
        return NotFound()
    offer, requested = context.installation.offer, frozenset(more)
    implied = offer.with_implied(requested)
    if not requested <= implied or not implied <= frozenset(offer.expand_known(client.scope)):
        raise InvalidScope("this app is not registered for all of that")
    added = offer.ordered(implied - frozenset(grant.permissions))
    if not added:
        return GrantChanged(grant=grant)
    every = (*offer.ordered((*grant.permissions, *added)), *_unknown(grant, offer))
    wider = _changed(
        grant.with_permissions(every),
        context,
        refused=tuple(one for one in grant.refused if one not in implied),
    )
    # What an organization does not allow is withheld, until it does.
    ceiling = yield from ceiling_of(user)
    wider = masked(wider, client, ceiling, offer=offer)
    # Joining writes the user: it fails, or this does (see `grants.organizations`).
    of_user = One(User, user)
    owner = (yield (of_user,)).one(of_user)
    if owner is None:
        return NotFound()
    audit_event = grant_event(
        grant, "upgraded", by=by, context=context, permissions=added, reason=reason
    )
    sensitive = " ".join(one for one in added if offer.permissions[one].risk == "high")
    changes: tuple[Change, ...] = (Update(wider), Update(owner, as_it_is=True), *ceiling.locked())
    if sensitive:
        changes += notify_of_grant("sensitive_permission", grant, context, permissions=sensitive)
    return GrantChanged(grant=wider, changes=changes, events=(audit_event,))


def _unknown(grant: Grant, offer: Offer) -> tuple[str, ...]:
    """Permissions that a catalog has dropped. They have no effect until the catalog has them
    again."""
    return tuple(one for one in grant.permissions if one not in offer.permissions)


StatusChange: TypeAlias = Literal["pause", "resume", "stop"]

_STATUS_CHANGES: Final[
    dict[StatusChange, tuple[tuple[str, ...], Literal["active", "paused", "stopped"], Kind]]
] = {
    "pause": (("active",), "paused", "paused"),
    "resume": (("paused",), "active", "resumed"),
    "stop": (("active", "paused"), "stopped", "stopped"),
}
"""For each change: the statuses before it, the status after it, and its event."""


def change_status(
    name: str, how: StatusChange, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Pauses, resumes or stops the grant. It applies to all its tokens at once."""
    grant = yield from grant_of_user(name, user)
    if grant is None:
        return NotFound()
    sources, status, kind = _STATUS_CHANGES[how]
    if grant.status == status:
        return GrantChanged(grant=grant)
    if grant.status not in sources:
        return NotFound()
    turned = _changed(grant, context, status=status)
    audit_event = grant_event(grant, kind, by=by, context=context, reason=reason)
    # A stopped app must not keep the user signed in.
    messages: tuple[Change, ...] = ()
    if how == "stop":
        messages = yield from sign_out_everywhere(user, context, client=grant.client)
        if by == "administrator":
            messages += notify_of_grant("access_stopped", grant, context, reason=reason)
    return GrantChanged(grant=turned, changes=(Update(turned), *messages), events=(audit_event,))


def disconnect(name: str, *, user: str, by: By, context: Context) -> Rule[GrantOutcome]:
    """Closes one family. The app's other families stay open."""
    return (yield from disconnect_all((name,), user=user, by=by, context=context))


def disconnect_all(
    names: Iterable[str], *, user: str, by: By, context: Context
) -> Rule[GrantOutcome]:
    """Closes families of one grant, which are one device to the user. The app's other devices stay
    connected."""
    queries = [One(TokenFamily, name) for name in dict.fromkeys(names)]
    results = yield tuple(queries)
    families = [
        one for want in queries if (one := results.one(want)) is not None and one.user == user
    ]
    if not families or len({one.grant for one in families}) > 1:
        return NotFound()
    grant = yield from grant_of_user(families[0].grant, user)
    if grant is None:
        return NotFound()
    open_families = [one for one in families if one.status != "closed"]
    if not open_families:
        return GrantChanged(grant=grant)
    closed = (
        msgspec.structs.replace(one, status="closed", because=f"by the {by}")
        for one in open_families
    )
    audit_event = grant_event(
        grant, "disconnected", by=by, context=context, note=open_families[0].device
    )
    return GrantChanged(grant=grant, changes=tuple(map(Update, closed)), events=(audit_event,))


def _changed(grant: Grant, context: Context, **fields: object) -> Grant:
    return msgspec.structs.replace(grant, changed=context.env.now, **fields)


def grant_event(
    grant: Grant,
    kind: Kind,
    *,
    by: By,
    context: Context,
    permissions: tuple[str, ...] = (),
    note: str = "",
    reason: str = "",
) -> Event:
    """An event about the grant."""
    return event(
        context.env,
        kind,
        by=by,
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        permissions=permissions,
        note=note,
        reason=reason,
    )
