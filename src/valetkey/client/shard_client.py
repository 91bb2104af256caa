"""One shard at its holder: claimed with a ticket, delivered for a handle.

The wire format is described in docs/reference/key-shards.md.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from valetkey.client import flow, server
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    Aborted,
    ClientError,
    Denied,
    KeyStopped,
    KeySuspended,
    ServerUnavailable,
    ShardsMissing,
    TicketSpent,
    interrupted,
)
from valetkey.client.locked_store import LockedStore
from valetkey.client.proof_key import Prover
from valetkey.client.steps import Flow
from valetkey.client.tokens import Tokens
from valetkey.wire.key_shards import SHARD, TICKET, Claimed, Delivered, Holder


class ShardClient:
    """Stores one shard as Tokens that are useless alone: the shard is in place of the refresh
    token."""

    def __init__(self, endpoints: Endpoints, store: LockedStore) -> None:
        self._server = endpoints
        self._store = store

    def claim(self, ticket: str) -> Flow[Holder]:
        """Claims the shard, and stores it. Returns the kind of holder. Raises TicketSpent, Denied,
        ServerUnavailable, StoreError."""
        return (yield from self._store.locked(self.claim_locked(ticket)))

    def deliver(self) -> Flow[Delivered]:
        """Delivers the shard to the server: its `handle` stands for it, once, for a minute. Raises
        NoKey, KeyStopped, KeySuspended, ServerUnavailable, StoreError."""
        return (yield from self._store.locked(self._deliver()))

    def claim_locked(self, ticket: str) -> Flow[Holder]:
        """As `claim`, for a caller with the lock."""
        before = yield from self._store.replaced()
        yield from self._store.ready()
        about = yield from self._server.about()
        # A repeated claim of a ticket uses the same key: the first one got no reply.
        prover = before.prover if before and before.ticket == ticket else None
        prover = prover or flow.new_prover(self._server.app, about)
        claiming = _claiming(ticket, prover)
        # The claim can be repeated with this key. A working key is not overwritten yet.
        noted = prover is not None and not (before and before.refresh_token)
        if noted:
            yield from self._store.save(claiming, instead_of=before)
        try:
            answer = yield from self._again(
                about.key_shard_claim_endpoint, {TICKET: ticket}, prover
            )
        except Denied as error:
            if noted:
                yield from self._store.save(before, instead_of=claiming)
            changed = error.code == "invalid_request"
            why = TicketSpent("no such ticket") if changed else as_client_error(error, TicketSpent)
            raise why from error
        claimed: Claimed = convert(answer, Claimed)
        fresh = replace(claiming, refresh_token=claimed.key_shard, threshold=claimed.threshold)
        instead_of = claiming if noted else before
        yield from self._store.save(replace(fresh, ticket=""), instead_of=instead_of)
        return claimed.holder

    def _deliver(self) -> Flow[Delivered]:
        tokens = yield from self._store.require()
        yield from self._store.ready()
        about = yield from self._server.about()
        form = {SHARD: tokens.refresh_token}
        try:
            answer = yield from self._again(about.key_shard_delivery_endpoint, form, tokens.prover)
        except Denied as error:
            raise as_client_error(error, KeyStopped) from error
        delivered: Delivered = convert(answer, Delivered)
        # Stored before anyone gets the handle.
        turned = replace(tokens, refresh_token=delivered.key_shard)
        yield from self._store.save(turned, instead_of=tokens)
        return delivered

    def _again(
        self, address: str, form: dict[str, str], prover: Prover | None
    ) -> Flow[dict[str, Any]]:
        """The answer. Without one it asks once more, which is harmless."""
        if not address:
            raise Aborted(f"{self._server.app.issuer} knows no shards")
        return (yield from server.post_again(address, form, app=self._server.app, prover=prover))


def _claiming(ticket: str, prover: Prover | None) -> Tokens:
    """Tokens of a pending claim: useless until the shard is there, and with the ticket until
    then."""
    key = "" if prover is None else prover.text
    return Tokens(access_token="", expires=1, key=key, ticket=ticket)


def as_client_error(error: Denied, otherwise: type[ClientError]) -> ClientError:
    """The SDK's error for a refusal of the server."""
    passing = interrupted(error.reason)
    if passing is not None:
        return passing
    match error.code:
        case "key_suspended":
            return KeySuspended("the key is suspended until its user checks and resumes it")
        case "insufficient_key_shards":
            return ShardsMissing("too few of the key's shards were presented")
        case "invalid_grant":
            return otherwise(error.description or "it is not valid any more")
        case _:
            return error


def convert(answer: dict[str, Any], kind: type[Any]) -> Any:
    """An answer of that kind. Raises ServerUnavailable where it cannot be read."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise ServerUnavailable("the server's answer cannot be read") from error
