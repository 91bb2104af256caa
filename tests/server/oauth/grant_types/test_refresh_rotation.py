"""Refresh tokens: one live lineage, which a lost reply does not break and a thief does.

RFC 6749 6, RFC 9700 4.14.2; ATTACKS A15; PROMISES R05, I3, I4.
"""

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.grant_types.story import leaf, refused
from tests.server.oauth.world import World

from valetkey.server.model.change import Stale
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.policy import Policy
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.grant_types.token import token
from valetkey.spec.errors import InvalidGrant

WINDOW = 30


# Public clients rotate.


def test_each_refresh_brings_the_next() -> None:
    world = World()
    tokens = world.connect()
    seen = [leaf(tokens)]
    for turn in range(1, 6):
        world.later(100)
        tokens = world.refresh("kite", leaf(tokens))
        seen.append(leaf(tokens))
        assert world.introspect(tokens["access_token"]).active
        assert (world.family().generation, world.family().used) == (turn, world.now)
    assert len(set(seen)) == 6
    assert len(world.all(TokenFamily)) == 1


RETRIES = [
    row("R05", "at once", 0),
    row("R05", "in the middle of the window", 15),
    row("R05", "in its last second", WINDOW),
]


@pytest.mark.parametrize("seconds", RETRIES)
def test_a_lost_reply_is_asked_for_again(seconds: int) -> None:
    """The same successor each time, so that no second lineage can begin."""
    world = World()
    old = leaf(world.connect())
    new = leaf(world.refresh("kite", old))
    world.later(seconds)
    before = world.digest()
    retried = [world.refresh("kite", old) for _ in range(3)]
    assert {leaf(one) for one in retried} == {new}
    assert world.digest() == before
    assert len({one["access_token"] for one in retried}) == 3
    assert not refused(world, new)


def test_the_window_is_a_setting() -> None:
    world = World(refresh_window=5)
    old = leaf(world.connect())
    world.refresh("kite", old)
    world.later(6)
    assert refused(world, old)


REPLAYS: list[tuple[str, str, int, int]] = [
    ("9700 4.14.2", "after the window", 1, WINDOW + 1),
    ("9700 4.14.2", "long after the window", 1, 86400),
    ("9700 4.14.2", "once the successor was used, at once", 2, 0),
    ("9700 4.14.2", "once the successor was used, late", 2, 100),
    ("9700 4.14.2", "from long ago", 5, 0),
]


@pytest.mark.parametrize("turns,seconds", [row(a, b, *rest) for a, b, *rest in REPLAYS])
def test_an_old_one_is_in_a_strangers_hands(turns: int, seconds: int) -> None:
    world = World()
    first = world.connect()
    tokens = first
    for _ in range(turns):
        tokens = world.refresh("kite", leaf(tokens))
    world.later(seconds)
    with pytest.raises(InvalidGrant, match="used before"):
        world.refresh("kite", leaf(first))
    assert world.family().because == "refresh token replayed"
    # Neither of the two goes on: nobody knows which is the thief.
    assert refused(world, leaf(tokens))
    assert refused(world, leaf(first))
    (told,) = (event for event in world.all(Event) if event.kind == "replayed")
    assert (told.user, told.client, told.by) == (world.miko.id, "kite", "server")
    # The user's yes stands: the app may sign in anew.
    assert world.grant().status == "active"


def test_a_replay_ends_the_access_tokens_too() -> None:
    world = World()
    first = world.connect()
    second = world.refresh("kite", leaf(first))
    third = world.refresh("kite", leaf(second))
    assert refused(world, leaf(first))
    for tokens in (first, second, third):
        assert not world.introspect(tokens["access_token"]).active


def test_a_replay_leaves_the_other_devices_alone() -> None:
    world = World()
    phone, laptop = world.connect(), world.connect()
    world.refresh("kite", leaf(world.refresh("kite", leaf(phone))))
    assert refused(world, leaf(phone))
    assert not refused(world, leaf(laptop))


def test_fifty_at_once_have_one_successor() -> None:
    """PROMISES R05: all have read the same family; one commit stands; the rest look again."""
    world = World()
    old = leaf(world.connect())
    given = call("kite", grant_type="refresh_token", refresh_token=old)
    decided = [world.ask(token(given, world.context)) for _ in range(50)]
    first = decided[0]
    assert isinstance(first, Issued)
    world.write(*first.changes)
    for late in decided[1:]:
        assert isinstance(late, Issued)
        with pytest.raises(Stale):
            world.write(*late.changes)
        again = world.settle(lambda: token(given, world.context))
        assert isinstance(again, Issued)
        assert again.refresh_token == first.refresh_token
    assert world.family().generation == 1
    assert not refused(world, first.refresh_token)


# Confidential clients do not.


def test_a_confidential_client_keeps_its_token() -> None:
    """FAPI 2.0 5.3.2.1: no rotation where the client proves itself."""
    world = World()
    tokens = world.connect("web")
    before = world.digest()
    for _ in range(3):
        world.later(100)
        again = world.refresh("web", leaf(tokens))
        assert leaf(again) == leaf(tokens)
    assert world.digest() == before


def test_its_use_is_noted_now_and_then() -> None:
    """PERFORMANCE: 0 writes where nothing rotates, but for one an hour."""
    world = World()
    tokens = world.connect("web")
    expires = world.family("web").expires
    world.later(3600)
    world.refresh("web", leaf(tokens))
    family = world.family("web")
    assert (family.used, family.generation, family.version) == (world.now, 0, 2)
    assert family.expires == expires + 3600


def test_a_short_idle_time_is_counted_from_the_last_use() -> None:
    world = World(refresh_idle=600, refresh_token=7200)
    tokens = world.connect("web")
    for _ in range(5):
        world.later(500)
        assert not refused(world, leaf(tokens), "web")
    world.later(600)
    assert refused(world, leaf(tokens), "web")


# How long.

ENDS: list[tuple[str, str, dict[str, int], list[int], bool]] = [
    ("A15", "idle for just short of it", {"refresh_idle": 100}, [99], False),
    ("A15", "idle for too long", {"refresh_idle": 100}, [100], True),
    ("A15", "used again and again", {"refresh_idle": 100}, [99, 99, 99], False),
    ("A15", "used, but too old", {"refresh_idle": 100, "refresh_token": 250}, [99, 99, 52], True),
    (
        "A15",
        "used, in its last second",
        {"refresh_idle": 100, "refresh_token": 250},
        [99, 99, 51],
        False,
    ),
]


@pytest.mark.parametrize("seconds,steps,ended", [row(a, b, *rest) for a, b, *rest in ENDS])
def test_when_a_lineage_ends(seconds: dict[str, int], steps: list[int], ended: bool) -> None:
    world = World(**seconds)
    tokens = world.connect()
    for step in steps[:-1]:
        world.later(step)
        tokens = world.refresh("kite", leaf(tokens))
    world.later(steps[-1])
    before = world.digest()
    assert refused(world, leaf(tokens)) is ended
    assert (world.digest() == before) is ended


def test_a_policy_may_say_otherwise() -> None:
    world = World()
    policy = Policy(name="short", refresh_idle=50, access_token=10)
    world.at = replace(world.at, policies={"short": policy})
    world.change(Client, "kite", policy="short")
    tokens = world.connect()
    assert tokens["expires_in"] == 10
    world.later(50)
    assert refused(world, leaf(tokens))
