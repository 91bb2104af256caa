"""A48: one kind of JWT in place of another.

Attack: An attacker presents, for example, an ID Token as a client assertion.
Defense: Each place accepts only its own kind of JWT. The tests try every kind at every place.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.attacks.play import AS_WEB, tokens
from tests.attacks.signing import (
    asserted,
    at_token,
    pushed,
    register,
    requested,
    shared_asserted,
)
from tests.installation import SECRETS
from tests.jose.corpus import Honest
from tests.live import Live
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, SHARED

from valetkey.jose import base64url, jws
from valetkey.wire import dpop, request_object


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


@pytest.fixture(scope="module")
def issued(server: Live) -> dict[str, Any]:
    return tokens(server, AS_WEB)


Make = Callable[[Live, dict[str, Any]], str]


def _signed(honest: Honest, typ: str) -> str:
    return Honest(honest.key, honest.claims, typ).token()


def _proof(server: Live) -> str:
    """A DPoP proof, by the app's own key."""
    claims = {"jti": "j", "htm": "POST", "htu": f"{server.issuer}/token", "iat": int(time.time())}
    return jws.sign_embedded(msgspec.json.encode(claims), key=MINE, typ=dpop.TYPE)


def _security_event(server: Live) -> str:
    """One of the server's own, under the key that signs tokens."""
    auth = ("chirp", SECRETS["chirp"])
    (there, *_) = server.http.get("/signals/stream", auth=auth).json() or [None]
    if there is None:
        there = server.http.post("/signals/stream", json={}, auth=auth).json()
        server.http.post("/signals/verify", json={"stream_id": there["stream_id"]}, auth=auth)
    told = server.http.post("/signals/poll", json={"returnImmediately": True}, auth=auth)
    return str(next(iter(told.json()["sets"].values())))


def _status_list(server: Live) -> str:
    name = base64url.encode(b"web")
    return server.http.get(f"/status/0.0.{name}").text


KINDS: list[tuple[str, Make]] = [
    ("client assertion", lambda server, issued: asserted(server).token()),
    ("client assertion of old", lambda server, issued: _signed(asserted(server), "JWT")),
    ("assertion under a secret", lambda server, issued: shared_asserted(server).token()),
    (
        "assertion under a secret, as the app with a key",
        lambda server, issued: shared_asserted(server, iss="signer", sub="signer").token(),
    ),
    (
        "assertion by a key, as the app with a secret",
        lambda server, issued: asserted(server, iss="sharer", sub="sharer").token(),
    ),
    (
        "request object under a secret",
        lambda server, issued: _signed(requested(server)._replace(key=SHARED), request_object.TYPE),
    ),
    ("request object", lambda server, issued: requested(server).token()),
    ("request object of old", lambda server, issued: _signed(requested(server), "JWT")),
    ("access token", lambda server, issued: str(issued["access_token"])),
    ("ID Token", lambda server, issued: str(issued["id_token"])),
    ("DPoP proof", lambda server, issued: _proof(server)),
    (
        "logout token",
        lambda server, issued: _signed(
            asserted(server, events={"http://schemas.openid.net/event/backchannel-logout": {}}),
            "logout+jwt",
        ),
    ),
    ("security event", lambda server, issued: _security_event(server)),
    ("security event by an app", lambda server, issued: _signed(asserted(server), "secevent+jwt")),
    ("status list", lambda server, issued: _status_list(server)),
    ("status list by an app", lambda server, issued: _signed(asserted(server), "statuslist+jwt")),
]


def _userinfo(server: Live, text: str) -> bool:
    answer = server.http.get("/userinfo", headers={"authorization": f"Bearer {text}"})
    return answer.status_code == 200


def _introspected(server: Live, text: str) -> bool:
    answer = server.http.post("/introspect", data={"token": text}, auth=("web", SECRETS["web"]))
    return bool(answer.json()["active"])


PLACES: list[tuple[str, Callable[[Live, str], bool], set[str]]] = [
    (
        "client authentication",
        lambda server, text: at_token(server, text)[0] == 200,
        {"client assertion", "client assertion of old", "assertion under a secret"},
    ),
    (
        "request",
        lambda server, text: pushed(server, text)[0] == 201,
        {"request object", "request object of old"},
    ),
    ("userinfo", _userinfo, {"access token"}),
    ("introspection", _introspected, {"access token"}),
]


@pytest.mark.parametrize(
    "make,take,fits",
    [
        row("A48", f"{kind} as {place}", make, take, kind in kinds)
        for place, take, kinds in PLACES
        for kind, make in KINDS
    ],
)
def test_only_its_own_kind(
    server: Live,
    issued: dict[str, Any],
    make: Make,
    take: Callable[[Live, str], bool],
    fits: bool,
) -> None:
    assert take(server, make(server, issued)) is fits


def test_a_request_object_with_a_subject_authenticates_nobody(server: Live) -> None:
    """RFC 9101 10.8: under the old type, only the claims tell them apart."""
    both = requested(server, sub="signer", jti="j", typ=request_object.TYPE)
    assert pushed(server, _signed(both, "JWT")) == (400, "invalid_request_object")
    without = requested(server, jti="j")
    assert at_token(server, _signed(without, "JWT")) == (401, "invalid_client")
