"""What a code comes to: the tokens of what holds now, and never more.

RFC 6749 3.3 and 5.1, RFC 8707 2.2, OpenID Connect Core 2 and 11; ATTACKS A38, A78, A80.
"""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.grant_types.story import code_of, spent
from tests.server.oauth.world import ISSUER, KEYRING, START, World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import User
from valetkey.spec.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    UnauthorizedClient,
)
from valetkey.wire import id_token

# What became of user, client, grant meanwhile.

MEANWHILE: list[tuple[str, str, type[Any], str, dict[str, Any]]] = [
    ("A78", "the user is disabled", User, "user", {"status": "disabled"}),
    ("A78", "the grant is stopped", Grant, "grant", {"status": "stopped"}),
    ("A78", "the grant is paused", Grant, "grant", {"status": "paused"}),
    ("A78", "the client is suspended", Client, "kite", {"status": "suspended"}),
    ("A80", "the client may no longer", Client, "kite", {"grant_types": ("refresh_token",)}),
]


def _refusal(kind: type[Any], fields: dict[str, Any]) -> type[OAuthError]:
    """RFC 6749 5.2."""
    if kind is not Client:
        return InvalidGrant
    return InvalidClient if "status" in fields else UnauthorizedClient


@pytest.mark.parametrize("kind,who,fields", [row(a, b, *rest) for a, b, *rest in MEANWHILE])
def test_nobody_issues_for_the_dead(kind: type[Any], who: str, fields: dict[str, Any]) -> None:
    world = World()
    code = code_of(world)
    keys = {"user": world.miko.id, "grant": world.grant().id}
    world.change(kind, keys.get(who, who), **fields)
    before = world.digest()
    with pytest.raises(_refusal(kind, fields)):
        world.redeem("kite", code)
    assert world.digest() == before


def test_what_was_taken_away_meanwhile_is_not_issued() -> None:
    """ATTACKS A38."""
    world = World()
    code = world.agree(request("kite", scope="openid chirps")).code
    world.change(Grant, world.grant().id, permissions=("chirps.read",))
    tokens = world.redeem("kite", code)
    assert tokens["scope"] == "chirps.read"
    assert "id_token" not in tokens


def test_what_the_client_lost_meanwhile_is_not_issued() -> None:
    """ATTACKS A80."""
    world = World()
    code = world.agree(request("kite", scope="openid chirps")).code
    world.change(Client, "kite", scope=("openid", "chirps.read"))
    assert world.redeem("kite", code)["scope"] == "openid chirps.read"


# What is issued.

SCOPES: list[tuple[str, str, str | None, tuple[str, ...] | None, str]] = [
    ("3.3", "all", "openid chirps.read", None, "openid chirps.read"),
    (
        "3.3",
        "a set, by its members and its name",
        "chirps",
        None,
        "chirps.read chirps.write chirps",
    ),
    ("3.3", "a set, in part", "chirps", ("chirps.read",), "chirps.read"),
    ("3.3", "what is implied", "dms.send", None, "dms.read dms.send"),
    ("3.3", "twice", "chirps.read chirps.read", None, "chirps.read"),
]


@pytest.mark.parametrize("scope,ticked,issued", [row(a, b, *rest) for a, b, *rest in SCOPES])
def test_the_answer_says_what_was_granted(
    scope: str, ticked: tuple[str, ...] | None, issued: str
) -> None:
    world = World()
    tokens = world.connect(scope=scope, ticked=ticked)
    assert tokens["scope"] == issued


NARROWED: list[tuple[str, str, dict[str, Any], str, tuple[str, ...]]] = [
    (
        "8707 2.2",
        "one resource of two",
        {"resource": ("https://photos.example",)},
        "openid photos.read",
        ("https://photos.example",),
    ),
    (
        "8707 2.2",
        "both",
        {"resource": ("https://chirp.example", "https://photos.example")},
        "openid chirps.read photos.read",
        ("https://chirp.example", "https://photos.example"),
    ),
    (
        "8707 2.2",
        "none: all that the scope speaks of",
        {},
        "openid chirps.read photos.read",
        (ISSUER, "https://chirp.example", "https://photos.example"),
    ),
]


@pytest.mark.parametrize("shown,scope,aud", [row(a, b, *rest) for a, b, *rest in NARROWED])
def test_a_resource_narrows(shown: dict[str, Any], scope: str, aud: tuple[str, ...]) -> None:
    world = World()
    code = world.agree(request("kite", scope="openid chirps.read photos.read")).code
    tokens = world.redeem("kite", code, **shown)
    assert tokens["scope"] == scope
    by = "photos" if "https://photos.example" in aud else "chirp"
    assert world.introspect(tokens["access_token"], by=by).aud == aud


WIDENED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    (
        "8707 2.2",
        "a resource of which nothing was granted",
        {"resource": ("https://photos.example",)},
        InvalidTarget,
    ),
    ("8707 2.2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
    ("6749 6", "a scope that was not granted", {"scope": "profile.write"}, InvalidScope),
    ("6749 6", "an unknown scope", {"scope": "nonsense"}, InvalidScope),
]


@pytest.mark.parametrize("shown,error", [row(a, b, *rest) for a, b, *rest in WIDENED])
def test_nothing_widens_and_the_code_stays_good(
    shown: dict[str, Any], error: type[OAuthError]
) -> None:
    world = World()
    code = code_of(world)
    before = world.digest()
    with pytest.raises(error):
        world.redeem("kite", code, **shown)
    assert world.digest() == before
    assert not spent(world, "kite", code)


REFRESHABLE: list[tuple[str, str, str | None, tuple[str, ...] | None, bool]] = [
    ("Core 11", "not asked", "openid", None, True),
    ("Core 11", "asked and granted", "openid offline_access", None, True),
    ("Core 11", "asked and refused", "openid offline_access", ("openid",), False),
    ("Core 11", "no scope sent, granted", None, None, True),
    ("Core 11", "no scope sent, refused", None, ("openid", "chirps.read"), False),
]


@pytest.mark.parametrize(
    "scope,ticked,refreshable", [row(a, b, *rest) for a, b, *rest in REFRESHABLE]
)
def test_access_while_away_is_the_users_to_refuse(
    scope: str | None, ticked: tuple[str, ...] | None, refreshable: bool
) -> None:
    tokens = World().connect(scope=scope, ticked=ticked)
    assert ("refresh_token" in tokens) is refreshable


def test_the_tokens_tell_of_the_grant() -> None:
    world = World()
    code = world.agree(request("kite", scope="openid profile chirps.read")).code
    world.later(7)
    tokens = world.redeem("kite", code)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    told = world.introspect(tokens["access_token"])
    assert (told.sub, told.client_id, told.iss) == (world.miko.id, "kite", ISSUER)
    assert (told.iat, told.exp, told.auth_time) == (START + 7, START + 307, START)
    assert (told.grant_id, told.grant_version) == (world.grant().id, 1)
    claims = id_token.verify(
        tokens["id_token"],
        keys=KEYRING.published,
        issuer=ISSUER,
        client_id="kite",
        nonce="n-1",
        access_token=tokens["access_token"],
        now=world.now,
    ).claims
    assert (claims.sub, claims.aud, claims.auth_time) == (world.miko.id, "kite", START)
    assert claims.at_hash == id_token.at_hash(tokens["access_token"])
    family = world.family()
    assert (family.device, family.grant, family.generation) == ("Firefox", world.grant().id, 0)


def test_a_code_writes_one_row_and_an_authorization_that_stands_none() -> None:
    """DESIGN 5: writes per operation."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    before = world.digest()
    code = world.agree(request("kite"), visit).code
    assert world.digest() == before
    world.redeem("kite", code)
    assert len(world.digest()) == len(before) + 1
