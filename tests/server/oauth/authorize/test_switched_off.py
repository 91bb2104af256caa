"""What is switched off is gone from requests as well: a parameter of it is one that nobody knows
(RFC 6749 3.1), or is refused where the standards have a code for that."""

from typing import Any

import pytest
from tests.proofs import MINE
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.spec.errors import (
    InvalidRequest,
    OAuthError,
    RequestNotSupported,
    RequestUriNotSupported,
)

TIER = '{"threshold":2,"holders":["device","backend"]}'


def without(name: str) -> World:
    """Everything is on but this."""
    return World(switched([one.name for one in FEATURES if one.name != name], [name]))


PASSED_OVER: list[Any] = [
    row("DPoP", "a key for the code", "DPoP", {"dpop_jkt": MINE.public().thumbprint()}),
    row("key shards", "a tier", "key shards", {"key_shards": TIER}),
    row("key shards", "what is no tier", "key shards", {"key_shards": "["}),
    row(
        "grant management",
        "an action",
        "grant management",
        {"grant_management_action": "merge", "grant_id": "x"},
    ),
    row(
        "rich authorization requests",
        "no list",
        "rich authorization requests",
        {"authorization_details": "[[["},
    ),
]


@pytest.mark.parametrize("name, asked", PASSED_OVER)
def test_it_is_passed_over(name: str, asked: dict[str, Any]) -> None:
    world = without(name)
    assert world.connect("kite", scope="openid chirps.read", **asked)["token_type"] == "Bearer"


REFUSED: list[Any] = [
    row("form post", "a mode", "form post", {"response_mode": "form_post"}, InvalidRequest),
    row("signed answers", "a mode", "signed answers", {"response_mode": "jwt"}, InvalidRequest),
    row("sign-up", "a prompt", "sign-up", {"prompt": "create"}, InvalidRequest),
    row(
        "signed requests",
        "an object",
        "signed requests",
        {"request": "e30.e30.e30"},
        RequestNotSupported,
    ),
    row(
        "request_uri fetching",
        "an address",
        "request_uri fetching",
        {"request_uri": "https://kite.example/r"},
        RequestUriNotSupported,
    ),
]


@pytest.mark.parametrize("name, asked, error", REFUSED)
def test_it_is_refused(name: str, asked: dict[str, Any], error: type[OAuthError]) -> None:
    world = without(name)
    decision = world.visit(request("kite", **asked), world.sign_in())
    assert isinstance(decision, Deny)
    assert type(decision.error) is error
