"""Introspection of refresh tokens (RFC 7662 2.1): to the app whose it is, and to nobody else."""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.oauth.endpoints.introspection import introspect, refreshable
from valetkey.wire.introspection import INACTIVE, Introspection

SCOPE = "openid chirps offline_access"


def held(world: World, client: str = "web") -> str:
    return str(world.connect(client, scope=SCOPE)["refresh_token"])


def asked(world: World, text: str, by: str = "web") -> Introspection:
    """What is told, and nothing is written by it."""
    before = world.digest()
    told = world.introspect(text, by=by)
    assert world.digest() == before
    return told


def test_its_own_app_is_told() -> None:
    world = World()
    text = held(world)
    told = asked(world, text)
    family, grant = world.family("web"), world.grant("web")
    assert told == Introspection(
        active=True,
        scope=world.at.offer.names(grant.permissions, requested=SCOPE.split()),
        client_id="web",
        exp=family.expires,
        iat=family.rotated,
        sub=world.miko.id,
        iss=world.at.issuer,
        auth_time=family.auth_time,
        grant_id=grant.id,
        grant_version=grant.version,
    )


@pytest.mark.parametrize("by", ["post", "machine", "chirp", "photos"])
def test_nobody_else_is(by: str) -> None:
    """ATTACKS A57: not even an API that the token could be used at."""
    world = World()
    assert asked(world, held(world), by=by) == INACTIVE


def test_a_hint_changes_nothing() -> None:
    world = World()
    text = held(world)
    for hint in ("refresh_token", "access_token", "nonsense"):
        outcome = world.post(introspect, call("web", token=text, token_type_hint=hint))
        assert getattr(outcome, "document", None) == asked(world, text)


DEAD: list[Any] = [
    row("A78", "user disabled", lambda it: it.change(User, it.miko.id, status="disabled")),
    row("A78", "grant paused", lambda it: it.change(Grant, it.grant("web").id, status="paused")),
    row("A78", "grant stopped", lambda it: it.change(Grant, it.grant("web").id, status="stopped")),
    row(
        "A78",
        "family closed",
        lambda it: it.change(TokenFamily, it.family("web").id, status="closed"),
    ),
    row("A78", "its time is over", lambda it: it.later(400 * 86400)),
    row(
        "A78",
        "no leave to go on while away",
        lambda it: it.change(Grant, it.grant("web").id, permissions=("openid",)),
    ),
]


@pytest.mark.parametrize("happens", DEAD)
def test_what_would_not_be_refreshed_is_inactive(happens: Any) -> None:
    world = World()
    text = held(world)
    happens(world)
    assert asked(world, text) == INACTIVE


def test_every_prefix_and_suffix_of_it_is_inactive() -> None:
    world = World()
    text = held(world)
    for cut in range(1, len(text)):
        assert asked(world, text[:cut]) == INACTIVE
        assert asked(world, text[cut:]) == INACTIVE


def test_a_replaced_one_is_good_for_as_long_as_a_lost_reply_may_be_repeated() -> None:
    world = World()
    world.change(Client, "kite", grant_types=("authorization_code", "refresh_token"))
    old = held(world, "kite")
    new = world.refresh("kite", old)["refresh_token"]
    assert world.ask(refreshable(old, world.context)) is not None
    world.later(31)
    assert world.ask(refreshable(old, world.context)) is None
    assert world.ask(refreshable(new, world.context)) is not None
    assert world.family("kite").status == "open", "asking closes nobody's family"
