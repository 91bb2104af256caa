"""Signed introspection (RFC 9701): for whoever accepts it, about the token and as no token itself
(ATTACKS A48, A57)."""

import json
from typing import Any

import msgspec
import pytest
from tests.keys import key
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.world import ISSUER, KEYRING, START, World

from valetkey.jose import base64url, jws, jwt
from valetkey.server.model.client import Client
from valetkey.server.oauth.core.decision import Answer, TextDocument
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.tokens.state import Dead, check_token
from valetkey.wire import access_token
from valetkey.wire.introspection import INACTIVE, MEDIA, TYPE, verify, wants_signed


def signed(world: World, text: str, by: str = "chirp") -> str:
    asked = msgspec.structs.replace(call(by, token=text), accept=MEDIA)
    answer = world.post(introspect, asked)
    assert isinstance(answer, Answer)
    assert isinstance(answer.document, TextDocument)
    assert answer.document.media_type == MEDIA
    return answer.document.body


def claims(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(text.split(".")[1]))
    return found


def test_it_says_what_the_plain_answer_says() -> None:
    world = World()
    token = str(world.connect()["access_token"])
    said = verify(
        signed(world, token), keys=KEYRING.published, issuer=ISSUER, audience="chirp", now=START
    )
    assert said == world.introspect(token)
    assert said.active


def test_it_is_an_answer_and_no_token() -> None:
    world = World()
    token = str(world.connect()["access_token"])
    text = signed(world, token)
    assert jws.read_header(text)["typ"] == TYPE
    assert claims(text).keys() == {"iss", "aud", "iat", "token_introspection"}
    assert (claims(text)["aud"], claims(text)["iat"]) == ("chirp", START)
    assert isinstance(check_token(text, world.context), Dead)
    with pytest.raises(jwt.BadToken):
        access_token.verify(
            text, keys=KEYRING.published, issuer=ISSUER, audience="chirp", now=START
        )


INACTIVE_ONES = [
    row("A57", "another API's", "photos", lambda world, token: token),
    row("A57", "another app's", "web", lambda world, token: token),
    row("A57", "no token", "chirp", lambda world, token: "x"),
    row("A57", "one that is cut", "chirp", lambda world, token: token[:-1]),
]


@pytest.mark.parametrize("by, shown", INACTIVE_ONES)
def test_of_an_inactive_one_nothing_is_signed_but_that(by: str, shown: Any) -> None:
    world = World()
    token = str(world.connect()["access_token"])
    told = claims(signed(world, shown(world, token), by))["token_introspection"]
    assert told == {"active": False}


def test_of_a_suspended_app_neither() -> None:
    world = World()
    token = str(world.connect()["access_token"])
    world.change(Client, "kite", status="suspended")
    told = verify(
        signed(world, token), keys=KEYRING.published, issuer=ISSUER, audience="chirp", now=START
    )
    assert told == INACTIVE


ACCEPTS = [
    row("9701 4", "just that", MEDIA, True),
    row("9701 4", "in capitals", MEDIA.upper(), True),
    row("9701 4", "among others", f"text/html, {MEDIA};q=0.5", True),
    row("9701 4", "nothing", "", False),
    row("9701 4", "anything", "*/*", False),
    row("9701 4", "JSON", "application/json", False),
    row("9701 4", "another JWT", "application/jwt", False),
]


@pytest.mark.parametrize("accept, wanted", ACCEPTS)
def test_who_gets_it_signed(accept: str, wanted: bool) -> None:
    assert wants_signed(accept) is wanted


def test_an_answer_to_somebody_else_counts_for_nothing() -> None:
    world = World()
    text = signed(world, str(world.connect()["access_token"]))
    for changed in ({"audience": "photos"}, {"issuer": "https://other.example"}):
        given: Any = {
            "keys": KEYRING.published,
            "issuer": ISSUER,
            "audience": "chirp",
            "now": START,
        } | changed
        with pytest.raises(ValueError, match="of another server"):
            verify(text, **given)
    with pytest.raises(ValueError, match="no key"):
        verify(text, keys=(key("ES256", "x").public(),), issuer=ISSUER, audience="chirp", now=START)


@pytest.mark.parametrize("seconds", [-61, 61, 3600])
def test_an_answer_of_another_moment_counts_for_nothing(seconds: int) -> None:
    """RFC 9701 8.1: a replayed one says what was true once."""
    world = World()
    text = signed(world, str(world.connect()["access_token"]))
    given: Any = {"keys": KEYRING.published, "issuer": ISSUER, "audience": "chirp"}
    assert verify(text, **given, now=START).active
    with pytest.raises(ValueError, match="another moment"):
        verify(text, **given, now=START + seconds)
