"""A key in shards on its device, which never presents its own shard alone."""

import contextlib
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from valetkey.client import server
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    Aborted,
    ClientError,
    Denied,
    ServerUnavailable,
    ShardsMissing,
    StoreError,
    TicketSpent,
)
from valetkey.client.locked_store import LockedStore
from valetkey.client.proof_key import Prover
from valetkey.client.shard_client import (
    OtherHolder,
    ShardClient,
    as_client_error,
    convert,
    recovery_code,
)
from valetkey.client.steps import Flow
from valetkey.client.tokens import Tokens
from valetkey.wire import key_shards
from valetkey.wire.key_shards import HOLDER, OTHERS, Holder, KeyShard, Reissued


class ShardFlows:
    """The flows of the device. `others` are the holders that it can ask."""

    def __init__(
        self, endpoints: Endpoints, store: LockedStore, others: Iterable[OtherHolder]
    ) -> None:
        self._server = endpoints
        self._store = store
        self._others = tuple(others)
        self.client = ShardClient(endpoints, store)

    def settle(self) -> Flow[None]:
        """Gives the other holders their tickets."""
        yield from self._store.locked(self._settled())

    def _settled(self) -> Flow[None]:
        yield from self.claim_pending((yield from self._store.require()))

    def claim_pending(self, tokens: Tokens) -> Flow[Tokens]:
        """The tokens, once each holder that answers has its shard. The others are asked again
        before the next renewal. Call it with the lock."""
        if tokens.ticket and not tokens.refresh_token:
            # This device's own claim, which got no answer.
            yield from self.client.claim_locked(tokens.ticket)
            tokens = yield from self._store.require()
        for one in tokens.shards:
            holder = self._of(one.holder)
            if not one.claim_ticket or holder is None:
                continue
            with contextlib.suppress(ServerUnavailable, ShardsMissing, TicketSpent):
                yield from holder.claim(one.claim_ticket, tokens.prover)
                before, tokens = tokens, _with(tokens, KeyShard(holder=one.holder))
                yield from self._store.save(tokens, instead_of=before)
        return tokens

    def refresh_parameters(self, tokens: Tokens, typed: Iterable[str]) -> Flow[dict[str, str]]:
        """The parameters of a refresh with the other shards. Raises ShardsMissing, caused by the
        error of a holder."""
        if tokens.threshold < 2:
            return {}
        presented = yield from self._presented(tokens.prover, tokens.threshold - 1, typed)
        return {OTHERS: key_shards.write_others(presented)}

    def _presented(
        self, prover: Prover | None, count: int, typed: Iterable[str]
    ) -> Flow[list[str]]:
        presented = [shard_or_code(one) for one in typed]
        why: ClientError | None = None
        for holder in self._others:
            if len(presented) >= count:
                break
            try:
                presented.append((yield from holder.present(prover)))
            except (ServerUnavailable, ShardsMissing) as error:
                why = error
        if len(presented) < count:
            raise ShardsMissing(
                f"{count - len(presented)} more of the key's shards are needed"
            ) from why
        return presented

    def replace(self, lost: Holder, typed: Iterable[str]) -> Flow[str]:
        """Replaces a lost shard, for which enough other shards are presented. The new shard goes to
        its holder. Returns the address where the user fetches it instead, or ""."""
        return (yield from self._store.locked(self._replaced(lost, typed)))

    def _replaced(self, lost: Holder, typed: Iterable[str]) -> Flow[str]:
        yield from self._store.ready()
        tokens = yield from self._store.replaced()
        address = (yield from self._server.about()).key_shard_reissue_endpoint
        if not address:
            raise Aborted(f"{self._server.app.issuer} knows no shards")
        tier = self._server.app.key_shards
        threshold = 2 if tier is None else tier.threshold
        mine = tokens is not None and lost != "device" and bool(tokens.refresh_token)
        prover = tokens.prover if tokens is not None and mine else None
        presented = yield from self._presented(prover, threshold - mine, typed)
        form = {HOLDER: lost, OTHERS: key_shards.write_others(presented)}
        if tokens is not None and mine:
            form["refresh_token"] = tokens.refresh_token
        try:
            answer = yield from server.post_again(
                address, form, app=self._server.app, prover=prover
            )
        except Denied as error:
            raise as_client_error(error, ShardsMissing) from error
        reissued: Reissued = convert(answer, Reissued)
        if lost == "device":
            yield from self.client.claim_locked(reissued.claim_ticket)
        elif tokens is not None:
            yield from self._renewed(tokens, reissued)
        return reissued.claim_uri

    def _renewed(self, tokens: Tokens, reissued: Reissued) -> Flow[None]:
        shard = KeyShard(
            holder=reissued.holder, status="unclaimed", claim_ticket=reissued.claim_ticket
        )
        token = reissued.refresh_token or tokens.refresh_token
        fresh = _with(replace(tokens, refresh_token=token), shard)
        yield from self._store.save(fresh, instead_of=tokens)
        yield from self.claim_pending(fresh)

    def forget(self, tokens: Tokens) -> Flow[None]:
        """The other holders drop their shards. An unreachable one keeps a useless shard."""
        for holder in self._others if tokens.threshold > 1 else ():
            with contextlib.suppress(ClientError, StoreError):
                yield from holder.forget(tokens.prover)

    def _of(self, name: Holder) -> OtherHolder | None:
        return next((one for one in self._others if one.holder == name), None)


def with_shards(answer: dict[str, Any], tokens: Tokens) -> Tokens:
    """The tokens with the shards of a token response. Raises ServerUnavailable."""
    if key_shards.PARAMETER not in answer:
        return tokens
    try:
        answered = key_shards.read_key_shards(answer[key_shards.PARAMETER])
    except key_shards.BadShards as error:
        raise ServerUnavailable("the token response cannot be read") from error
    return replace(tokens, threshold=answered.threshold, shards=answered.shards)


def shard_or_code(typed: str) -> str:
    """A scanned or typed shard, handle or recovery code. Raises CodeMistyped, and TicketSpent for a
    ticket."""
    text = typed.strip()
    if text.startswith("vk_kt_"):
        raise TicketSpent("this is a ticket, by which a device gets a shard: join with it")
    return recovery_code(text) if key_shards.is_code(text) else text


def _with(tokens: Tokens, shard: KeyShard) -> Tokens:
    shards = tuple(shard if one.holder == shard.holder else one for one in tokens.shards)
    return replace(tokens, shards=shards)
