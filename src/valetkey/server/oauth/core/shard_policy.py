"""Which keys may be split into shards, and how: what is offered, and what a client opted into."""

from collections.abc import Iterator
from typing import Final

from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.field_checks import find_duplicates
from valetkey.spec import names
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import RISKS
from valetkey.wire.form import Form
from valetkey.wire.key_shards import PARAMETER, BadShards, Tier, read_tier, why_not_tier

NAME: Final = "key shards"
"""The name of the feature in settings."""

TIERS: Final[tuple[Tier, ...]] = (
    Tier(2, ("device", "backend")),
    Tier(2, ("device", "backend", "recovery_code")),
    Tier(2, ("device", "backend", "second_device")),
)
"""The ways to split a key. An ordinary key is 1 of 1."""


def is_enabled(context: Context) -> bool:
    """Whether keys may be split here."""
    return NAME in context.installation.enabled_features


def requested_tier(form: Form, client: Client, context: Context) -> Tier | None:
    """The split that a request asks for, None for an ordinary key. Raises InvalidRequest."""
    text = form.get(PARAMETER, "")
    if not text or not is_enabled(context):
        return None
    try:
        tier = read_tier(text)
    except BadShards as error:
        raise InvalidRequest(f"{PARAMETER} cannot be read", detail=str(error)) from error
    if tier not in client.key_shards or tier not in TIERS:
        raise InvalidRequest("this app is not registered for this kind of key_shards")
    if names.REFRESH_TOKEN not in client.grant_types:
        raise InvalidRequest("this app gets no refresh token, so there is nothing to split")
    return tier


def without_risky(
    permissions: tuple[str, ...], client: Client, context: Context
) -> tuple[str, ...]:
    """The permissions that need no shard above the threshold, by the client's policy."""
    from_risk = context.installation.all_policies[client.policy].one_more_shard
    if not from_risk:
        return permissions
    least, offer = RISKS.index(from_risk), context.installation.offer
    safe = {one for one in permissions if RISKS.index(offer.permissions[one].risk) < least}
    closed = offer.with_all_implied(safe)
    return tuple(one for one in permissions if one in closed)


def key_shards(client: Client, at: Installation) -> Iterator[str]:
    """Check the splits that a client may request."""
    if not client.key_shards:
        return
    if all(feature.name != NAME for feature in at.features):
        yield "is not offered here"
    if names.REFRESH_TOKEN not in client.grant_types:
        yield "of no use without the grant type refresh_token"
    for tier in client.key_shards:
        if tier not in TIERS:
            yield why_not_tier(tier) or f"{_describe_tier(tier)} is not offered here"
    yield from find_duplicates([_describe_tier(tier) for tier in client.key_shards])


def key_shard_backend(client: Client, at: Installation) -> Iterator[str]:
    """Check who has the backend's shards: a party that authenticates."""
    cut = any("backend" in tier.holders for tier in client.key_shards)
    if client.key_shard_backend and not cut:
        yield "of no use without key_shards that have a backend"
    many = client.is_public or client.auth_method == "attest_jwt_client_auth"
    if cut and many and client.key_shard_backend in {"", client.id}:
        yield "is missing: the backend's shard belongs to one party that authenticates"


def _describe_tier(tier: Tier) -> str:
    return f"{tier.threshold} of {', '.join(tier.holders)}"
