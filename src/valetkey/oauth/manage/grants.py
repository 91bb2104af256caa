"""The user's hand on the key: take a permission away, pause, resume, stop, disconnect a device.

Each needs the user whose grant it is; an administrator names the user as well.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from valetkey.model.change import Update
from valetkey.model.event import By, Event, Kind, event
from valetkey.model.grant import Grant, TokenFamily
from valetkey.model.want import One, Rule
from valetkey.oauth.context import Context
from valetkey.oauth.decision import Outcome


class Done(Outcome, frozen=True, kw_only=True, eq=False):
    """It is so now, or was so before; `grant` is how it stands."""

    grant: Grant


class NoSuch(Outcome, frozen=True, kw_only=True, eq=False):
    """There is no such thing, or it is another user's: the two look alike (ATTACKS A77)."""


Managed: TypeAlias = Done | NoSuch


def owned(name: str, user: str) -> Rule[Grant | None]:
    """The user's grant of that name; None where it is over, or not this user's."""
    wanted = One(Grant, name)
    grant = (yield (wanted,)).one(wanted)
    return grant if grant is not None and grant.user == user else None


def narrow(name: str, keep: Iterable[str], *, user: str, by: By, context: Context) -> Rule[Managed]:
    """Leaves the grant only those of its permissions that are in `keep`."""
    grant = yield from owned(name, user)
    if grant is None or grant.status == "stopped":
        return NoSuch()
    wanted = frozenset(keep)
    kept = tuple(one for one in grant.permissions if one in wanted)
    taken = tuple(one for one in grant.permissions if one not in kept)
    if not taken:
        return Done(grant=grant)
    refused = context.offer.ordered((*grant.refused, *taken))
    narrowed = _changed(grant, context, permissions=kept, refused=refused)
    told = _event(grant, "downgraded", by=by, context=context, permissions=taken)
    return Done(grant=narrowed, changes=(Update(narrowed),), events=(told,))


Turn: TypeAlias = Literal["pause", "resume", "stop"]

_TURNS: dict[Turn, tuple[tuple[str, ...], Literal["active", "paused", "stopped"], Kind]] = {
    "pause": (("active",), "paused", "paused"),
    "resume": (("paused",), "active", "resumed"),
    "stop": (("active", "paused"), "stopped", "stopped"),
}
"""From which states a turn leads where, and what it is called in the history."""


def turn(name: str, how: Turn, *, user: str, by: By, context: Context) -> Rule[Managed]:
    """Pauses, resumes or stops the grant; every token of it follows at once."""
    grant = yield from owned(name, user)
    if grant is None:
        return NoSuch()
    sources, status, kind = _TURNS[how]
    if grant.status == status:
        return Done(grant=grant)
    if grant.status not in sources:
        return NoSuch()
    turned = _changed(grant, context, status=status)
    told = _event(grant, kind, by=by, context=context)
    return Done(grant=turned, changes=(Update(turned),), events=(told,))


def disconnect(family_name: str, *, user: str, by: By, context: Context) -> Rule[Managed]:
    """Closes one device of the user's; the app's other devices go on."""
    wanted = One(TokenFamily, family_name)
    family = (yield (wanted,)).one(wanted)
    if family is None or family.user != user:
        return NoSuch()
    grant = yield from owned(family.grant, user)
    if grant is None:
        return NoSuch()
    if family.status == "closed":
        return Done(grant=grant)
    closed = msgspec.structs.replace(family, status="closed", because=f"by the {by}")
    told = _event(grant, "disconnected", by=by, context=context, note=family.device)
    return Done(grant=grant, changes=(Update(closed),), events=(told,))


def _changed(grant: Grant, context: Context, **fields: object) -> Grant:
    return msgspec.structs.replace(grant, changed=context.now, **fields)


def _event(
    grant: Grant,
    kind: Kind,
    *,
    by: By,
    context: Context,
    permissions: tuple[str, ...] = (),
    note: str = "",
) -> Event:
    return event(
        context.env,
        kind,
        by=by,
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        permissions=permissions,
        note=note,
    )
