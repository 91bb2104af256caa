"""Grant Management for OAuth 2.0: an app asks about its grants, and gives them back."""

from typing import Any

import pytest
from tests.installation import CHIRP, PHOTOS
from tests.rows import row
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import User
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call, RequestInfo
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.endpoints.grant_management import manage
from valetkey.server.oauth.features import switched
from valetkey.spec.errors import (
    InsufficientScope,
    InvalidGrant,
    InvalidGrantId,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
)

BOTH = "grant_management_query grant_management_revoke"
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


def opted_in(*clients: str) -> World:
    world = World()
    for client in clients or ("web",):
        world.change(Client, client, understands=("grant_management",), grant_types=GRANT_TYPES)
    return world


def own(world: World, client: str = "web", scope: str = BOTH, **more: Any) -> str:
    answer = world.token(client, grant_type="client_credentials", scope=scope, **more)
    return str(answer["access_token"])


def asked(world: World, method: str, name: str, token: str) -> Any:
    call = Call(method=method, item=name, request=RequestInfo(token=token))
    outcome = world.settle(lambda: manage(call, world.context))
    assert isinstance(outcome, Answer)
    return outcome.document


def test_an_ordinary_app_hears_nothing_of_it() -> None:
    assert "grant_id" not in World().connect("web")


def test_a_public_app_hears_nothing_though_it_opts_in() -> None:
    """5.1: only confidential clients."""
    world = opted_in("kite")
    assert "grant_id" not in world.connect("kite")


def test_each_answer_names_the_grant() -> None:
    world = opted_in()
    tokens = world.connect("web", scope="openid chirps.read offline_access")
    assert tokens["grant_id"] == world.grant("web").id
    assert world.refresh("web", tokens["refresh_token"])["grant_id"] == world.grant("web").id
    assert world.connect("web", scope="openid")["grant_id"] == world.grant("web").id
    chirps = world.token("web", grant_type="client_credentials", scope="chirps.read")
    assert "grant_id" not in chirps


def test_query() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid email chirps.read photos.read")["grant_id"]
    before = world.digest()
    told = asked(world, "GET", name, own(world))
    assert world.digest() == before
    assert told == {
        "grant_id": name,
        "status": "active",
        "scopes": [
            {"scope": "openid email", "resource": [ISSUER]},
            {"scope": "chirps.read", "resource": [CHIRP]},
            {"scope": "photos.read", "resource": [PHOTOS]},
        ],
        "claims": ["email", "email_verified"],
        "created_at": world.now,
        "last_updated_at": world.now,
        # RFC 9396: the same once more, where it has a type.
        "authorization_details": (
            {"type": CHIRP, "actions": ("chirps.read",), "locations": (CHIRP,)},
            {"type": PHOTOS, "actions": ("photos.read",), "locations": (PHOTOS,)},
        ),
    }


def test_query_follows_what_becomes_of_the_grant() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid email chirps.read")["grant_id"]
    world.change(Grant, name, status="paused", permissions=("openid", "chirps.read"))
    told = asked(world, "GET", name, own(world))
    assert told["status"] == "paused"
    assert told["claims"] == []
    world.change(Client, "web", scope=("openid",))
    assert [one["scope"] for one in asked(world, "GET", name, own(world))["scopes"]] == ["openid"]


def test_revoke() -> None:
    world = opted_in()
    tokens = world.connect("web", scope="openid chirps.read offline_access")
    name, token = tokens["grant_id"], own(world)
    assert asked(world, "DELETE", name, token) is None
    assert world.need(Grant, name).status == "stopped"
    (told,) = (one for one in world.all(Event) if one.kind == "stopped")
    assert (told.by, told.grant, told.user, told.client) == ("app", name, world.miko.id, "web")
    assert not world.introspect(tokens["access_token"]).active
    with pytest.raises(InvalidGrant):
        world.refresh("web", tokens["refresh_token"])
    for method in ("GET", "DELETE"):
        with pytest.raises(InvalidGrantId):
            asked(world, method, name, token)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_clients_grant_is_no_grant(method: str) -> None:
    """ATTACKS A77."""
    world = opted_in("web", "post")
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    token, before, told = own(world, "post"), world.digest(), world.kinds()
    said = []
    for named in (name, "0" * 26, "", "x", f"{name}/x"):
        with pytest.raises(InvalidGrantId) as refused:
            asked(world, method, named, token)
        said.append((refused.value.status, refused.value.description))
    assert said == [(404, InvalidGrantId.says)] * 5
    assert (world.digest(), world.kinds()) == (before, told)


def _users(world: World) -> str:
    return str(world.connect("web", scope="openid chirps.read")["access_token"])


def _opted_out(world: World) -> str:
    text = own(world)
    world.change(Client, "web", understands=())
    return text


def _suspended(world: World) -> str:
    text = own(world)
    world.change(Client, "web", status="suspended")
    return text


def _old(world: World) -> str:
    text = own(world)
    world.later(4000)
    return text


TOKENS = [
    row("6.6", "nothing of ours", lambda world: "x", InvalidToken),
    row("6.6", "a user's", _users, InvalidToken),
    row("A78", "of a suspended client", _suspended, InvalidToken),
    row("6.6", "expired", _old, InvalidToken),
    row("A10", "for an API", lambda world: own(world, scope="chirps.read"), InvalidToken),
    row("5.1", "of a client that has opted out", _opted_out, InsufficientScope),
]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("token, error", TOKENS)
def test_other_tokens_open_nothing(token: Any, error: type[OAuthError], method: str) -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    text = token(world)
    before = world.digest()
    with pytest.raises(error):
        asked(world, method, name, text)
    assert world.digest() == before


@pytest.mark.parametrize(
    "method, scope", [("GET", "grant_management_revoke"), ("DELETE", "grant_management_query")]
)
def test_each_scope_opens_its_own(method: str, scope: str) -> None:
    world = opted_in()
    name = world.connect("web", scope="openid")["grant_id"]
    with pytest.raises(InsufficientScope):
        asked(world, method, name, own(world, scope=scope))
    assert world.grant("web").status == "active"


@pytest.mark.parametrize("change", [{"status": "disabled"}, None])
def test_a_user_who_is_not_there_is_not_told_of(change: dict[str, Any] | None) -> None:
    """ATTACKS A78; a restored backup counts no yes either."""
    world = opted_in()
    name = world.connect("web", scope="openid")["grant_id"]
    if change is None:
        world.change(Grant, name, epoch=7)
    else:
        world.change(User, world.miko.id, **change)
    with pytest.raises(InvalidGrantId):
        asked(world, "GET", name, own(world))


ALONE: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("6.1", "with an API's", {"scope": f"{BOTH} chirps.read"}, InvalidScope),
    ("6.1", "with an unknown one", {"scope": f"{BOTH} nonsense"}, InvalidScope),
    ("8707 2", "for an API", {"resource": (CHIRP,)}, InvalidTarget),
]


@pytest.mark.parametrize("wish, error", [row(a, b, *rest) for a, b, *rest in ALONE])
def test_the_scopes_stand_alone(wish: dict[str, Any], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        own(opted_in(), **wish)


def test_the_token_is_for_this_server_alone() -> None:
    world = opted_in()
    for more in ({}, {"resource": (ISSUER,)}):
        answer = world.token("web", grant_type="client_credentials", scope=BOTH, **more)
        assert answer["scope"] == BOTH
        assert not world.introspect(answer["access_token"]).active  # Chirp asks.


def test_the_scopes_are_nobody_elses() -> None:
    with pytest.raises(InvalidScope):
        own(World(), "machine")
    off = World(switched(off=["grant management"]))
    off.change(Client, "web", understands=("grant_management",), grant_types=GRANT_TYPES)
    with pytest.raises(InvalidScope):
        own(off)
    assert "grant_id" not in off.connect("web")


def test_no_user_is_asked_for_them() -> None:
    world = opted_in()
    locked = {one.id for group in world.at.offer.cannot(()) for one in group.permissions}
    everything = locked | {*world.at.offer.permissions}
    assert not everything & {*BOTH.split()}
    assert not {*BOTH.split()} & {*server_metadata(world.context).scopes_supported}


def test_discovery() -> None:
    said = server_metadata(World().context)
    assert said.grant_management_endpoint == f"{ISSUER}/grants"
    assert {*said.grant_management_actions_supported} >= {"query", "revoke"}
    assert not said.grant_management_action_required
