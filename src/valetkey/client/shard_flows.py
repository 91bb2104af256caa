"""A key in shards, as its device uses it: it never shows its own shard alone."""

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
from valetkey.client.holders import OtherHolder, recovery_code
from valetkey.client.locked_store import Kept
from valetkey.client.proof_key import Prover
from valetkey.client.shard_client import Keeper, as_told, convert
from valetkey.client.steps import Flow
from valetkey.client.tokens import Tokens
from valetkey.wire import key_shards
from valetkey.wire.key_shards import HOLDER, OTHERS, Holder, KeyShard, Reissued


class ShardFlows:
    """The device's part. `others` are the holders that it can ask."""

    def __init__(self, endpoints: Endpoints, kept: Kept, others: Iterable[OtherHolder]) -> None:
        self._server = endpoints
        self._kept = kept
        self._others = tuple(others)
        self.keeper = Keeper(endpoints, kept)

    def settle(self) -> Flow[None]:
        """Passes on what the other holders have to claim."""
        yield from self._kept.locked(self._settled())

    def _settled(self) -> Flow[None]:
        yield from self.claimed((yield from self._kept.held()))

    def claimed(self, held: Tokens) -> Flow[Tokens]:
        """The key, once each holder that answers has its shard; who does not is asked again before
        the next renewal. With the lock held."""
        if held.ticket and not held.refresh_token:
            # This device's own claim, to which no answer came.
            yield from self.keeper.claim_held(held.ticket)
            held = yield from self._kept.held()
        for one in held.shards:
            holder = self._of(one.holder)
            if not one.claim_ticket or holder is None:
                continue
            with contextlib.suppress(ServerUnavailable, ShardsMissing, TicketSpent):
                yield from holder.claim(one.claim_ticket, held.prover)
                before, held = held, _with(held, KeyShard(holder=one.holder))
                yield from self._kept.save(held, instead_of=before)
        return held

    def beside(self, held: Tokens, given: Iterable[str]) -> Flow[dict[str, str]]:
        """What a refresh says beside the device's own shard. Raises ShardsMissing, which holder it
        wants being the cause."""
        if held.threshold < 2:
            return {}
        shown = yield from self._presented(held.prover, held.threshold - 1, given)
        return {OTHERS: key_shards.write_others(shown)}

    def _presented(
        self, prover: Prover | None, wanted: int, given: Iterable[str]
    ) -> Flow[list[str]]:
        shown = [shard_or_code(one) for one in given]
        why: ClientError | None = None
        for holder in self._others:
            if len(shown) >= wanted:
                break
            try:
                shown.append((yield from holder.present(prover)))
            except (ServerUnavailable, ShardsMissing) as error:
                why = error
        if len(shown) < wanted:
            raise ShardsMissing(
                f"{wanted - len(shown)} more of the key's shards are wanted"
            ) from why
        return shown

    def replace(self, lost: Holder, given: Iterable[str]) -> Flow[str]:
        """A new shard in the place of a lost one, shown for with k of the others: passed on to its
        holder where that can be asked; else the address where the user fetches it. "" for done."""
        return (yield from self._kept.locked(self._replaced(lost, given)))

    def _replaced(self, lost: Holder, given: Iterable[str]) -> Flow[str]:
        yield from self._kept.ready()
        held = yield from self._kept.replaced()
        address = (yield from self._server.about()).key_shard_reissue_endpoint
        if not address:
            raise Aborted(f"{self._server.app.issuer} knows no shards")
        tier = self._server.app.key_shards
        threshold = 2 if tier is None else tier.threshold
        mine = held is not None and lost != "device" and bool(held.refresh_token)
        prover = held.prover if held is not None and mine else None
        shown = yield from self._presented(prover, threshold - mine, given)
        form = {HOLDER: lost, OTHERS: key_shards.write_others(shown)}
        if held is not None and mine:
            form["refresh_token"] = held.refresh_token
        try:
            answer = yield from server.post_again(
                address, form, app=self._server.app, prover=prover
            )
        except Denied as error:
            raise as_told(error, ShardsMissing) from error
        made: Reissued = convert(answer, Reissued)
        if lost == "device":
            yield from self.keeper.claim_held(made.claim_ticket)
        elif held is not None:
            yield from self._renewed(held, made)
        return made.claim_uri

    def _renewed(self, held: Tokens, made: Reissued) -> Flow[None]:
        told = KeyShard(holder=made.holder, status="unclaimed", claim_ticket=made.claim_ticket)
        token = made.refresh_token or held.refresh_token
        fresh = _with(replace(held, refresh_token=token), told)
        yield from self._kept.save(fresh, instead_of=held)
        yield from self.claimed(fresh)

    def forget(self, held: Tokens) -> Flow[None]:
        """The other holders forget theirs; who cannot be reached keeps what opens nothing."""
        for holder in self._others if held.threshold > 1 else ():
            with contextlib.suppress(ClientError, StoreError):
                yield from holder.forget(held.prover)

    def _of(self, name: Holder) -> OtherHolder | None:
        return next((one for one in self._others if one.holder == name), None)


def told(answer: dict[str, Any], tokens: Tokens) -> Tokens:
    """The key, with what a token response tells of its shards. Raises ServerUnavailable."""
    if key_shards.PARAMETER not in answer:
        return tokens
    try:
        said = key_shards.read_key_shards(answer[key_shards.PARAMETER])
    except key_shards.BadShards as error:
        raise ServerUnavailable("the token response cannot be read") from error
    return replace(tokens, threshold=said.threshold, shards=said.shards)


def shard_or_code(given: str) -> str:
    """What was scanned or typed. Raises CodeMistyped, TicketSpent for what is shown elsewhere."""
    text = given.strip()
    if text.startswith("vk_kt_"):
        raise TicketSpent("this is a ticket, by which a device gets a shard: join with it")
    return recovery_code(text) if key_shards.is_code(text) else text


def _with(held: Tokens, told: KeyShard) -> Tokens:
    shards = tuple(told if one.holder == told.holder else one for one in held.shards)
    return replace(held, shards=shards)
