"""Whether a grant can be used at this moment. Every path that issues or accepts a token asks."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import By, Event, Kind, event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import expired
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Standing
from valetkey.server.oauth.core.offer import Offer
from valetkey.wire.access_token import Actor
from valetkey.wire.token_response import (
    ACCOUNT_DISABLED,
    APP_SUSPENDED,
    KEY_SUSPENDED,
    PAUSED,
    Reason,
)


def why_dead(
    client: Client,
    standing: Standing | None,
    *,
    act: Actor | None = None,
    epoch: int,
    now: int,
) -> str:
    """Why the grant can't be used, or "" if it can.

    This is the one place that decides: user, client, grant and family have to be active and belong
    together, and the grant must not have expired. `act` is the chain of delegates.
    """
    if client.status != "active":
        return "the client is suspended"
    if standing is None:
        return ""
    return _why_ended(standing, now) or _why_strange(client, standing, act=act, epoch=epoch)


def why_suspended(
    client: Client,
    standing: Standing | None,
    *,
    act: Actor | None = None,
    epoch: int,
    now: int,
) -> Reason | Literal[""]:
    """The reason if the grant is only suspended and may become usable again; "" if it is usable, or
    ended for good."""
    if standing is None:
        return APP_SUSPENDED if client.status != "active" else ""
    user, grant, family = standing.user, standing.grant, standing.family
    ended = grant.status == "stopped" or family.status == "closed" or is_over(standing, now)
    if ended or _why_strange(client, standing, act=act, epoch=epoch):
        return ""
    reasons: tuple[tuple[bool, Reason], ...] = (
        (client.status != "active", APP_SUSPENDED),
        (user.status != "active", ACCOUNT_DISABLED),
        (grant.status == "paused", PAUSED),
        (family.status == "suspended", KEY_SUSPENDED),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _why_ended(standing: Standing, now: int) -> str:
    user, grant, family = standing.user, standing.grant, standing.family
    if user.status != "active":
        return "the user is disabled"
    if grant.status != "active":
        return f"the grant is {grant.status}"
    if family.status != "open":
        return f"the family is closed: {family.because}"
    if grant.limits.until and is_over(standing, now):
        return "the grant has expired"
    return ""


def _why_strange(client: Client, standing: Standing, *, act: Actor | None, epoch: int) -> str:
    user, grant, family = standing.user, standing.grant, standing.family
    if not grant.user == user.id == family.user:
        return "the grant is another user's"
    if not grant.client == client.id == family.client:
        return "the grant is another client's"
    if family.grant != grant.id:
        return "the family is another grant's"
    if grant.epoch != epoch:
        return "the grant is from before a restored backup"
    if act is not None and has_revoked_delegate(grant, act):
        return "the user has revoked a delegate in the chain"
    return ""


def is_over(standing: Standing, now: int) -> bool:
    """Whether the grant has expired. Everything else that `why_dead` checks changes only with a
    record."""
    return expired(standing.grant.limits, now)


def has_revoked_delegate(grant: Grant, act: Actor) -> bool:
    """Whether the user has revoked a delegate that acts here."""
    return not grant.revoked_delegates.keys().isdisjoint(act.chain)


def still_allowed(
    permissions: Iterable[str], *, client: Client, grant: Grant, offer: Offer
) -> tuple[str, ...]:
    """The permissions that are still allowed: granted by the user, and within the client's current
    registration (ATTACKS A80)."""
    granted, registered = grant.permissions, offer.expand_known(client.scope)
    return tuple([one for one in permissions if one in granted and one in registered])


# The end of a token family: it is closed, and an event records that.

Ending: TypeAlias = tuple[tuple[Change, ...], tuple[Event, ...]]
"""The changes to commit, and the events for the history."""


def close(
    family: TokenFamily, because: str, *, kind: Kind, by: By, note: str, context: Context
) -> Ending:
    """Close an open family. `because` stays in its row, `note` goes into the history."""
    closed = msgspec.structs.replace(family, status="closed", because=because)
    ending = event(
        context.env,
        kind,
        by=by,
        user=family.user,
        client=family.client,
        grant=family.grant,
        note=note,
    )
    return (Update(closed),), (ending,)
