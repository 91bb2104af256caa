"""A refusal that passes says so (`wire.token_response`): the app keeps what it has, and waits."""

from typing import Any

import msgspec
import pytest
from tests.rows import row
from tests.server.oauth.forms import basic, form, request
from tests.server.oauth.grant_types.story import leaf
from tests.server.oauth.shards.app import TWO, Harbour
from tests.server.oauth.world import World

from valetkey.server.http.reply import error_reply
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.grant_types.token import token
from valetkey.spec.errors import InvalidClient, InvalidGrant, KeySuspended, OAuthError
from valetkey.wire.token_response import PASSING

SUSPENDED: dict[str, Any] = {"status": "suspended"}
DISABLED: dict[str, Any] = {"status": "disabled"}
PAUSED: dict[str, Any] = {"status": "paused"}
STOPPED: dict[str, Any] = {"status": "stopped"}
CLOSED: dict[str, Any] = {"status": "closed"}

Turn = tuple[type[Any], dict[str, Any]]

ROWS: list[tuple[str, str, tuple[Turn, ...], type[OAuthError], str]] = [
    ("6749 5.2", "paused", ((Grant, PAUSED),), InvalidGrant, "paused"),
    ("6749 5.2", "the app is suspended", ((Client, SUSPENDED),), InvalidClient, "app_suspended"),
    ("6749 5.2", "the user is disabled", ((User, DISABLED),), InvalidGrant, "account_disabled"),
    ("6749 5.2", "stopped is for good", ((Grant, STOPPED),), InvalidGrant, ""),
    ("6749 5.2", "closed is for good", ((TokenFamily, CLOSED),), InvalidGrant, ""),
    (
        "6749 5.2",
        "paused, and closed for good",
        ((Grant, PAUSED), (TokenFamily, CLOSED)),
        InvalidGrant,
        "",
    ),
    (
        "6749 5.2",
        "disabled, and stopped for good",
        ((User, DISABLED), (Grant, STOPPED)),
        InvalidGrant,
        "",
    ),
    (
        "6749 5.2",
        "paused, and from before a restored backup",
        ((Grant, PAUSED | {"epoch": 7}),),
        InvalidGrant,
        "",
    ),
]


def _names(world: World) -> dict[type[Any], str]:
    return {
        Client: "kite",
        User: world.miko.id,
        Grant: world.grant().id,
        TokenFamily: world.family().id,
    }


@pytest.mark.parametrize("turns,error,reason", [row(a, b, *rest) for a, b, *rest in ROWS])
def test_a_refresh_says_whether_it_passes(
    turns: tuple[Turn, ...], error: type[OAuthError], reason: str
) -> None:
    world = World()
    tokens = world.connect()
    named = _names(world)
    for kind, fields in turns:
        world.change(kind, named[kind], **fields)
    with pytest.raises(error) as refused:
        world.refresh("kite", leaf(tokens))
    assert refused.value.reason == reason
    document = msgspec.json.decode(error_reply(refused.value).body)
    assert document.get("reason", "") == reason
    assert set(document) <= {"error", "error_description", "reason"}


def test_every_reason_that_passes_does() -> None:
    """Once it is gone, the very same refresh token is good: nothing was turned meanwhile."""
    world = World()
    tokens = world.connect()
    named = _names(world)
    for kind, fields in ((Grant, PAUSED), (Client, SUSPENDED), (User, DISABLED)):
        world.change(kind, named[kind], **fields)
        with pytest.raises(OAuthError) as refused:
            world.refresh("kite", leaf(tokens))
        assert refused.value.reason in PASSING
        world.change(kind, named[kind], status="active")
    assert world.refresh("kite", leaf(tokens))["refresh_token"] != leaf(tokens)


def test_a_code_says_it_too() -> None:
    world = World()
    world.connect()
    code = world.agree(request("kite")).code
    world.change(Grant, world.grant().id, status="paused")
    with pytest.raises(InvalidGrant) as refused:
        world.redeem("kite", code)
    assert refused.value.reason == "paused"


def test_a_token_that_is_exchanged_says_it_too() -> None:
    world = World()
    token_type = "urn:ietf:params:oauth:token-type:access_token"
    grant_type = "urn:ietf:params:oauth:grant-type:token-exchange"
    brought = world.connect()["access_token"]
    world.change(Grant, world.grant().id, status="paused")
    with pytest.raises(OAuthError) as refused:
        world.token(
            "agent", grant_type=grant_type, subject_token=brought, subject_token_type=token_type
        )
    assert refused.value.reason == "paused"


def test_a_client_that_acts_for_itself_is_told_of_its_suspension() -> None:
    world = World()
    world.change(Client, "machine", status="suspended")
    with pytest.raises(InvalidClient) as refused:
        world.token("machine", grant_type="client_credentials")
    assert refused.value.reason == "app_suspended"


@pytest.mark.parametrize("client", ["web", "nobody"])
def test_whoever_cannot_prove_to_be_the_app_learns_nothing_of_its_suspension(client: str) -> None:
    world = World()
    world.change(Client, "web", status="suspended")
    wrong = Call(
        form=form({"grant_type": "client_credentials"}), authorization=basic(client, "wrong")
    )
    with pytest.raises(InvalidClient) as refused:
        world.post(token, wrong)
    assert refused.value.reason == ""


def test_a_suspended_key_says_so_at_each_of_its_endpoints() -> None:
    app = Harbour(TWO)
    delivered = app.deliver(app.backend())
    app.world.change(TokenFamily, app.family.id, status="suspended")
    for tries in (lambda: app.refresh(delivered.handle), lambda: app.deliver(delivered.key_shard)):
        with pytest.raises(KeySuspended) as refused:
            tries()
        assert refused.value.reason == "key_suspended"


def test_a_suspended_key_whose_grant_is_over_is_not_waited_for() -> None:
    """Nobody can resume it any more, so its app would wait for ever."""
    app = Harbour(TWO)
    delivered = app.deliver(app.backend())
    app.world.change(TokenFamily, app.family.id, status="suspended")
    app.world.change(Grant, app.family.grant, status="stopped")
    with pytest.raises(InvalidGrant) as refused:
        app.refresh(delivered.handle)
    assert refused.value.reason == ""
