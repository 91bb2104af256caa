"""What a refresh comes to: what holds now, and never more.

RFC 6749 6, RFC 8707 2.2; ATTACKS A26, A78, A80; PROMISES I2, I5.
"""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.grant_types.story import leaf, refused
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.spec.errors import (
    InvalidAuthorizationDetails,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    UnauthorizedClient,
)

# What.

NARROWER: list[tuple[str, str, dict[str, Any], str]] = [
    ("6749 6", "nothing said", {}, "openid chirps.read chirps.write chirps"),
    ("6749 6", "less", {"scope": "chirps.read"}, "chirps.read"),
    ("6749 6", "the same", {"scope": "openid chirps"}, "openid chirps.read chirps.write chirps"),
    (
        "8707 2.2",
        "one resource",
        {"resource": ("https://chirp.example",)},
        "openid chirps.read chirps.write chirps",
    ),
]


@pytest.mark.parametrize("shown,scope", [row(a, b, *rest) for a, b, *rest in NARROWER])
def test_one_token_may_be_narrower(shown: dict[str, Any], scope: str) -> None:
    world = World()
    tokens = world.connect(scope="openid chirps")
    assert world.refresh("kite", leaf(tokens), **shown)["scope"] == scope


def test_a_narrow_token_does_not_narrow_the_next() -> None:
    """RFC 6749 6: the new refresh token has the scope of the old one."""
    world = World()
    tokens = world.connect(scope="openid chirps")
    narrow = world.refresh("kite", leaf(tokens), scope="chirps.read")
    assert "id_token" not in narrow
    wide = world.refresh("kite", leaf(narrow))
    assert wide["scope"] == "openid chirps.read chirps.write chirps"


PHOTOS = '[{"type": "https://photos.example", "actions": ["photos.read"]}]'

WIDER: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("6749 6", "more than was granted", {"scope": "openid profile.write"}, InvalidScope),
    ("6749 6", "unknown", {"scope": "nonsense"}, InvalidScope),
    (
        "9396 6",
        "more than was granted, by name and by details: the name is told of",
        {"scope": "openid profile.write", "authorization_details": PHOTOS},
        InvalidScope,
    ),
    ("9396 6", "by details alone", {"authorization_details": PHOTOS}, InvalidAuthorizationDetails),
    (
        "8707 2.2",
        "a resource of which nothing was granted",
        {"resource": ("https://photos.example",)},
        InvalidTarget,
    ),
    ("8707 2.2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
]


@pytest.mark.parametrize("shown,error", [row(a, b, *rest) for a, b, *rest in WIDER])
def test_no_token_is_wider_and_nothing_is_turned(
    shown: dict[str, Any], error: type[OAuthError]
) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    with pytest.raises(error):
        world.refresh("kite", leaf(tokens), **shown)
    assert world.digest() == before
    assert not refused(world, leaf(tokens))


def test_what_was_taken_away_is_gone_and_asking_for_it_is_refused() -> None:
    """ATTACKS A26; PROMISES I2: the scope is that of the grant now."""
    world = World()
    tokens = world.connect(scope="openid chirps")
    world.change(Grant, world.grant().id, permissions=("openid", "chirps.read"))
    turned = world.refresh("kite", leaf(tokens))
    assert turned["scope"] == "openid chirps.read"
    assert world.introspect(turned["access_token"]).grant_version == 2
    with pytest.raises(InvalidScope):
        world.refresh("kite", leaf(turned), scope="chirps.write")


def test_an_upgrade_does_not_reach_a_family_that_did_not_ask() -> None:
    """The laptop was given more; the phone asked for less, and has what it asked for."""
    world = World()
    phone = world.connect(scope="chirps.read")
    world.connect(scope="chirps.read profile.write")
    assert world.refresh("kite", leaf(phone))["scope"] == "chirps.read"


def test_a_user_who_takes_back_access_while_away_ends_refreshing() -> None:
    world = World()
    tokens = world.connect(scope="openid offline_access chirps.read")
    world.change(Grant, world.grant().id, permissions=("openid", "chirps.read"))
    before = world.digest()
    assert refused(world, leaf(tokens))
    assert world.digest() == before


# Of whom nothing more may be had.

DEAD: list[tuple[str, str, type[Any], str, dict[str, Any], bool]] = [
    ("A78", "the user is disabled", User, "user", {"status": "disabled"}, True),
    ("A78", "the grant is paused", Grant, "grant", {"status": "paused"}, True),
    ("A78", "the grant is stopped", Grant, "grant", {"status": "stopped"}, False),
    ("A78", "the family is closed", TokenFamily, "family", {"status": "closed"}, False),
    ("A78", "the client is suspended", Client, "kite", {"status": "suspended"}, True),
    (
        "A80",
        "the client may no longer",
        Client,
        "kite",
        {"grant_types": ("authorization_code",)},
        True,
    ),
    ("R15", "from before a restored backup", Grant, "grant", {"epoch": 7}, True),
]


def _refusal(kind: type[Any], fields: dict[str, Any]) -> type[OAuthError]:
    """RFC 6749 5.2."""
    if kind is not Client:
        return InvalidGrant
    return InvalidClient if "status" in fields else UnauthorizedClient


@pytest.mark.parametrize("kind,who,fields,back", [row(a, b, *rest) for a, b, *rest in DEAD])
def test_nobody_refreshes_for_the_dead(
    kind: type[Any], who: str, fields: dict[str, Any], back: bool
) -> None:
    """Nothing is turned meanwhile, so that what comes back goes on where it was."""
    world = World()
    tokens = world.connect()
    key = {"user": world.miko.id, "grant": world.grant().id, "family": world.family().id}
    was = {name: getattr(world.need(kind, key.get(who, who)), name) for name in fields}
    world.change(kind, key.get(who, who), **fields)
    before = world.digest()
    with pytest.raises(_refusal(kind, fields)):
        world.refresh("kite", leaf(tokens))
    assert world.digest() == before
    if back:
        world.change(kind, key.get(who, who), **was)
        assert not refused(world, leaf(tokens))
