"""The app asks for a new shard in the place of a lost one, with enough of the others."""

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Shards, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Authenticated, Call
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.shards import alarm, response
from valetkey.server.oauth.shards.alarm import sharded
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
from valetkey.server.oauth.shards.reissue import anew
from valetkey.spec.errors import InvalidGrant, InvalidRequest
from valetkey.wire.key_shards import HOLDER, HOLDERS, OF_DEVICES, OTHERS, Reissued


def reissue(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
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
