"""Claims: a holder gets its shard for a ticket, in its own authenticated request."""

from typing import Final

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import event
from valetkey.server.model.grant import Shard, Shards, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, RefreshToken, Refuse, with_changes
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.shard_policy import NAME, TIERS
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.shards import alarm, derived_secrets, presentation, response
from valetkey.server.oauth.shards.alarm import NAMES, sharded
from valetkey.server.oauth.shards.derived_secrets import HANDLE_SECONDS, ShardReference
from valetkey.server.oauth.shards.presentation import proves_itself
from valetkey.server.oauth.shards.reissue import serve_reissue
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.errors import InvalidGrant, InvalidRequest
from valetkey.wire.key_shards import (
    CITE,
    CLAIM_PATH,
    DELIVERY_PATH,
    OF_DEVICES,
    OTHERS,
    REISSUE_PATH,
    SHARD,
    TICKET,
    Delivered,
)


def claim(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Returns the shard of the ticket, once. The same holder gets the same shard again until it is
    used. Raises InvalidGrant for others."""
    ticket = derived_secrets.read("kt", call.form.need(TICKET), context.installation.keyring)
    by = yield from authenticate(call, context)
    by, proof = yield from bind(by, call.request, context)
    query = One(TokenFamily, ticket.family)
    family, shards = sharded((yield (query,)).one(query), context)
    of_app = One(Client, family.client)
    app = (yield (of_app,)).one(of_app)
    if app is None or ticket.shard >= len(shards.of):
        raise InvalidGrant(detail="the app of the ticket is gone")
    shard = shards.of[ticket.shard]
    _check_holder(shard, app, by)
    _check_ticket(ticket, shard, context)
    if shard.is_claimed:
        _check_same(family, ticket.shard, by)
        return Answer(document=response.claimed(family, ticket.shard, context), changes=proof)
    mine = msgspec.structs.replace(
        shard,
        client=by.client.id,
        cnf=by.confirmation if shard.holder == "second_device" else None,
        turned=context.env.now,
        by="",
    )
    after = _with_claimed(
        family, shards.having(ticket.shard, mine), ticket.shard, by=by, agent=call.agent
    )
    audit_event = event(
        context.env,
        "claimed",
        by="app",
        user=family.user,
        client=family.client,
        grant=family.grant,
        note=after.device,
        reason=NAMES[shard.holder],
    )
    document = response.claimed(after, ticket.shard, context)
    return Answer(document=document, changes=(Update(after), *proof), events=(audit_event,))


def _check_holder(shard: Shard, app: Client, by: Authenticated) -> None:
    """Raises InvalidGrant if the caller can't be the holder of such a shard."""
    if shard.holder in OF_DEVICES:
        if by.client.id != app.id:
            raise InvalidGrant(detail="the ticket is for a device of the app")
        if by.confirmation is None:
            raise InvalidRequest("a device proves a key of its own when it claims its shard")
    elif shard.holder != "backend":
        raise InvalidGrant(detail="nobody claims a recovery code: its page shows it")
    elif by.client.id != response.backend_of(app) or not proves_itself(by):
        raise InvalidGrant(detail="the ticket is for the backend of the app")


def _check_ticket(ticket: ShardReference, shard: Shard, context: Context) -> None:
    if ticket.generation != shard.since or shard.generation != shard.since:
        raise InvalidGrant("the ticket was used, or replaced by another")
    if context.env.now >= ticket.at:
        raise InvalidGrant("the ticket is over")


def _check_same(family: TokenFamily, at: int, by: Authenticated) -> None:
    """Checks a retry after a lost response. Raises InvalidGrant for another holder."""
    shard = family.shard(at)
    device = shard.holder in OF_DEVICES
    if by.client.id != shard.client or (device and by.confirmation != family.bound_to(at)):
        raise InvalidGrant("the ticket was used by somebody else")


def _with_claimed(
    family: TokenFamily, shards: Shards, at: int, *, by: Authenticated, agent: str
) -> TokenFamily:
    if at > 0:
        return msgspec.structs.replace(family, shards=shards)
    # The family belongs to the device, which is a new one now.
    return msgspec.structs.replace(
        family,
        shards=shards,
        cnf=by.confirmation,
        instance=by.instance,
        device=agent or family.device,
    )


# Deliveries: a holder sends its shard in its own authenticated request. It gets a handle, for the
# client that refreshes, and the rotated shard.


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


# The feature of sharded keys.

PAGE: Final = "/apps/{grant}/shards/{family}"

KEY_SHARDS: Final = Feature(
    name=NAME,
    issuing=IssuingStep(owners=("user",), members=response.members),
    token_parameters=(OTHERS,),
    requires=("refresh token",),
    cites=(CITE,),
    pages=(PAGE,),
    endpoints=(
        Endpoint(path=CLAIM_PATH, metadata="key_shard_claim_endpoint", cite=CITE, rule=claim),
        Endpoint(
            path=DELIVERY_PATH, metadata="key_shard_delivery_endpoint", cite=CITE, rule=deliver
        ),
        Endpoint(
            path=REISSUE_PATH, metadata="key_shard_reissue_endpoint", cite=CITE, rule=serve_reissue
        ),
    ),
    metadata=lambda _: {"key_shards_supported": TIERS},
)
