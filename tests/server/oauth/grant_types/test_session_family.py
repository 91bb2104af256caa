"""A client that does not rotate has one family in each browser, which each sign-in renews.

PERFORMANCE: the database grows with grants, not with sign-ins. ATTACKS A05, A23; PROMISES R04, I4.
"""

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import VERIFIER, call, request
from tests.server.oauth.grant_types.story import leaf, refused, spent
from tests.server.oauth.world import World

from valetkey.server.model.change import Stale
from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import DAILY, Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.policy import Policy
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.grant_types.session_family import PERIOD, REDEEMED
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.grants.changes import disconnect
from valetkey.server.oauth.issue.status import POSITION_PURPOSE
from valetkey.spec.errors import InvalidGrant

DAY = 86400


def signs_in(world: World, visit: Browser | None = None, **asked: Any) -> dict[str, Any]:
    """The tokens of another sign-in with the web app."""
    return world.redeem("web", world.agree(request("web", **asked), visit).code)


def test_each_sign_in_renews_the_family_of_the_browser() -> None:
    world = World()
    first = signs_in(world)
    was = world.family("web")
    for _ in range(5):
        world.later(5 * DAY)
        visit = world.sign_in()
        again = signs_in(world, visit)
        assert leaf(again) == leaf(first)
        (family,) = world.all(TokenFamily)
        assert (family.id, family.created, family.used) == (was.id, was.created, world.now)
        assert family.auth_time == world.now
        assert family.session != was.session
        assert family.expires == world.now + world.at.lifetimes.refresh_idle
        assert world.introspect(again["access_token"]).active


def test_what_the_user_allows_now_counts() -> None:
    world = World()
    signs_in(world, scope="openid chirps")
    grant = world.grant("web")
    left = ("openid", "chirps.read")
    world.change(Grant, grant.id, permissions=left, refused=("chirps.write",))
    assert signs_in(world, scope="openid chirps")["scope"] == "openid chirps.read"
    assert world.family("web").permissions == ("openid", "chirps.read")
    assert len(world.all(TokenFamily)) == 1


APART: list[tuple[str, str, dict[str, Any], int]] = [
    ("R04", "the same again", {}, 1),
    ("8707 2", "another resource", {"resource": ("https://chirp.example",)}, 2),
    ("6749 6", "another scope, which a refresh brings back", {"scope": "chirps.read"}, 2),
    ("OIDC 5.5", "other claims", {"claims": '{"userinfo":{"email":null}}'}, 2),
]


@pytest.mark.parametrize("asked,count", [row(a, b, *rest) for a, b, *rest in APART])
def test_families_are_told_apart_by_what_is_asked(asked: dict[str, Any], count: int) -> None:
    world = World()
    before = signs_in(world)
    after = signs_in(world, **asked)
    assert len(world.all(TokenFamily)) == count
    # What the first one asked for is still what it gets.
    assert world.refresh("web", leaf(before))["scope"] == before["scope"]
    assert world.refresh("web", leaf(after))["scope"] == after["scope"]


def test_each_browser_has_its_own() -> None:
    world = World()
    laptop = signs_in(world, world.sign_in(browser="laptop"))
    phone = signs_in(world, world.sign_in(browser="phone"))
    assert leaf(laptop) != leaf(phone)
    world.revoke("web", leaf(laptop))
    assert not refused(world, leaf(phone), "web")


def test_a_client_that_rotates_gets_a_new_one_each_time() -> None:
    world = World()
    visit = world.sign_in()
    for _ in range(2):
        world.redeem("kite", world.agree(request("kite"), visit).code)
    assert len(world.all(TokenFamily)) == 2


# Single use.


def test_a_code_that_renews_is_single_use() -> None:
    """However it is presented, and all that the browser has of the app ends by a second time."""
    world = World()
    tokens = signs_in(world)
    code = world.agree(request("web"), world.sign_in()).code
    again = world.redeem("web", code)
    with pytest.raises(InvalidGrant, match="the code was used before"):
        world.redeem("web", code)
    assert world.family("web").because == "code replayed"
    for one in (tokens, again):
        assert not world.introspect(one["access_token"]).active
        assert refused(world, leaf(one), "web")
    assert world.kinds().count("replayed") == 1


def test_of_two_at_once_one_is_served() -> None:
    """The marker is what both want to create, even where the family needs no change."""
    world = World()
    visit = world.sign_in()
    signs_in(world, visit)
    code = world.agree(request("web"), visit).code
    given = call("web", grant_type="authorization_code", code=code, code_verifier=VERIFIER)
    one, other = (world.ask(token(given, world.context)) for _ in range(2))
    assert isinstance(one, Issued)
    assert isinstance(other, Issued)
    world.write(*one.changes)
    with pytest.raises(Stale):
        world.write(*other.changes)


def test_many_at_once_lose_one_race_at_the_most() -> None:
    """A browser opens twenty tabs, each with a code of its own: a family that was renewed just now
    is not written again, so that none of them is in another's way."""
    world = World()
    signs_in(world)
    world.later(DAY)
    visit = world.sign_in()
    codes = [world.agree(request("web"), visit).code for _ in range(20)]
    given = [
        call("web", grant_type="authorization_code", code=code, code_verifier=VERIFIER)
        for code in codes
    ]
    decided = [world.ask(token(one, world.context)) for one in given]
    world.write(*decided[0].changes)
    for one, before in list(zip(given, decided, strict=True))[1:]:
        with pytest.raises(Stale):
            world.write(*before.changes)
        again = world.ask(token(one, world.context))
        assert [type(change.record) for change in again.changes] == [SingleUse]
        world.write(*again.changes)
    assert len(world.all(TokenFamily)) == 1


def test_a_code_in_the_wrong_hands_is_burnt_and_ends_nothing_else() -> None:
    world = World()
    tokens = signs_in(world)
    code = world.agree(request("web"), world.sign_in()).code
    with pytest.raises(InvalidGrant):
        world.redeem("web", code, code_verifier="wrong" * 10)
    assert spent(world, "web", code)
    assert not refused(world, leaf(tokens), "web")


def test_the_marker_lives_as_long_as_the_code() -> None:
    world = World()
    signs_in(world)
    code = world.agree(request("web"), world.sign_in()).code
    world.redeem("web", code)
    world.later(59)
    world.sweep()
    assert sum(one.purpose == REDEEMED for one in world.all(SingleUse)) == 2
    world.later(62)
    world.sweep()
    assert sum(one.purpose == REDEEMED for one in world.all(SingleUse)) == 0
    with pytest.raises(InvalidGrant, match="expired"):
        world.redeem("web", code)


# Over.


def test_a_closed_family_is_never_opened_again() -> None:
    """The next sign-in gets a new one, and the one after that renews it: not a row for each."""
    world = World()
    first = signs_in(world)
    user = world.miko.id
    for _ in range(3):
        (family,) = (one for one in world.all(TokenFamily) if one.status == "open")
        closing = partial(disconnect, family.id, user=user, by="user", context=world.context)
        world.settle(closing)
        tokens = signs_in(world)
        assert leaf(tokens) != leaf(first)
        assert leaf(signs_in(world)) == leaf(tokens)
        assert refused(world, leaf(first), "web")
        assert not world.introspect(first["access_token"]).active
    assert len(world.all(TokenFamily)) == 4


def test_a_code_that_came_to_another_family_is_single_use_too() -> None:
    world = World()
    world.revoke("web", leaf(signs_in(world)))
    for _ in range(2):
        code = world.agree(request("web"), world.sign_in()).code
        tokens = world.redeem("web", code)
        with pytest.raises(InvalidGrant, match="used before"):
            world.redeem("web", code)
        assert refused(world, leaf(tokens), "web")


def test_a_renewed_family_still_ends() -> None:
    """After half of its longest life a sign-in makes another one, which has all of it before it."""
    world = World(refresh_idle=30 * DAY, refresh_token=100 * DAY)
    first = signs_in(world)
    for _ in range(12):
        world.later(4 * DAY)
        assert leaf(signs_in(world)) == leaf(first)
    world.later(4 * DAY)
    after = signs_in(world)
    assert leaf(after) != leaf(first)
    world.later(20 * DAY)
    assert not refused(world, leaf(first), "web")
    world.later(100 * DAY)
    assert refused(world, leaf(first), "web")


def test_without_refresh_tokens_it_is_renewed_for_a_day() -> None:
    world = World()
    world.change(Client, "web", grant_types=("authorization_code",))
    for _ in range(10):
        signs_in(world)
        world.later(PERIOD // 12)
    (family,) = world.all(TokenFamily)
    assert not family.refreshable
    assert family.expires <= family.created + PERIOD + world.at.lifetimes.access_token + 3600
    world.later(PERIOD)
    signs_in(world)
    assert len(world.all(TokenFamily)) == 2


def test_a_lookup_of_its_status_outlives_it() -> None:
    """RFC draft token-status-list: its place is not given to another while it may be renewed."""
    world = World()
    policies = {**world.at.policies, "listed": Policy(name="listed", status_list=True)}
    world.at = replace(world.at, policies=policies)
    world.change(Client, "web", policy="listed", grant_types=("authorization_code",))
    signs_in(world)
    (taken,) = (one for one in world.all(SingleUse) if one.purpose == POSITION_PURPOSE)
    world.later(PERIOD - 1)
    signs_in(world)
    (family,) = world.all(TokenFamily)
    assert taken.expires > family.expires + world.at.lifetimes.access_token
    assert family.listed == taken.value.rpartition(" ")[2]


# Told.


def test_sign_ins_are_counted_by_the_day() -> None:
    """By the app, and at the server."""
    world = World()
    for _ in range(5):
        signs_in(world)
    told = [one for one in world.all(Event) if one.kind in DAILY]
    assert {one.kind: one.count for one in told} == {"signed-in": 5, "connected": 5}
    world.later(DAY)
    signs_in(world)
    days = [one.count for one in world.all(Event) if one.kind == "connected"]
    assert sorted(days) == [1, 5]
