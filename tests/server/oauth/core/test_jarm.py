"""Signed answers (JARM): one parameter, signed for one app, for yes and no alike."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import ISSUER, KEYRING, World

from valetkey.jose import base64url, jws
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize import reply_address
from valetkey.server.oauth.authorize.outcome import Deny, Permit
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.tokens.state import Dead, check_token

MODES = [
    row("JARM 2.3.1", "query.jwt", "query.jwt", "query"),
    row("JARM 2.3.3", "form_post.jwt", "form_post.jwt", "form_post"),
    row("JARM 2.3.4", "jwt", "jwt", "query"),
]


def said(parameters: dict[str, str], *, algorithm: str = "RS256") -> dict[str, Any]:
    """What a signed answer says, its signature checked."""
    assert set(parameters) == {"response"}, "and nothing beside it"
    text = parameters["response"]
    header = jws.read_header(text)
    assert (header["alg"], bool(header["kid"])) == (algorithm, True)
    payload = jws.verify(text, KEYRING.published, algorithms=ALGORITHMS, typ=("jwt",))
    found: dict[str, Any] = json.loads(payload)
    return found


@pytest.mark.parametrize("mode, travels", MODES)
def test_a_yes(mode: str, travels: str) -> None:
    world = World()
    permit = world.agree(request("kite", response_mode=mode, state="s t&="))
    assert permit.reply_to.mode == travels
    claims = said(permit.reply_to.parameters(code=permit.code))
    assert claims == {
        "iss": ISSUER,
        "aud": "kite",
        "exp": world.now + reply_address.SECONDS,
        "code": permit.code,
        "state": "s t&=",
    }
    assert world.redeem("kite", claims["code"])["access_token"]


@pytest.mark.parametrize("mode, travels", MODES)
def test_a_no(mode: str, travels: str) -> None:
    world = World()
    denied = world.visit(request("kite", response_mode=mode, prompt="none"), world.sign_in())
    assert isinstance(denied, Deny)
    assert denied.reply_to is not None
    assert denied.reply_to.mode == travels
    claims = said(denied.reply_to.parameters(error=denied.error.code))
    assert (claims["error"], claims["aud"], claims["iss"]) == ("consent_required", "kite", ISSUER)


def test_the_address_holds_nothing_else() -> None:
    world = World()
    permit = world.agree(request("kite", response_mode="jwt"))
    query = parse_qs(
        urlsplit(permit.reply_to.location(permit.reply_to.parameters(code=permit.code))).query
    )
    assert set(query) == {"response"}


def test_without_it_nothing_is_signed() -> None:
    permit = World().agree(request("kite"))
    assert set(permit.reply_to.parameters(code=permit.code)) == {"code", "state", "iss"}


@pytest.mark.parametrize("mode", ["fragment.jwt", "JWT", "fragment", "web_message", "xjwt"])
def test_other_modes_are_refused(mode: str) -> None:
    world = World()
    denied = world.visit(request("kite", response_mode=mode), world.sign_in())
    assert isinstance(denied, Deny)
    assert denied.error.code == "invalid_request"
    assert denied.reply_to is not None
    assert denied.reply_to.mode == "query"
    assert denied.reply_to.sign is None


def test_an_answer_is_no_token() -> None:
    world = World()
    permit = world.agree(request("kite", response_mode="jwt"))
    text = permit.reply_to.parameters(code=permit.code)["response"]
    assert isinstance(check_token(text, world.context), Dead)
    payload = json.loads(base64url.decode(text.split(".")[1]))
    assert "sub" not in payload


def test_switched_off_it_is_nowhere() -> None:
    world = World(switched((), ("signed answers",)))
    about = server_metadata(world.context)
    assert not [mode for mode in about.response_modes_supported if "jwt" in mode]
    assert about.authorization_signing_alg_values_supported == ()
    denied = world.visit(request("kite", response_mode="jwt"), world.sign_in())
    assert isinstance(denied, Deny)
    assert denied.error.code == "invalid_request"


def test_discovery_says_so() -> None:
    about = server_metadata(World().context)
    assert set(reply_address.MODES) <= set(about.response_modes_supported)
    assert "ES256" in about.authorization_signing_alg_values_supported


def test_in_the_algorithm_of_the_apps_policy() -> None:
    world = World()
    world.change(Client, "web", policy="oidc")
    permit = world.agree(request("web", response_mode="jwt"))
    assert isinstance(permit, Permit)
    assert said(permit.reply_to.parameters(code=permit.code))["aud"] == "web"
