"""Deliveries: a holder sends its shard in its own authenticated request. It gets a handle, for the
client that refreshes, and the rotated shard."""

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.model.shards import Shard
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, RefreshToken, Refuse, with_changes
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.shards import alarm, derived_secrets, presentation
from valetkey.server.oauth.shards.alarm import sharded
from valetkey.server.oauth.shards.derived_secrets import HANDLE_SECONDS, ShardReference
from valetkey.server.oauth.tokens import refresh_token
from valetkey.wire.key_shards import SHARD, Delivered


def deliver(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Returns the rotated shard, and a handle. A retry gets the same ones."""
    presented = presentation.read_shard(call.form.need(SHARD), context.installation.keyring)
    by = yield from authenticate(call, context)
    by, proof = yield from bind(by, call.request, context)
    query = One(TokenFamily, presented.family)
    family, shards = sharded((yield (query,)).one(query), context)
    stolen = presentation.misplaced(family, shards, presented, by=by)
    if stolen is not None:
        return with_changes(alarm.suspend(family, stolen, context), proof)
    after = presentation.rotate(shards, presented, context)
    shard = after.of[presented.shard]
    retried = after == shards
    token = RefreshToken(family.id, presented.shard, shard.generation)
    moment = _moment(shard, context, retried=retried)
    handle = ShardReference(token.family, token.shard, token.generation, moment)
    changes: tuple[Change, ...] = ()
    if not retried:
        changes = (Update(msgspec.structs.replace(family, shards=after)),)
    document = Delivered(
        key_shard=refresh_token.write(token, context.installation.keyring),
        handle=derived_secrets.write("kh", handle, context.installation.keyring),
        expires_in=handle.at + HANDLE_SECONDS - context.env.now,
    )
    return Answer(document=document, changes=(*changes, *proof))


def _moment(shard: Shard, context: Context, *, retried: bool) -> int:
    """The time in the handle: for a retry, that of the first delivery while its handle is valid.
    Used handles never have the same time."""
    window = context.env.now <= shard.turned + context.installation.lifetimes.refresh_window
    if retried and window and shard.turned > shard.joined:
        return shard.turned
    return max(context.env.now, shard.joined + 1)
