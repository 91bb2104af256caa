"""Introspection (RFC 7662): what a token is worth now, to those whom it concerns.

ATTACKS A57, A78, A81; PROMISES I1, I2, I5.
"""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.installation import CHIRP, PHOTOS
from tests.keys import key
from tests.rows import row
from tests.server.oauth.forms import call, form
from tests.server.oauth.world import ISSUER, KEYRING, World

from valetkey.jose import jwt
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import Limits
from valetkey.server.model.user import User
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
)
from valetkey.wire.access_token import AccessToken, OpaqueId, verify
from valetkey.wire.introspection import INACTIVE

BOTH = "openid chirps.read photos.read"


def test_a_live_token_is_told_of() -> None:
    world = World()
    text = world.connect(scope=BOTH)["access_token"]
    told = world.introspect(text, by="chirp")
    assert told.active
    assert (told.token_type, told.client_id, told.sub) == ("Bearer", "kite", world.miko.id)
    assert told.aud == (ISSUER, CHIRP, PHOTOS)
    assert (told.iat, told.exp) == (world.now, world.now + 300)


def test_an_api_knows_the_platforms_user_by_the_platforms_id() -> None:
    """RFC 9493 4.1: in the token itself, and in the answer to an API that asks."""
    world = World()
    own = world.connect(scope=BOTH)["access_token"]
    assert world.introspect(own).sub_id is None
    world.change(User, world.miko.id, external="17")
    text = world.connect(scope=BOTH)["access_token"]
    answer = world.introspect(text)
    claims = verify(
        text, keys=KEYRING.published, issuer=ISSUER, audience=CHIRP, now=world.now
    ).claims
    assert (answer.sub, answer.sub_id) == (world.miko.id, OpaqueId(id="17"))
    assert (claims.sub, claims.sub_id) == (world.miko.id, OpaqueId(id="17"))


SHOWN = [
    row("A57", "Chirp sees its own", "chirp", "chirps.read chirps.write chirps"),
    row("A57", "Photos sees its own", "photos", "photos.read"),
]


@pytest.mark.parametrize("by,scope", SHOWN)
def test_an_api_learns_of_its_own_permissions_alone(by: str, scope: str) -> None:
    world = World()
    text = world.connect(scope="openid chirps photos.read")["access_token"]
    assert world.introspect(text, by=by).scope == scope


def test_a_client_sees_all_of_its_own_token() -> None:
    world = World()
    text = world.connect("web", scope=BOTH)["access_token"]
    assert world.introspect(text, by="web").scope == BOTH


STRANGERS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("A57", "an API that it is not for", "kite", {"scope": "chirps.read"}, "photos"),
    (
        "A57",
        "an API that it was narrowed away from",
        "kite",
        {"scope": "chirps.read", "resource": (CHIRP,)},
        "photos",
    ),
    ("A57", "another client", "kite", {}, "web"),
    ("A57", "another client with a secret in the body", "web", {}, "post"),
]


@pytest.mark.parametrize("client,asked,by", [row(a, b, *rest) for a, b, *rest in STRANGERS])
def test_to_anybody_else_it_is_worth_nothing(client: str, asked: dict[str, Any], by: str) -> None:
    world = World()
    text = world.connect(client, **asked)["access_token"]
    assert world.introspect(text, by=by) == INACTIVE


def test_an_inactive_token_says_nothing_but_that() -> None:
    """RFC 7662 2.2."""
    assert msgspec.json.encode(INACTIVE) == b'{"active":false}'


ASKERS: list[tuple[str, str, Call, type[Exception]]] = [
    ("7662 2.1", "nobody", Call(form=form({"token": "x"})), InvalidClient),
    ("7662 2.1", "a public client", call("kite", token="x"), InvalidClient),
    (
        "7662 2.1",
        "a wrong secret",
        replace(call("chirp", token="x"), authorization="Basic eDp5"),
        InvalidClient,
    ),
    ("7662 2.1", "no token", call("chirp"), InvalidRequest),
]


@pytest.mark.parametrize("given,error", [row(a, b, *rest) for a, b, *rest in ASKERS])
def test_who_may_not_ask(given: Call, error: type[Exception]) -> None:
    world = World()
    with pytest.raises(error):
        world.post(introspect, given)


# What is no access token of ours.


def claims(world: World, **changed: Any) -> AccessToken:
    """What a genuine access token of Miko's says, as changed."""
    good = AccessToken(
        iss=ISSUER,
        iat=world.now,
        exp=world.now + 300,
        sub=world.miko.id,
        aud=(CHIRP,),
        client_id="kite",
        jti="j",
        scope="chirps.read",
        grant_id=world.grant().id,
        family_id=world.family().id,
    )
    return replace(good, **changed)


OURS: list[tuple[str, str, dict[str, Any], bool]] = [
    ("9068 4", "as it should be", {}, True),
    ("9068 4", "another issuer", {"iss": "https://evil.example"}, False),
    ("9068 4", "expired", {"exp": -1}, False),
    ("9068 4", "issued tomorrow", {"iat": 86400}, False),
    ("A78", "no such client", {"client_id": "nobody"}, False),
    ("A78", "another client's grant", {"client_id": "web"}, False),
    ("A78", "another user's grant", {"sub": "noor"}, False),
    ("A91", "a user that is gone", {"sub": "0" * 26}, False),
    ("A78", "no such grant", {"grant_id": "0" * 26}, False),
    ("A78", "no such family", {"family_id": "0" * 26}, False),
    ("A78", "a grant without a family", {"family_id": ""}, False),
]


@pytest.mark.parametrize("changed,active", [row(a, b, *rest) for a, b, *rest in OURS])
def test_every_claim_is_held_against_the_facts(changed: dict[str, Any], active: bool) -> None:
    world = World()
    world.connect()
    moved = {name: world.now + value for name, value in changed.items() if isinstance(value, int)}
    named = {"sub": world.noor.id} if changed.get("sub") == "noor" else {}
    token = jwt.sign(claims(world, **(changed | moved | named)), key=key("ES256"), typ="at+jwt")
    assert world.introspect(token).active is active


FOREIGN: list[tuple[str, str, Any]] = [
    (
        "A59",
        "a stranger's key",
        lambda world, _: jwt.sign(claims(world), key=key("ES256", "theirs"), typ="at+jwt"),
    ),
    ("A48", "an ID Token", lambda _, tokens: tokens["id_token"]),
    (
        "A48",
        "the right claims, of another type",
        lambda world, _: jwt.sign(claims(world), key=key("ES256"), typ="JWT"),
    ),
    ("A48", "a refresh token", lambda _, tokens: tokens["refresh_token"]),
    ("A22", "cut", lambda _, tokens: tokens["access_token"][:-1]),
    ("A22", "longer", lambda _, tokens: tokens["access_token"] + "A"),
    ("A22", "nonsense", lambda *_: "nonsense"),
    ("A61", "endless", lambda *_: "x." * 100_000),
]


@pytest.mark.parametrize("make", [row(a, b, c) for a, b, c in FOREIGN])
def test_what_is_no_access_token_is_inactive(make: Any) -> None:
    world = World()
    text = make(world, world.connect())
    assert world.introspect(text) == INACTIVE
    with pytest.raises(InvalidToken):
        world.ask(userinfo(text, world.context))


def test_a_token_is_worth_nothing_in_the_second_that_it_expires() -> None:
    """There is one clock here: no leeway."""
    world = World()
    text = world.connect()["access_token"]
    world.later(299)
    assert world.introspect(text).active
    world.later(1)
    assert not world.introspect(text).active


# ATTACKS A78: every state of everybody, at every door. One matrix, not single cases.

STATES: dict[str, tuple[type[Any], str, dict[str, Any]]] = {
    "all is well": (User, "user", {}),
    "user disabled": (User, "user", {"status": "disabled"}),
    "client suspended": (Client, "client", {"status": "suspended"}),
    "grant paused": (Grant, "grant", {"status": "paused"}),
    "grant stopped": (Grant, "grant", {"status": "stopped"}),
    "grant of an earlier epoch": (Grant, "grant", {"epoch": 7}),
    "grant of another user": (Grant, "grant", {"user": "0" * 26}),
    "grant of another client": (Grant, "grant", {"client": "other"}),
    "family closed": (TokenFamily, "family", {"status": "closed"}),
    "family of another grant": (TokenFamily, "family", {"grant": "0" * 26}),
    "family of another user": (TokenFamily, "family", {"user": "0" * 26}),
}


def at_introspection(world: World, tokens: dict[str, Any]) -> bool:
    return world.introspect(tokens["access_token"], by="chirp").active


def at_introspection_by_the_client(world: World, tokens: dict[str, Any]) -> bool:
    try:
        return world.introspect(tokens["access_token"], by="web").active
    except InvalidClient:
        return False


def at_userinfo(world: World, tokens: dict[str, Any]) -> bool:
    try:
        world.ask(userinfo(tokens["access_token"], world.context))
    except InvalidToken:
        return False
    return True


def at_refresh(world: World, tokens: dict[str, Any]) -> bool:
    try:
        world.refresh("web", tokens["refresh_token"])
    except (InvalidClient, InvalidGrant):
        return False
    return True


DOORS = [at_introspection, at_introspection_by_the_client, at_userinfo, at_refresh]


@pytest.mark.parametrize("door", DOORS, ids=[door.__name__ for door in DOORS])
@pytest.mark.parametrize("before", [False, True], ids=["at first", "after it was open"])
@pytest.mark.parametrize("state", STATES)
def test_the_dead_open_no_door(state: str, door: Any, *, before: bool) -> None:
    """Whatever came of the token a moment ago."""
    world = World()
    tokens = world.connect("web")
    if before:
        assert door(world, tokens)
    kind, who, fields = STATES[state]
    keys = {
        "user": world.miko.id,
        "client": "web",
        "grant": world.grant("web").id,
        "family": world.family("web").id,
    }
    world.change(kind, keys[who], **fields)
    assert door(world, tokens) is (not fields)


def test_a_key_ends_by_the_time_alone_after_it_was_asked_about() -> None:
    world = World()
    text = world.connect()["access_token"]
    world.change(Grant, world.grant().id, limits=Limits(until=world.now + 100))
    for seconds, active in ((0, True), (99, True), (1, False)):
        world.later(seconds)
        assert world.introspect(text).active is active


ELSEWHERE: dict[str, dict[str, Any]] = {
    "a backup was restored": {"epoch": 1},
    "the catalogs are others": {"offer": Offer(ISSUER, ())},
    "its key is no longer published": {
        "keyring": replace(KEYRING, published=(key("ES256", "new").public(),))
    },
}


@pytest.mark.parametrize("fields", [pytest.param(two, id=one) for one, two in ELSEWHERE.items()])
def test_another_installation_decides_anew(fields: dict[str, Any]) -> None:
    world = World()
    text = world.connect(scope="openid chirps.read")["access_token"]
    assert world.introspect(text).scope == "chirps.read"
    world.at = replace(world.at, **fields)
    assert world.introspect(text).scope == ""


# PROMISES I2: the scope is that of the grant now.


def test_what_was_taken_away_is_gone_from_tokens_that_are_out() -> None:
    world = World()
    text = world.connect(scope="openid chirps")["access_token"]
    assert world.introspect(text).scope == "chirps.read chirps.write chirps"
    world.change(Grant, world.grant().id, permissions=("chirps.read",))
    told = world.introspect(text)
    assert (told.active, told.scope, told.grant_version) == (True, "chirps.read", 2)
    with pytest.raises(InsufficientScope):
        world.ask(userinfo(text, world.context))


def test_what_the_client_lost_is_gone_too() -> None:
    world = World()
    text = world.connect(scope="openid chirps")["access_token"]
    assert world.introspect(text).scope == "chirps.read chirps.write chirps"
    world.change(Client, "kite", scope=("openid", "chirps.read"))
    assert world.introspect(text).scope == "chirps.read"


def test_what_was_added_later_does_not_reach_a_token_that_did_not_ask() -> None:
    world = World()
    text = world.connect(scope="openid chirps.read")["access_token"]
    world.connect(scope="openid chirps.read profile.write")
    assert world.introspect(text).scope == "chirps.read"
