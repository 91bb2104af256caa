"""Revocation (RFC 7009): the app gives a key back, and what was acknowledged holds."""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.forms import call, form
from tests.server.oauth.world import World

from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import User
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.revocation import revoke
from valetkey.spec.errors import InvalidClient, InvalidGrant, InvalidRequest


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
@pytest.mark.parametrize("client", ["kite", "web", "post"])
def test_any_token_of_a_family_ends_it(client: str, which: str) -> None:
    world = World()
    tokens = world.connect(client)
    world.revoke(client, tokens[which])
    assert not world.introspect(tokens["access_token"]).active
    with pytest.raises(InvalidGrant):
        world.refresh(client, tokens["refresh_token"])
    assert world.family(client).because == "revoked by the app"
    assert world.grant(client).status == "active"
    (told,) = (event for event in world.all(Event) if event.kind == "disconnected")
    assert (told.by, told.user, told.note) == ("app", world.miko.id, "Firefox")


def test_an_old_refresh_token_ends_its_family_too() -> None:
    """An app that lost the reply gives back what it has."""
    world = World()
    first = world.connect()
    second = world.refresh("kite", first["refresh_token"])
    world.revoke("kite", first["refresh_token"])
    assert not world.introspect(second["access_token"]).active


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_a_hint_is_only_a_hint(which: str, hint: str) -> None:
    """RFC 7009 2.1."""
    world = World()
    tokens = world.connect()
    world.post(revoke, call("kite", token=tokens[which], token_type_hint=hint))
    assert world.family().status == "closed"


def test_other_devices_go_on() -> None:
    world = World()
    phone, laptop = world.connect(), world.connect()
    world.revoke("kite", phone["refresh_token"])
    assert world.introspect(laptop["access_token"]).active
    world.refresh("kite", laptop["refresh_token"])


IDLE: list[tuple[str, str, Any]] = [
    ("7009 2.2", "nonsense", lambda _: "nonsense"),
    ("7009 2.2", "a token that is cut", lambda tokens: tokens["refresh_token"][:-1]),
    ("7009 2.2", "an ID Token", lambda tokens: tokens["id_token"]),
]


@pytest.mark.parametrize("make", [row(a, b, c) for a, b, c in IDLE])
def test_what_is_no_token_is_no_error(make: Any) -> None:
    world = World()
    text = make(world.connect())
    before = world.digest()
    world.revoke("kite", text)
    assert world.digest() == before


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
@pytest.mark.parametrize("by", ["stefapp", "web", "post"])
def test_another_client_ends_nothing_and_learns_nothing(by: str, which: str) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    outcome = world.post(revoke, call(by, token=tokens[which]))
    assert isinstance(outcome, Answer)
    assert outcome.document is None
    assert world.digest() == before


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_twice_is_as_once(which: str) -> None:
    world = World()
    tokens = world.connect()
    for _ in range(3):
        world.revoke("kite", tokens[which])
    assert world.kinds().count("disconnected") == 1


def test_an_expired_access_token_is_over_already() -> None:
    world = World()
    tokens = world.connect()
    world.later(300)
    before = world.digest()
    world.revoke("kite", tokens["access_token"])
    assert world.digest() == before


ASLEEP: list[tuple[str, str, type[Any], str, dict[str, Any], dict[str, Any]]] = [
    ("A58", "the grant is paused", Grant, "grant", {"status": "paused"}, {"status": "active"}),
    ("A58", "the user is disabled", User, "user", {"status": "disabled"}, {"status": "active"}),
]


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
@pytest.mark.parametrize("kind,who,before,after", [row(a, b, *rest) for a, b, *rest in ASLEEP])
def test_what_sleeps_is_revoked_all_the_same(
    kind: type[Any], who: str, before: dict[str, Any], after: dict[str, Any], which: str
) -> None:
    """ATTACKS A58: a 200 that the token outlives would be a lie."""
    world = World()
    tokens = world.connect()
    key = {"grant": world.grant().id, "user": world.miko.id}[who]
    world.change(kind, key, **before)
    world.revoke("kite", tokens[which])
    world.change(kind, key, **after)
    assert not world.introspect(tokens["access_token"]).active
    with pytest.raises(InvalidGrant):
        world.refresh("kite", tokens["refresh_token"])


def test_a_clients_own_token_is_revoked_by_itself() -> None:
    world = World()
    one, two = (
        world.token("machine", grant_type="client_credentials")["access_token"] for _ in range(2)
    )
    world.revoke("machine", one)
    assert not world.introspect(one).active
    assert world.introspect(two).active
    world.revoke("machine", one)
    (marker,) = world.all(SingleUse)
    world.later(300)
    # The marker is there for as long as the token could be honoured.
    assert marker.expires > world.now


def test_a_clients_own_token_is_safe_from_others() -> None:
    world = World()
    text = world.token("machine", grant_type="client_credentials")["access_token"]
    world.revoke("web", text)
    assert world.introspect(text).active


REFUSED: list[tuple[str, str, Call, type[Exception]]] = [
    ("7009 2.1", "nobody", Call(form=form({"token": "x"})), InvalidClient),
    ("7009 2.1", "no token", call("kite"), InvalidRequest),
    (
        "7009 2.1",
        "a confidential client without proof",
        Call(form=form({"token": "x", "client_id": "web"})),
        InvalidClient,
    ),
]


@pytest.mark.parametrize("given,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_who_may_not_ask(given: Call, error: type[Exception]) -> None:
    with pytest.raises(error):
        World().post(revoke, given)
