"""The user's hand on the key: each act is hers alone, and holds at once.

ATTACKS A77: two users and every verb; PROMISES I2, I5, I7, R08.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.event import By, Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.changes import (
    GrantChanged,
    GrantOutcome,
    NotFound,
    StatusChange,
    change_status,
    disconnect,
    grant_of_client,
    narrow,
    widen,
)
from valetkey.server.oauth.grants.connections import connection, connections
from valetkey.spec.errors import InvalidGrant, InvalidScope

Act = Callable[[World, str, Context], Rule[GrantOutcome]]
SCOPE = "openid chirps profile.write"


def turned(how: StatusChange) -> Act:
    return lambda world, user, context: change_status(
        world.grant().id, how, user=user, by="user", context=context
    )


def narrowed(world: World, user: str, context: Context) -> Rule[GrantOutcome]:
    keep = ("openid", "chirps.read")
    return narrow(world.grant().id, keep, user=user, by="user", context=context)


def disconnected(world: World, user: str, context: Context) -> Rule[GrantOutcome]:
    return disconnect(world.family().id, user=user, by="user", context=context)


VERBS: dict[str, Act] = {
    "narrow": narrowed,
    "pause": turned("pause"),
    "resume": turned("resume"),
    "stop": turned("stop"),
    "disconnect": disconnected,
}


def act(world: World, verb: str, user: str = "") -> GrantOutcome:
    who = user or world.miko.id
    return world.settle(lambda: VERBS[verb](world, who, world.context))


def goes_on(world: World, tokens: dict[str, Any]) -> bool:
    """Whether the app may go on: the access token that is out, and the next one."""
    active = world.introspect(tokens["access_token"]).active
    try:
        tokens |= world.refresh("kite", tokens["refresh_token"])
    except InvalidGrant:
        assert not active
        return False
    assert active
    return world.introspect(tokens["access_token"]).active


@pytest.mark.parametrize("verb", VERBS)
def test_another_user_can_do_nothing(verb: str) -> None:
    """ATTACKS A77: what is another's looks like what is not."""
    world = World()
    tokens = world.connect()
    if verb == "resume":
        act(world, "pause")
    before, told = world.digest(), world.kinds()
    for user in (world.noor.id, "0" * 26, ""):
        outcome = world.settle(
            lambda: VERBS[verb](world, user, world.context)  # noqa: B023
        )
        assert isinstance(outcome, NotFound)
    assert (world.digest(), world.kinds()) == (before, told)
    assert goes_on(world, tokens) is (verb != "resume")


@pytest.mark.parametrize("name", ["0" * 26, "", "nonsense", "' OR 1=1 --"])
def test_what_is_not_there_is_not_there(name: str) -> None:
    world = World()
    user, context = world.miko.id, world.context
    rules: list[Rule[GrantOutcome]] = [
        narrow(name, (), user=user, by="user", context=context),
        change_status(name, "stop", user=user, by="user", context=context),
        disconnect(name, user=user, by="user", context=context),
    ]
    assert [type(world.ask(rule)) for rule in rules] == [NotFound] * 3
    assert world.ask(connection(name, user, context)) is None


def test_a_user_sees_what_is_hers_alone() -> None:
    world = World()
    world.connect()
    hers = world.sign_in(world.noor)
    world.agree(request("web"), hers)
    mine = world.ask(connections(world.miko.id, world.context))
    assert [one.grant.client for one in mine] == ["kite"]
    theirs = world.ask(connections(world.noor.id, world.context))
    assert [one.grant.client for one in theirs] == ["web"]
    assert world.ask(connection(mine[0].grant.id, world.noor.id, world.context)) is None


# What each act comes to.

HOLDS: list[tuple[str, str, list[str], bool, str]] = [
    ("I5", "paused", ["pause"], False, "paused"),
    ("I5", "resumed", ["pause", "resume"], True, "resumed"),
    ("I5", "stopped", ["stop"], False, "stopped"),
    ("I5", "stopped while paused", ["pause", "stop"], False, "stopped"),
    ("I5", "disconnected", ["disconnect"], False, "disconnected"),
    ("I2", "narrowed", ["narrow"], True, "downgraded"),
]


@pytest.mark.parametrize("verbs,on,kind", [row(a, b, *rest) for a, b, *rest in HOLDS])
def test_an_act_holds_at_once(verbs: list[str], on: bool, kind: str) -> None:
    world = World()
    tokens = world.connect(scope=SCOPE)
    grant, family = world.grant(), world.family()
    for verb in verbs:
        assert isinstance(act(world, verb), GrantChanged)
    assert goes_on(world, tokens) is on
    told = next(event for event in world.all(Event) if event.kind == kind)
    assert (told.user, told.client, told.grant) == (world.miko.id, "kite", grant.id)
    assert told.by == "user"
    versions = world.need(Grant, grant.id).version - grant.version
    versions += world.need(TokenFamily, family.id).version - family.version
    assert versions == len(verbs) + (1 if on else 0)  # A refresh turns the family.


@pytest.mark.parametrize("verb", ["narrow", "pause", "stop", "disconnect"])
def test_twice_is_as_once(verb: str) -> None:
    world = World()
    world.connect(scope=SCOPE)
    grant, family = world.grant().id, world.family().id
    acts: dict[str, Callable[[], Rule[GrantOutcome]]] = {
        "narrow": lambda: narrow(
            grant, ("openid",), user=world.miko.id, by="user", context=world.context
        ),
        "pause": lambda: change_status(
            grant, "pause", user=world.miko.id, by="user", context=world.context
        ),
        "stop": lambda: change_status(
            grant, "stop", user=world.miko.id, by="user", context=world.context
        ),
        "disconnect": lambda: disconnect(
            family, user=world.miko.id, by="user", context=world.context
        ),
    }
    world.settle(acts[verb])
    before, told = world.digest(), world.kinds()
    assert isinstance(world.settle(acts[verb]), GrantChanged)
    assert (world.digest(), world.kinds()) == (before, told)


@pytest.mark.parametrize("how", ["pause", "resume"])
def test_what_is_stopped_stays_stopped(how: StatusChange) -> None:
    """PROMISES I7."""
    world = World()
    tokens = world.connect()
    name = world.grant().id
    act(world, "stop")
    for _ in range(2):
        again = world.ask(
            change_status(name, how, user=world.miko.id, by="user", context=world.context)
        )
        assert isinstance(again, NotFound)
    narrower = world.ask(narrow(name, (), user=world.miko.id, by="user", context=world.context))
    assert isinstance(narrower, NotFound)
    assert not world.introspect(tokens["access_token"]).active


KEEPS: list[tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = [
    (
        "I2",
        "one thing less",
        ("openid", "chirps.read", "chirps.write"),
        ("openid", "chirps.read", "chirps.write"),
        ("profile.write",),
    ),
    ("I2", "nothing", (), (), ("openid", "chirps.read", "chirps.write", "profile.write")),
    (
        "I7",
        "nothing is ever added",
        ("openid", "dms.read", "account.delete"),
        ("openid",),
        ("chirps.read", "chirps.write", "profile.write"),
    ),
    (
        "I2",
        "the name of a set keeps nothing",
        ("chirps",),
        (),
        ("openid", "chirps.read", "chirps.write", "profile.write"),
    ),
]


@pytest.mark.parametrize("keep,left,refused", [row(a, b, *rest) for a, b, *rest in KEEPS])
def test_what_is_left(
    keep: tuple[str, ...], left: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    world = World()
    tokens = world.connect(scope=SCOPE)
    name = world.grant().id
    world.settle(lambda: narrow(name, keep, user=world.miko.id, by="user", context=world.context))
    assert (world.grant().permissions, world.grant().refused) == (left, refused)
    (told,) = (event for event in world.all(Event) if event.kind == "downgraded")
    assert told.permissions == refused
    shown = world.introspect(tokens["access_token"]).scope.split()
    assert set(shown) <= {*left, "chirps"}


def test_all_devices_stop_with_the_grant_and_one_with_itself() -> None:
    world = World()
    phone, laptop = world.connect(), world.connect()
    first = min(world.all(TokenFamily), key=lambda one: one.id)
    world.settle(lambda: disconnect(first.id, user=world.miko.id, by="user", context=world.context))
    left = [tokens for tokens in (phone, laptop) if goes_on(world, tokens)]
    assert len(left) == 1
    act(world, "stop")
    assert not goes_on(world, left[0])


@pytest.mark.parametrize("by", ["user", "administrator"])
def test_the_history_says_who_it_was(by: By) -> None:
    world = World()
    world.connect()
    name = world.grant().id
    world.settle(
        lambda: change_status(name, "pause", user=world.miko.id, by=by, context=world.context)
    )
    (told,) = (event for event in world.all(Event) if event.kind == "paused")
    assert told.by == by


def test_a_list_shows_live_grants_and_their_open_devices() -> None:
    """PROMISES I8."""
    world = World()
    world.connect()
    world.later(5)
    world.connect()
    act(world, "disconnect")
    (one,) = world.ask(connections(world.miko.id, world.context))
    assert one.client is not None
    assert (one.client.id, len(one.devices), one.devices[0].status) == ("kite", 1, "open")
    world.later(world.at.lifetimes.refresh_idle)
    (later,) = world.ask(connections(world.miko.id, world.context))
    assert later.devices == ()
    act(world, "stop")
    assert world.ask(connections(world.miko.id, world.context)) == ()


def test_a_code_that_was_burnt_is_no_device() -> None:
    world = World()
    code = world.agree(request("kite")).code
    with pytest.raises(InvalidGrant):
        world.redeem("stefapp", code)
    (one,) = world.ask(connections(world.miko.id, world.context))
    assert (one.grant.client, one.devices) == ("kite", ())


# To be given more, and what goes together.


def given(world: World, *more: str, user: str = "", by: By = "user") -> GrantOutcome:
    name, who = world.grant().id, user or world.miko.id
    return world.settle(
        lambda: widen(name, more, user=who, by=by, context=world.context, reason="because")
    )


def test_what_was_taken_away_comes_back_at_once() -> None:
    world = World()
    tokens = world.connect(scope=SCOPE)
    act(world, "narrow")
    assert "chirps.write" not in world.introspect(tokens["access_token"]).scope.split()
    assert isinstance(given(world, "chirps.write"), GrantChanged)
    assert "chirps.write" in world.introspect(tokens["access_token"]).scope.split()
    assert world.grant().refused == ("profile.write",)
    (told,) = (event for event in world.all(Event) if event.kind == "upgraded")
    assert (told.kind, told.by, told.reason) == ("upgraded", "user", "because")
    assert told.permissions == ("chirps.write",)


def test_a_token_opens_no_more_than_it_was_issued_for() -> None:
    world = World()
    tokens = world.connect(scope="openid chirps.read")
    given(world, "dms.send")
    assert world.grant().permissions == ("openid", "chirps.read", "dms.read", "dms.send")
    assert world.introspect(tokens["access_token"]).scope == "chirps.read"
    assert "dms.send" not in world.refresh("kite", tokens["refresh_token"])["scope"].split()
    later = world.connect(scope="openid chirps.read dms.send")
    assert "dms.send" in later["scope"].split()


NOT_GIVEN = [
    row("A80", "something that the app never asks for", ("account.delete",)),
    row("A80", "something that nobody knows", ("fly",)),
    row("A80", "one that may be, with one that may not", ("chirps.read", "account.delete")),
    row("A80", "the name of a set", ("chirps",)),
]


@pytest.mark.parametrize("more", NOT_GIVEN)
def test_what_an_app_is_not_registered_for_is_not_given(more: tuple[str, ...]) -> None:
    world = World()
    world.connect(scope="openid")
    before = world.digest()
    with pytest.raises(InvalidScope):
        given(world, *more)
    assert world.digest() == before


def test_nobody_elses_key_and_none_that_is_over_is_given_more() -> None:
    world = World()
    world.connect(scope="openid")
    before = world.digest()
    for user in (world.noor.id, "0" * 26):
        assert isinstance(given(world, "chirps.read", user=user), NotFound)
    assert world.digest() == before
    world.at = replace(world.at, epoch=1)
    assert isinstance(given(world, "chirps.read"), NotFound)
    world.at = replace(world.at, epoch=0)
    world.change(Client, "kite", status="suspended")
    assert isinstance(given(world, "chirps.read"), NotFound)
    name = world.grant().id
    act(world, "stop")
    again = widen(name, ("chirps.read",), user=world.miko.id, by="user", context=world.context)
    assert isinstance(world.ask(again), NotFound)


def test_what_is_there_already_is_no_change() -> None:
    world = World()
    world.connect(scope="openid chirps.read")
    before, told = world.digest(), world.kinds()
    outcome = given(world, "chirps.read")
    assert isinstance(outcome, GrantChanged)
    assert (world.digest(), world.kinds()) == (before, told)


def test_what_needs_a_permission_goes_with_it() -> None:
    world = World()
    world.connect(scope="openid chirps.read dms.send")
    name = world.grant().id
    keep = ("openid", "chirps.read", "dms.send")
    world.settle(lambda: narrow(name, keep, user=world.miko.id, by="user", context=world.context))
    assert world.grant().permissions == ("openid", "chirps.read")
    assert world.grant().refused == ("dms.read", "dms.send")


def test_an_app_finds_its_own_grants_only() -> None:
    """ATTACKS A77: for whoever acts on behalf of a client."""
    world = World()
    world.connect()
    grant = world.grant()
    assert world.ask(grant_of_client(grant.id, "kite")) == grant
    for client in ("stefapp", "", "web"):
        assert world.ask(grant_of_client(grant.id, client)) is None
    act(world, "stop")
    assert world.ask(grant_of_client(grant.id, "kite")) is None


def test_an_app_can_make_its_own_key_smaller() -> None:
    world = World()
    world.connect(scope=SCOPE)
    grant = world.grant()
    world.settle(
        lambda: narrow(
            grant.id,
            ("openid",),
            user=grant.user,
            by="app",
            context=world.context,
            reason="not needed any more",
        )
    )
    (told,) = (event for event in world.all(Event) if event.kind == "downgraded")
    assert (told.kind, told.by, told.reason) == ("downgraded", "app", "not needed any more")
