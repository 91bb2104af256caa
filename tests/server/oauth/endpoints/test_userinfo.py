"""UserInfo (OpenID Connect Core 5.3): the claims that the grant opens at this moment."""

from typing import Any

import pytest
from tests.installation import CHIRP
from tests.rows import row
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.user import User
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec.errors import InsufficientScope, InvalidToken, OAuthError


def claims(world: World, text: str) -> Any:
    outcome = world.ask(userinfo(text, world.context))
    assert isinstance(outcome, Answer)
    return outcome.document


OPENED: list[tuple[str, str, str, set[str]]] = [
    ("5.4", "openid", "openid", set()),
    ("5.4", "email", "openid email", {"email", "email_verified"}),
    ("5.4", "profile", "openid profile", {"name", "locale", "preferred_username", "updated_at"}),
    (
        "5.4",
        "both",
        "openid profile email",
        {"name", "locale", "preferred_username", "updated_at", "email", "email_verified"},
    ),
    ("5.4", "an API's permission opens none", "openid chirps.read", set()),
]


@pytest.mark.parametrize("scope,opened", [row(a, b, *rest) for a, b, *rest in OPENED])
def test_a_permission_opens_its_claims(scope: str, opened: set[str]) -> None:
    world = World()
    world.change(User, world.miko.id, claims={"name": "Mikó", "locale": "de"}, changed=77)
    found = claims(world, world.connect(scope=scope)["access_token"])
    assert found.keys() == opened | {"sub"}
    assert found["sub"] == world.miko.id
    everything = {
        "name": "Mikó",
        "locale": "de",
        "preferred_username": "miko",
        "updated_at": 77,
        "email": "miko@example.org",
        "email_verified": False,
    }
    assert {name: everything[name] for name in opened} == {name: found[name] for name in opened}


def test_what_has_changed_since_the_last_answer_is_told() -> None:
    world = World()
    text = world.connect(scope="openid email")["access_token"]
    assert claims(world, text)["email"] == "miko@example.org"
    world.change(User, world.miko.id, email="new@example.org")
    assert claims(world, text)["email"] == "new@example.org"


def test_what_the_user_left_out_is_not_told() -> None:
    world = World()
    tokens = world.connect(scope="openid profile email", ticked=("profile",))
    assert "email" not in claims(world, tokens["access_token"])


def test_what_nobody_has_is_left_out() -> None:
    """OpenID Connect Core 5.3.2: no null, no empty text."""
    world = World()
    world.change(User, world.miko.id, email="", claims={})
    found = claims(world, world.connect(scope="openid profile email")["access_token"])
    assert found.keys() == {"sub", "preferred_username", "updated_at"}


def test_a_name_that_this_server_made_is_not_told() -> None:
    """It has the id of the user at the platform or at another provider in it."""
    world = World()
    world.change(User, world.miko.id, username="~t8fqjato:17")
    found = claims(world, world.connect(scope="openid profile")["access_token"])
    assert "preferred_username" not in found
    assert "17" not in str({**found, "updated_at": 0, "sub": ""})


REFUSED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("5.3.3", "no openid", {"scope": "chirps.read"}, InvalidToken),
    (
        "A10",
        "a token for an API alone",
        {"scope": "openid chirps.read", "resource": (CHIRP,)},
        InvalidToken,
    ),
    ("5.3.3", "profile without openid", {"scope": "profile"}, InsufficientScope),
]


@pytest.mark.parametrize("asked,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_who_hears_nothing(asked: dict[str, Any], error: type[OAuthError]) -> None:
    world = World()
    text = world.connect(**asked)["access_token"]
    with pytest.raises(error):
        claims(world, text)


def test_a_token_for_the_server_itself_is_heard() -> None:
    """RFC 8707: the issuer is a resource like others."""
    world = World()
    tokens = world.connect(scope="openid email", resource=(ISSUER,))
    assert claims(world, tokens["access_token"])["email"] == "miko@example.org"
