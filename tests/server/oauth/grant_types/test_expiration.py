"""draft-ietf-oauth-refresh-token-expiration: how long a key lasts, told to apps that want it."""

from typing import Any

import msgspec
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant

NAMES = ("refresh_token_timeout", "authorization_expires_in")
DAY = 86400


def told(tokens: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(tokens.get(name) for name in NAMES)


def opted_in(world: World) -> None:
    world.change(Client, "kite", understands=("authorization_expiration",))


def test_an_ordinary_app_hears_nothing_of_it() -> None:
    assert told(World().connect()) == (None, None)


def test_both_count_from_now() -> None:
    world = World(refresh_idle=7 * DAY, refresh_token=10 * DAY)
    opted_in(world)
    tokens = world.connect()
    assert told(tokens) == (7 * DAY, 10 * DAY)
    world.later(2 * DAY)
    tokens = world.refresh("kite", tokens["refresh_token"])
    assert told(tokens) == (7 * DAY, 8 * DAY)
    world.later(5 * DAY)
    tokens = world.refresh("kite", tokens["refresh_token"])
    assert told(tokens) == (3 * DAY, 3 * DAY)


def test_an_end_that_the_user_set_counts() -> None:
    world = World()
    opted_in(world)
    tokens = world.connect()
    grant = world.grant()
    limits = msgspec.structs.replace(grant.limits, until=world.now + 5 * DAY)
    world.change(Grant, grant.id, limits=limits)
    assert told(world.refresh("kite", tokens["refresh_token"])) == (5 * DAY, 5 * DAY)


def test_a_token_without_a_successor_says_nothing() -> None:
    world = World()
    world.change(
        Client,
        "kite",
        understands=("authorization_expiration",),
        grant_types=("authorization_code",),
    )
    assert told(world.connect()) == (None, None)


def ends(world: World, seconds: int) -> int:
    """Miko bounds the grant; when it ends."""
    grant = world.grant()
    limits = msgspec.structs.replace(grant.limits, until=world.now + seconds if seconds else 0)
    world.change(Grant, grant.id, limits=limits)
    return int(limits.until)


def test_every_app_is_told_of_a_coming_end() -> None:
    """Whether it has opted into anything or not."""
    world = World()
    tokens = world.connect()
    assert "grant_expires_at" not in tokens
    until = ends(world, 5 * DAY)
    tokens = world.refresh("kite", tokens["refresh_token"])
    assert tokens["grant_expires_at"] == until
    assert world.connect()["grant_expires_at"] == until
    ends(world, 0)
    assert "grant_expires_at" not in world.refresh("kite", tokens["refresh_token"])


def test_an_introspection_says_it_to_the_api_and_to_the_app() -> None:
    world = World()
    tokens = world.connect("web")
    assert world.introspect(tokens["access_token"]).grant_expires_at == 0
    grant = world.grant("web")
    until = world.now + 5 * DAY
    world.change(Grant, grant.id, limits=msgspec.structs.replace(grant.limits, until=until))
    assert world.introspect(tokens["access_token"]).grant_expires_at == until
    assert world.introspect(tokens["access_token"], by="web").grant_expires_at == until
    assert world.introspect(tokens["refresh_token"], by="web").grant_expires_at == until
