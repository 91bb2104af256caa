"""The limits of a key: what may be limited, and what comes of a yes.

An app may propose limits, the user may set their own: both hold, so nobody ever gets more than the
tighter of the two.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from valetkey.server.model import limits as language
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Bounds, Limits, Proposal, limits, meet, only
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import InvalidRequest


def mistakes(some: Limits | Proposal, *, offer: Offer, now: int = 0) -> list[str]:
    """Everything that is wrong with limits, each in one sentence; empty where nothing is."""
    return [*language.mistakes(some, now), *_uncounted(some.permissions, offer)]


def check(some: Limits | Proposal, context: Context) -> None:
    """Raises InvalidRequest for limits that make no sense."""
    wrong = mistakes(some, offer=context.installation.offer, now=context.env.now)
    if wrong:
        raise InvalidRequest("the limits make no sense", detail="; ".join(wrong))


def _uncounted(permissions: Mapping[str, Bounds], offer: Offer) -> Iterator[str]:
    for name, bounds in permissions.items():
        permission = offer.permissions.get(name)
        if permission is None:
            yield f"{name[:60]!r} is in no catalog"
        elif not permission.counted:
            # A limit that nobody holds the app to would only be decoration.
            yield f"{name!r} cannot be limited: its API does not count"
        elif (bounds.much or bounds.ask_above is not None) and not permission.unit:
            yield f"{name!r} has no amounts"


def is_used_up(grant: Grant, now: int) -> bool:
    """Whether the yes is used up: it was for once, or its time is over. Then the user is asked as
    if for the first time."""
    return grant.limits.once or language.expired(grant.limits, now)


def new_grant_limits(
    client: Client,
    proposal: Limits,
    choice: Proposal,
    *,
    permissions: Iterable[str],
    context: Context,
) -> Limits:
    """The limits of a key that is given now: `its` are what the app proposes. Raises InvalidRequest
    for a wish without sense."""
    check(choice, context)
    both = meet(proposal, choice.since(context.env.now))
    return only(_for_once(both, client, context), permissions)


def widened_grant_limits(
    grant: Grant, proposal: Limits, choice: Proposal, *, new: Iterable[str], context: Context
) -> Limits:
    """The limits of a key that opens more from now on: those in force, and for what is new those
    that are proposed and wished. How long it lasts does not change."""
    check(choice, context)
    fresh = only(meet(proposal, choice.since(context.env.now)), new)
    return limits(
        until=grant.limits.until,
        once=grant.limits.once,
        permissions={**grant.limits.permissions, **fresh.permissions},
    )


def proposed_limits(client: Client, requested: Proposal, context: Context) -> Limits:
    """What the app proposes, in its registration and in what it `asked`, as far as it can still be
    counted. Both hold."""
    counted = [one.id for one in context.installation.offer.permissions.values() if one.counted]
    return only(
        meet(client.limits.since(context.env.now), requested.since(context.env.now)), counted
    )


def _for_once(some: Limits, client: Client, context: Context) -> Limits:
    """For once is: one code, and what comes of it, without a refresh."""
    if not some.once:
        return some
    token = (
        context.installation.all_policies[client.policy].access_token
        or context.installation.lifetimes.access_token
    )
    end = context.env.now + context.installation.lifetimes.code + token
    until = min(some.until, end) if some.until else end
    return msgspec.structs.replace(some, until=until)
