"""A client that acts for itself (RFC 6749 4.4; ATTACKS A16)."""

from typing import Any

import pytest
from tests.installation import CHIRP, PHOTOS
from tests.rows import row
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec.errors import (
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
    UnauthorizedClient,
)


def own(world: World, client: str = "machine", **parameters: Any) -> dict[str, Any]:
    return world.token(client, grant_type="client_credentials", **parameters)


ISSUED: list[tuple[str, str, dict[str, Any], str, tuple[str, ...]]] = [
    (
        "4.4.2",
        "all that it is registered for",
        {},
        "chirps.read chirps.write photos.read chirps",
        (CHIRP, PHOTOS),
    ),
    ("3.3", "a part", {"scope": "chirps.read"}, "chirps.read", (CHIRP,)),
    ("3.3", "a set", {"scope": "chirps"}, "chirps.read chirps.write chirps", (CHIRP,)),
    ("8707 2.2", "one resource", {"resource": (PHOTOS,)}, "photos.read", (PHOTOS,)),
]


@pytest.mark.parametrize("asked,scope,aud", [row(a, b, *rest) for a, b, *rest in ISSUED])
def test_what_is_issued(asked: dict[str, Any], scope: str, aud: tuple[str, ...]) -> None:
    world = World()
    before = world.digest()
    tokens = own(world, **asked)
    assert tokens["scope"] == scope
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert world.digest() == before  # DESIGN 5: no write.
    told = world.introspect(tokens["access_token"], by="photos" if PHOTOS in aud else "chirp")
    assert (told.aud, told.client_id, told.grant_id) == (aud, "machine", "")
    assert set(told.scope.split()) <= set(scope.split())


REFUSED: list[tuple[str, str, str, dict[str, Any], type[OAuthError]]] = [
    ("4.4", "a public client", "kite", {}, UnauthorizedClient),
    ("4.4", "not registered for it", "web", {}, UnauthorizedClient),
    ("3.3", "more than is registered", "machine", {"scope": "dms.read"}, InvalidScope),
    ("3.3", "unknown", "machine", {"scope": "nonsense"}, InvalidScope),
    ("Core 11", "what is about a user", "machine", {"scope": "openid"}, InvalidScope),
    (
        "8707 2",
        "an unknown resource",
        "machine",
        {"resource": ("https://evil.example",)},
        InvalidTarget,
    ),
]


@pytest.mark.parametrize("client,asked,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(client: str, asked: dict[str, Any], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        own(World(), client, **asked)


def test_a_public_client_may_not_though_it_were_registered() -> None:
    world = World()
    world.change(Client, "kite", grant_types=("client_credentials",))
    with pytest.raises(UnauthorizedClient):
        own(world, "kite")


def test_permissions_about_people_are_never_a_clients_own() -> None:
    world = World()
    world.change(Client, "machine", scope=("openid", "email", "chirps.read"))
    assert own(world)["scope"] == "chirps.read"
    with pytest.raises(InvalidScope):
        own(world, scope="openid email")


def test_a_client_is_never_taken_for_a_user() -> None:
    """ATTACKS A16: its subject lies in a namespace of its own, and userinfo knows nobody."""
    world = World()
    tokens = own(world)
    told = world.introspect(tokens["access_token"])
    assert told.sub == "client:machine"
    assert told.sub != told.client_id
    with pytest.raises(InvalidToken):
        world.ask(userinfo(tokens["access_token"], world.context))


def test_what_the_client_loses_its_tokens_lose() -> None:
    """ATTACKS A80."""
    world = World()
    text = own(world)["access_token"]
    world.change(Client, "machine", scope=("chirps.read",))
    assert world.introspect(text).scope == "chirps.read"
    world.change(Client, "machine", status="suspended")
    assert not world.introspect(text).active
