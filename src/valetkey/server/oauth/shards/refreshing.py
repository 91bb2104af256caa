"""The refresh of a sharded key: it needs enough shards, and rotates each of them."""

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.grant import Shards, TokenFamily
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import RefreshToken, Refuse
from valetkey.server.oauth.core.feature import Authenticated
from valetkey.server.oauth.core.shard_policy import is_enabled
from valetkey.server.oauth.shards import alarm
from valetkey.server.oauth.shards.alarm import sharded
from valetkey.server.oauth.shards.presentation import (
    Alarm,
    Good,
    Guess,
    age,
    judge,
    misplaced,
    read,
    refreshed,
)
from valetkey.spec.errors import InsufficientKeyShards, InvalidGrant, InvalidRequest
from valetkey.wire.key_shards import OF_DEVICES


class ShardRefresh(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A refresh with enough valid shards. `shard` is the number of the requesting device's shard;
    `spare`: more were presented than the threshold; `renewed` are the numbers of the shards that
    the response renews."""

    family: TokenFamily
    shard: int
    spare: bool
    changes: tuple[Change, ...]
    renewed: tuple[int, ...]


def refresh_shards(
    text: str, others: str, row: TokenFamily, *, by: Authenticated, context: Context
) -> Rule[ShardRefresh | Refuse]:
    """Checks the presented shards, and rotates them. Raises OAuthError."""
    if not is_enabled(context):
        raise InvalidGrant("keys in shards are not offered here any more")
    presented = read(text, others, context.installation.keyring)
    family, shards = _open(row, by=by, context=context)
    token = presented.refresh
    if token is None or not family.refreshable or token.shard >= len(shards.of):
        raise InvalidGrant(detail="no such shard, or nothing to refresh")
    stray = yield from alarm.mixed(presented, family, context)
    if stray is not None:
        return stray
    verdict = _misplaced(family, shards, token, by=by) or judge(
        family,
        shards,
        presented,
        by=by,
        tag=refreshed(token),
        again=age(shards.of[token.shard], token.generation) == "again",
        context=context,
    )
    match verdict:
        case Guess():
            return (yield from alarm.guessed(family, shards, context))
        case Alarm():
            return sounded(family, verdict, by=by, context=context)
        case Good():
            return _turned(family, verdict, token.shard, by=by, context=context)


def _open(row: TokenFamily, *, by: Authenticated, context: Context) -> tuple[TokenFamily, Shards]:
    if row.status == "suspended" and by.client.id != row.client:
        raise InvalidGrant(detail="another client's")
    return sharded(row, context)


def _misplaced(
    family: TokenFamily, shards: Shards, token: RefreshToken, *, by: Authenticated
) -> Alarm | None:
    """The alarm for a shard that can't request tokens, None if it can."""
    holder = shards.of[token.shard].holder
    if age(shards.of[token.shard], token.generation) == "lost":
        raise InvalidGrant("the key shard was replaced by another")
    if by.client.id != family.client:
        return Alarm(holder, "it was shown by another app", InvalidGrant())
    if holder in OF_DEVICES:
        return None
    stolen = misplaced(family, shards, token, by=by)
    if stolen is None:
        raise InvalidRequest("refresh_token is the shard of a device")
    return stolen


def sounded(family: TokenFamily, verdict: Alarm, *, by: Authenticated, context: Context) -> Refuse:
    """Suspends the key. With the policy "refuse", too few shards only refuse the request."""
    short = isinstance(verdict.error, InsufficientKeyShards)
    if short and context.installation.all_policies[by.client.policy].short_of_shards == "refuse":
        return Refuse(error=verdict.error)
    return alarm.suspend(family, verdict, context)


def _turned(
    family: TokenFamily,
    good: Good,
    asks: int,
    *,
    by: Authenticated,
    context: Context,
) -> ShardRefresh:
    changes: tuple[Change, ...] = ()
    if good.shards != family.shards:
        policy = context.installation.all_policies[by.client.policy]
        idle = policy.refresh_idle or context.installation.lifetimes.refresh_idle
        until = policy.refresh_token or context.installation.lifetimes.refresh_token
        family = msgspec.structs.replace(
            family,
            shards=good.shards,
            # A device that proves a key for the first time is bound to it from now on.
            cnf=by.confirmation if asks == 0 and by.client.is_public else family.cnf,
            used=context.env.now,
            expires=min(context.env.now + idle, family.created + until),
        )
        changes = (Update(family),)
    return ShardRefresh(
        family=family,
        shard=asks,
        spare=good.count > good.shards.threshold,
        changes=changes,
        renewed=tuple(good.renewed),
    )
