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
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Outcome, Refuse, with_changes
from valetkey.server.oauth.core.feature import Authenticated, Call
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.shards import alarm, derived_secrets, response
from valetkey.server.oauth.shards.alarm import NAMES, sharded
from valetkey.server.oauth.shards.derived_secrets import TICKET_SECONDS
from valetkey.server.oauth.shards.presentation import (
    Alarm,
    Good,
    Guess,
    PresentedShards,
    judge,
    read,
    replaced,
)
from valetkey.server.oauth.shards.refreshing import sounded
from valetkey.spec.errors import InvalidGrant, InvalidRequest
from valetkey.wire.key_shards import HOLDER, HOLDERS, OF_DEVICES, OTHERS, Reissued, write_code


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


# The app asks for a new shard in the place of a lost one, with enough of the others.


def serve_reissue(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """A ticket for the holder of a lost shard, or the page where its user fetches it. A retry gets
    another ticket for the same shard."""
    holder = call.form.need(HOLDER)
    if holder not in HOLDERS:
        raise InvalidRequest(f"holder is none of {', '.join(HOLDERS)}")
    by = yield from authenticate(call, context)
    by, proof = yield from bind(by, call.request, context)
    presented = read(
        call.form.get("refresh_token", ""), call.form.get(OTHERS, ""), context.installation.keyring
    )
    if not presented.families:
        raise InvalidRequest("nothing that is shown says which key is meant")
    query = One(TokenFamily, presented.families[0])
    family, shards = sharded((yield (query,)).one(query), context)
    outcome = yield from _decided(holder, presented, (family, shards), by=by, context=context)
    return with_changes(outcome, proof)


def _decided(
    holder: str,
    presented: PresentedShards,
    key: tuple[TokenFamily, Shards],
    *,
    by: Authenticated,
    context: Context,
) -> Rule[Answer | Refuse]:
    family, shards = key
    at = shards.find(holder)
    if at < 0:
        raise InvalidRequest("the key has no such holder")
    if by.client.id != family.client:
        raise InvalidGrant(detail="another app's")
    stray = yield from alarm.mixed(presented, family, context)
    if stray is not None:
        return stray
    if any(shown == at for _, shown in presented.numbers):
        raise InvalidRequest("the shard that is shown is the one that is lost")
    if presented.refresh and shards.of[presented.refresh.shard].holder not in OF_DEVICES:
        raise InvalidRequest("refresh_token is the shard of a device")
    lost = shards.of[at]
    fresh = lost.since if not lost.is_claimed else lost.generation + 1
    verdict = judge(
        family,
        shards,
        presented,
        by=by,
        tag=replaced(at, fresh),
        again=not lost.is_claimed,
        context=context,
    )
    match verdict:
        case Guess():
            return (yield from alarm.guessed(family, shards, context))
        case Alarm():
            return sounded(family, verdict, by=by, context=context)
        case Good():
            return _answer(family, verdict, presented, at=at, context=context)


def _answer(
    family: TokenFamily, good: Good, presented: PresentedShards, *, at: int, context: Context
) -> Answer:
    after = msgspec.structs.replace(family, shards=good.shards)
    events: tuple[Event, ...] = ()
    if good.shards.of[at].is_claimed:
        after, _, events = anew(family, good.shards, at, by="app", context=context)
    shard = after.shard(at)
    claims = shard.holder in {"device", "backend"}
    device = presented.refresh
    document = Reissued(
        holder=shard.holder,
        claim_ticket=response.ticket(after, at, context) if claims else "",
        expires_in=TICKET_SECONDS if claims else 0,
        claim_uri="" if claims else response.page(after, context),
        refresh_token=(response.write(after, device.shard, context) if device else ""),
        key_shards=response.shard_statuses(after, context, renewed=good.renewed),
    )
    changes = (Update(after),) if after != family else ()
    return Answer(document=document, changes=changes, events=events)
