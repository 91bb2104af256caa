"""The status of the shards of a key, for its app."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.grant import TokenFamily
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, RefreshToken, StepState, state_of
from valetkey.server.oauth.shards import derived_secrets
from valetkey.server.oauth.shards.derived_secrets import TICKET_SECONDS, ShardReference
from valetkey.server.oauth.tokens import refresh_token
from valetkey.wire.key_shards import PARAMETER, Claimed, KeyShard, KeyShards, Status


def shard_statuses(
    family: TokenFamily, context: Context, *, renewed: Iterable[int] = ()
) -> KeyShards:
    """The status of each shard. Only the backend's ticket goes through the app: with more, the app
    could have had more than one shard."""
    shards, presented = family.shards, frozenset(renewed)
    if shards is None:
        raise LookupError("an ordinary key")
    every = (_one(family, at, context, show=at in presented) for at in range(len(shards.of)))
    return KeyShards(shards.threshold, tuple(every))


class RenewedShards(StepState, frozen=True, eq=False):
    """The numbers of the shards that a refresh renewed."""

    numbers: tuple[int, ...]


def members(decision: Issue, context: Context) -> Mapping[str, Any]:
    """The member of the token response; none for a key in one piece, or one that was delegated."""
    standing, state = decision.standing, state_of(decision, RenewedShards)
    if standing is None or standing.family.shards is None or decision.refresh_token is None:
        return {}
    renewed = () if state is None else state.numbers
    statuses = shard_statuses(standing.family, context, renewed=renewed)
    return {PARAMETER: msgspec.to_builtins(statuses)}


def _one(family: TokenFamily, at: int, context: Context, *, show: bool) -> KeyShard:
    shard = family.shard(at)
    if shard.is_claimed:
        written = write(family, at, context) if show else ""
        return KeyShard(holder=shard.holder, key_shard=written)
    if shard.holder == "device":
        return KeyShard(holder=shard.holder, status="unclaimed")
    if shard.holder == "backend":
        return KeyShard(
            holder=shard.holder,
            status="unclaimed",
            claim_ticket=ticket(family, at, context),
            expires_in=TICKET_SECONDS,
        )
    status: Status = "spent" if shard.is_spent else "unclaimed"
    return KeyShard(holder=shard.holder, status=status, claim_uri=page(family, context))


def write(family: TokenFamily, at: int, context: Context) -> str:
    """The current shard, as text."""
    return refresh_token.write(current_shard(family, at), context.installation.keyring)


def current_shard(family: TokenFamily, at: int) -> RefreshToken:
    """The current shard."""
    return RefreshToken(family.id, at, family.shard(at).generation)


def ticket(family: TokenFamily, at: int, context: Context) -> str:
    """A ticket with which the holder claims the shard."""
    generation, until = family.shard(at).generation, context.env.now + TICKET_SECONDS
    return derived_secrets.write(
        "kt", ShardReference(family.id, at, generation, until), context.installation.keyring
    )


def page(family: TokenFamily, context: Context) -> str:
    """The address of the page where the user gets what must not go through the app."""
    return f"{context.installation.issuer}{path(family)}"


def path(family: TokenFamily) -> str:
    """The page of one device's shards."""
    return f"/apps/{family.grant}/shards/{family.id}"


def claimed(family: TokenFamily, at: int, context: Context) -> Claimed:
    """The answer to a claim."""
    threshold = family.shards.threshold if family.shards else 1
    return Claimed(write(family, at, context), family.shard(at).holder, threshold)


def backend_of(client: Client) -> str:
    """The client that holds the backend's shards of an app."""
    return client.key_shard_backend or client.id
