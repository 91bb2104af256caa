"""Refresh tokens that are bound to a key: its holder is never signed out by a lost reply, and
nobody else can end the family with an old token.

RFC 9449 5, RFC 9700 4.14.2; ATTACKS A15; PROMISES R05.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.proofs import MINE, OTHER
from tests.rows import row
from tests.server.oauth.grant_types.story import code_of, leaf
from tests.server.oauth.senders import redeem, refresh
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy
from valetkey.spec.errors import InvalidGrant


def bound(world: World) -> dict[str, Any]:
    """The tokens of an app that proves a key from the first."""
    return redeem(world, "kite", code_of(world))


LATE = [
    row("R05", "at once", 0),
    row("R05", "after any window", 301),
    row("R05", "after a month", 30 * 86400),
]


@pytest.mark.parametrize("seconds", LATE)
def test_the_one_before_is_good_for_its_holder_until_the_newest_was_shown(seconds: int) -> None:
    world = World()
    old = leaf(bound(world))
    new = leaf(refresh(world, "kite", old))
    world.later(seconds)
    family = world.family()
    retried = [refresh(world, "kite", old) for _ in range(3)]
    assert {leaf(one) for one in retried} == {new}
    assert world.family() == family
    newer = leaf(refresh(world, "kite", new))
    assert newer != new
    # Now the newest was shown: whoever shows the first with the key has a copy of both.
    with pytest.raises(InvalidGrant, match="used before"):
        refresh(world, "kite", old)
    assert world.family().because == "refresh token replayed"


STRANGERS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("A15", "without a proof", None),
    ("A15", "with another key", {"by": OTHER}),
]


@pytest.mark.parametrize("wish", [row(a, b, c) for a, b, c in STRANGERS])
@pytest.mark.parametrize("generation", range(4))
def test_nobody_ends_it_without_the_key(wish: dict[str, Any] | None, generation: int) -> None:
    """Whichever of its tokens they have found, in a log or on a wire."""
    world = World()
    given = [leaf(bound(world))]
    for _ in range(3):
        given.append(leaf(refresh(world, "kite", given[-1])))
    before = world.digest()
    shown = given[generation]
    with pytest.raises(InvalidGrant, match="bound to another key"):
        refresh(world, "kite", shown, **wish) if wish else world.refresh("kite", shown)
    assert world.digest() == before
    assert world.kinds().count("replayed") == 0
    assert refresh(world, "kite", given[-1])["access_token"]


def test_nobody_ends_it_at_the_revocation_endpoint_either() -> None:
    """With a spent token. One that could still be used ends the family: whoever found it does its
    owner a favour (RFC 7009 2.1)."""
    world = World()
    first = leaf(bound(world))
    second = leaf(refresh(world, "kite", first))
    third = leaf(refresh(world, "kite", second))
    world.revoke("kite", first)
    assert world.family().status == "open"
    world.revoke("kite", second)
    assert world.family().status == "closed"
    with pytest.raises(InvalidGrant):
        refresh(world, "kite", third)


# An app that begins to prove a key.


def test_a_thief_who_binds_a_bearer_token_to_their_own_key_is_noticed() -> None:
    """The app comes with the token that it had, which was issued to no key: it is in two hands."""
    world = World()
    stolen = leaf(world.connect())
    theirs = leaf(refresh(world, "kite", stolen, by=OTHER))
    with pytest.raises(InvalidGrant, match="used before"):
        world.refresh("kite", stolen)
    assert world.family().because == "refresh token replayed"
    with pytest.raises(InvalidGrant):
        refresh(world, "kite", theirs, by=OTHER)


def test_the_app_is_noticed_however_much_later_and_however_often_they_refresh() -> None:
    world = World()
    stolen = leaf(world.connect())
    theirs = stolen
    for _ in range(3):
        theirs = leaf(refresh(world, "kite", theirs, by=OTHER))
    world.later(86400)
    with pytest.raises(InvalidGrant, match="used before"):
        refresh(world, "kite", stolen, by=MINE)
    assert world.family().status == "closed"


def test_an_app_that_begins_to_prove_a_key_may_lose_the_first_reply() -> None:
    world = World()
    bearer = leaf(world.connect())
    first = leaf(refresh(world, "kite", bearer))
    world.later(86400)
    assert leaf(refresh(world, "kite", bearer)) == first
    assert world.family().bound_since == 1
    second = leaf(refresh(world, "kite", first))
    with pytest.raises(InvalidGrant, match="bound to another key"):
        world.refresh("kite", first)
    assert leaf(refresh(world, "kite", second))


# Without a key there is a window, by policy.

WINDOWS: list[tuple[str, str, int | None, int, bool]] = [
    ("R05", "as the settings say", None, 30, True),
    ("9700 4.14.2", "and no longer", None, 31, False),
    ("R05", "a day by policy", 86400, 86400, True),
    ("9700 4.14.2", "and no longer than that", 86400, 86401, False),
    ("9700 4.14.2", "none by policy", 0, 1, False),
]


@pytest.mark.parametrize("window,seconds,good", [row(a, b, *rest) for a, b, *rest in WINDOWS])
def test_the_window_is_a_policy(window: int | None, seconds: int, good: bool) -> None:
    world = World()
    policy = Policy(name="roaming", refresh_window=window)
    world.at = replace(world.at, policies={"roaming": policy})
    world.change(Client, "kite", policy="roaming")
    old = leaf(world.connect())
    new = leaf(world.refresh("kite", old))
    world.later(seconds)
    if good:
        assert leaf(world.refresh("kite", old)) == new
        return
    with pytest.raises(InvalidGrant, match="used before"):
        world.refresh("kite", old)
    assert world.family().status == "closed"


def test_a_key_that_is_bound_needs_no_window() -> None:
    """The policy for bearer tokens changes nothing for it."""
    world = World()
    world.at = replace(world.at, policies={"none": Policy(name="none", refresh_window=0)})
    world.change(Client, "kite", policy="none")
    old = leaf(bound(world))
    new = leaf(refresh(world, "kite", old))
    world.later(1000)
    assert leaf(refresh(world, "kite", old)) == new


def test_an_old_token_shown_by_another_client_ends_nothing() -> None:
    world = World()
    first = leaf(bound(world))
    refresh(world, "kite", leaf(refresh(world, "kite", first)))
    with pytest.raises(InvalidGrant):
        world.refresh("web", first)
    assert world.family().status == "open"
