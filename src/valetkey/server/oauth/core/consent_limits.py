"""The limits of a grant: what may be limited, and which limits a consent leads to.

An app may propose limits, and the user may set limits: both apply, so the tighter one decides.
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
    """Find everything that is wrong with limits, one sentence each."""
    return [*language.mistakes(some, now), *_uncounted(some.permissions, offer)]


def check(some: Limits | Proposal, context: Context) -> None:
    """Raise InvalidRequest for limits that make no sense."""
    wrong = mistakes(some, offer=context.installation.offer, now=context.env.now)
    if wrong:
        raise InvalidRequest("the limits make no sense", detail="; ".join(wrong))


def _uncounted(permissions: Mapping[str, Bounds], offer: Offer) -> Iterator[str]:
    for name, bounds in permissions.items():
        permission = offer.permissions.get(name)
        if permission is None:
            yield f"{name[:60]!r} is in no catalog"
        elif not permission.counted:
            # No API would enforce it.
            yield f"{name!r} cannot be limited: its API does not count its use"
        elif (bounds.much or bounds.ask_above is not None) and not permission.unit:
            yield f"{name!r} has no amounts"


def is_used_up(grant: Grant, now: int) -> bool:
    """Whether the grant is used up: it allowed one use, or it has expired. The user is then asked
    as if for the first time."""
    return grant.limits.once or language.expired(grant.limits, now)


def new_grant_limits(
    client: Client,
    proposal: Limits,
    choice: Proposal,
    *,
    permissions: Iterable[str],
    context: Context,
) -> Limits:
    """The limits of a new grant: the app's `proposal` and the user's `choice` together. Raises
    InvalidRequest for a choice that makes no sense."""
    check(choice, context)
    both = meet(proposal, choice.since(context.env.now))
    return only(_for_once(both, client, context), permissions)


def widened_grant_limits(
    grant: Grant, proposal: Limits, choice: Proposal, *, new: Iterable[str], context: Context
) -> Limits:
    """The limits of a grant that gets more permissions: its limits, and the app's `proposal` and
    the user's `choice` for the new permissions. The end of the grant does not change."""
    check(choice, context)
    fresh = only(meet(proposal, choice.since(context.env.now)), new)
    return limits(
        until=grant.limits.until,
        once=grant.limits.once,
        permissions={**grant.limits.permissions, **fresh.permissions},
    )


def proposed_limits(client: Client, requested: Proposal, context: Context) -> Limits:
    """The limits that the app proposes, in its registration and in the request together, without
    those that no API counts any more."""
    counted = [one.id for one in context.installation.offer.permissions.values() if one.counted]
    return only(
        meet(client.limits.since(context.env.now), requested.since(context.env.now)), counted
    )


def _for_once(some: Limits, client: Client, context: Context) -> Limits:
    """Add the end of a grant for one use: it covers one code and its tokens, without a refresh."""
    if not some.once:
        return some
    token = (
        context.installation.all_policies[client.policy].access_token
        or context.installation.lifetimes.access_token
    )
    end = context.env.now + context.installation.lifetimes.code + token
    until = min(some.until, end) if some.until else end
    return msgspec.structs.replace(some, until=until)
