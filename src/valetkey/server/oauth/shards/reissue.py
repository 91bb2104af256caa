"""Reissue of a lost shard: by the app with enough other shards, by the user, or by an
administrator.

The old shard becomes invalid. Nobody gets two shards of a key this way: the holder claims the new
one.
"""

from typing import TypeAlias

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.event import By, Event, Kind, event
from valetkey.server.model.grant import Grant, Shards, TokenFamily, reissue
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.shards import derived_secrets, response
from valetkey.server.oauth.shards.alarm import NAMES
from valetkey.wire.key_shards import write_code


class Replaced(Outcome, frozen=True, kw_only=True, eq=False):
    """The shard of `holder` was replaced. The holder claims it with `ticket`, or it is the recovery
    code `code`, which is displayed once."""

    family: TokenFamily
    holder: str
    ticket: str = ""
    code: str = ""

    def __repr__(self) -> str:
        return f"Replaced({self.holder!r}, …)"


class Resumed(Outcome, frozen=True, kw_only=True, eq=False):
    """The key is open, perhaps without a change."""

    family: TokenFamily


Replacing: TypeAlias = Replaced | NotFound


def find_sharded(name: str, user: str, context: Context) -> Rule[TokenFamily | None]:
    """The user's sharded key; None if it is over, ordinary, or another user's (ATTACKS A77)."""
    query = One(TokenFamily, name)
    family = (yield (query,)).one(query)
    if family is None or family.user != user or family.shards is None:
        return None
    of_grant = One(Grant, family.grant)
    grant = (yield (of_grant,)).one(of_grant)
    gone = grant is None or grant.status == "stopped" or grant.epoch != context.installation.epoch
    over = family.status == "closed" or context.env.now >= family.expires
    return None if gone or over else family


def replace_shard(
    name: str, holder: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[Replacing]:
    """Replaces the shard of a holder. Only the user gets the ticket or code."""
    family = yield from find_sharded(name, user, context)
    if family is None or family.shards is None:
        return NotFound()
    at = family.shards.find(holder)
    if at < 0:
        return NotFound()
    after, changes, events = anew(family, family.shards, at, by=by, context=context, reason=reason)
    if by != "user":
        return Replaced(family=after, holder=holder, changes=changes, events=events)
    if holder != "recovery_code":
        ticket = response.ticket(after, at, context)
        return Replaced(family=after, holder=holder, ticket=ticket, changes=changes, events=events)
    shard = msgspec.structs.replace(after.shard(at), client=family.client, turned=context.env.now)
    with_code = msgspec.structs.replace(after, shards=family.shards.having(at, shard))
    secret = derived_secrets.code(
        response.current_shard(with_code, at), context.installation.keyring
    )
    return Replaced(
        family=with_code,
        holder=holder,
        code=write_code(secret),
        changes=(Update(with_code),),
        events=events,
    )


def anew(
    family: TokenFamily, shards: Shards, at: int, *, by: By, context: Context, reason: str = ""
) -> tuple[TokenFamily, tuple[Change, ...], tuple[Event, ...]]:
    """The family with that shard unclaimed, with changes and events."""
    after = msgspec.structs.replace(family, shards=shards.having(at, reissue(shards.of[at])))
    audit_event = _event(
        after, "reissued", by=by, context=context, reason=reason or NAMES[shards.of[at].holder]
    )
    return after, (Update(after),), (audit_event,)


def resume(
    name: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[Resumed | NotFound]:
    """Lets a suspended key go on as it is."""
    family = yield from find_sharded(name, user, context)
    if family is None or family.shards is None:
        return NotFound()
    if family.status != "suspended":
        return Resumed(family=family)
    # Told in the change log because it is later than the last refresh, however quick the user was.
    shards = msgspec.structs.replace(
        family.shards, alarm="", resumed=max(context.env.now, family.used + 1)
    )
    after = msgspec.structs.replace(family, status="open", because="", shards=shards)
    audit_event = _event(after, "resumed", by=by, context=context, reason=reason)
    return Resumed(family=after, changes=(Update(after),), events=(audit_event,))


def _event(family: TokenFamily, kind: Kind, *, by: By, context: Context, reason: str) -> Event:
    return event(
        context.env,
        kind,
        by=by,
        user=family.user,
        client=family.client,
        grant=family.grant,
        note=family.device,
        reason=reason,
    )
