"""FAPI 2.0 Message Signing: what it adds to the Security Profile. Requests are signed (JAR) and
pushed; answers are signed (JARM) where the client asks for it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.conformance.fapi import Answer, Fapi, Rp
from tests.conformance.fapi_server import running
from tests.conformance.fapi_signed import inside, packed
from tests.conformance.op import header_of
from tests.conformance.test_fapi2_security_profile import WAYS, identity, refused
from tests.jose.forge import b64, unsigned

PLAN = "fapi2-message-signing"
NAME = "fapi2-security-profile-final-"


def module(name: str) -> pytest.MarkDecorator:
    return pytest.mark.module(NAME + name)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    folder = tmp_path_factory.mktemp("signing")
    with running(folder, profile="fapi2-message-signing") as both:
        yield both


@pytest.fixture
def fapi(setup: tuple[Fapi, dict[str, Rp]]) -> Fapi:
    return setup[0]


@pytest.fixture(params=WAYS)
def rp(request: pytest.FixtureRequest, setup: tuple[Fapi, dict[str, Rp]]) -> Rp:
    return setup[1][f"{request.param}-one"]


@pytest.fixture
def two(rp: Rp, setup: tuple[Fapi, dict[str, Rp]]) -> Rp:
    return setup[1][rp.id.replace("one", "two")]


def sent(fapi: Fapi, rp: Rp, text: str, **outside: str) -> httpx2.Response:
    """The object, pushed."""
    return fapi.post(rp, "/par", {"request": text, **outside}, dpop=None)


def pushed(fapi: Fapi, rp: Rp, **changed: Any) -> httpx2.Response:
    """An object with these claims, pushed."""
    return sent(fapi, rp, packed(inside(fapi, rp, **changed), rp.signing))


def followed(fapi: Fapi, rp: Rp, reply: httpx2.Response, **outside: str) -> Answer:
    """What a pushed request comes to in the browser."""
    assert reply.status_code == 201, reply.text
    return fapi.visit(fapi.browser(), rp, reply.json()["request_uri"], **outside)


@module("happy-flow")
def test_happy_flow(fapi: Fapi, rp: Rp) -> None:
    answer = followed(fapi, rp, pushed(fapi, rp))
    assert (answer.parameters["state"], answer.parameters["iss"]) == ("st-1", fapi.issuer)
    reply = fapi.redeem(rp, answer.parameters["code"])
    assert reply.status_code == 200, reply.text
    assert identity(fapi, rp, reply.json()["id_token"])["nonce"] == "no-1"
    assert fapi.resource(rp, reply.json()["access_token"]).status_code == 200


@module("happy-flow")
def test_happy_flow_with_a_signed_answer(fapi: Fapi, rp: Rp) -> None:
    """JARM: `iss`, `aud`, `exp`, signed with a kid, and nothing else in the query."""
    answer = followed(fapi, rp, pushed(fapi, rp, response_mode="jwt"))
    assert set(answer.parameters) == {"response"}
    text = answer.parameters["response"]
    header = header_of(text)
    assert (header["alg"], bool(header["kid"])) == ("ES256", True)
    keys = KeySet.import_key_set(fapi.http.get("/jwks").json())
    claims = jwt.decode(text, keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["state"]) == (fapi.issuer, rp.id, "st-1")
    assert 0 < claims["exp"] - time.time() <= 600
    assert fapi.redeem(rp, claims["code"]).status_code == 200


@module("ensure-request-object-with-multiple-aud-succeeds")
def test_several_audiences(fapi: Fapi, rp: Rp) -> None:
    both = [fapi.issuer, "https://other.example"]
    assert followed(fapi, rp, pushed(fapi, rp, aud=both)).parameters["code"]


@module("ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted")
def test_a_little_early(fapi: Fapi, rp: Rp) -> None:
    assert pushed(fapi, rp, nbf=int(time.time()) + 8).status_code == 201


REFUSED = [
    pytest.param(
        {"exp": None}, id="no exp", marks=module("ensure-request-object-without-exp-fails")
    ),
    pytest.param(
        {"nbf": None}, id="no nbf", marks=module("ensure-request-object-without-nbf-fails")
    ),
    pytest.param(
        {"iat": -400, "nbf": -400, "exp": -300},
        id="expired",
        marks=module("ensure-expired-request-object-fails"),
    ),
    pytest.param(
        {"aud": "https://other.example"},
        id="another audience",
        marks=module("ensure-request-object-with-bad-aud-fails"),
    ),
    pytest.param(
        {"exp": 70 * 60},
        id="exp too far",
        marks=module("ensure-request-object-with-exp-over-60-fails"),
    ),
    pytest.param(
        {"nbf": -70 * 60, "iat": -70 * 60},
        id="nbf too old",
        marks=module("ensure-request-object-with-nbf-over-60-fails"),
    ),
]


@pytest.mark.parametrize("changed", REFUSED)
def test_objects_that_are_refused(fapi: Fapi, rp: Rp, changed: dict[str, Any]) -> None:
    now = int(time.time())
    moments = {k: now + v if isinstance(v, int) else v for k, v in changed.items()}
    reply = pushed(fapi, rp, **moments)
    refused(reply, "invalid_request_object")


@module("ensure-request-object-without-redirect-uri-fails")
def test_no_redirect_uri(fapi: Fapi, rp: Rp) -> None:
    """The object is good; the request in it is not."""
    refused(pushed(fapi, rp, redirect_uri=None), "invalid_request")


@module("ensure-signed-request-object-with-RS256-fails")
def test_rs256(fapi: Fapi, setup: tuple[Fapi, dict[str, Rp]]) -> None:
    rp = setup[1]["dpop-one"]
    wrong = msgspec.structs.replace(rp.signing, algorithm="RS256")
    reply = sent(fapi, rp, packed(inside(fapi, rp), wrong))
    refused(reply, "invalid_request_object")


@module("ensure-request-object-signature-algorithm-is-not-none")
def test_none(fapi: Fapi, rp: Rp) -> None:
    header = {"alg": "none", "typ": "oauth-authz-req+jwt"}
    text = unsigned(header, json.dumps(inside(fapi, rp)).encode())
    refused(sent(fapi, rp, text), "invalid_request_object")


@module("ensure-request-object-with-invalid-signature-fails")
def test_a_bad_signature(fapi: Fapi, rp: Rp) -> None:
    text = packed(inside(fapi, rp), rp.signing)
    refused(sent(fapi, rp, text[:-8] + "AAAAAAAA"), "invalid_request_object")


@module("ensure-matching-key-in-authorization-request")
def test_signed_by_another_client(fapi: Fapi, rp: Rp, two: Rp) -> None:
    text = packed(inside(fapi, rp), two.signing)
    refused(sent(fapi, rp, text), "invalid_request_object")


@module("ensure-unsigned-request-at-par-endpoint-fails")
def test_unsigned(fapi: Fapi, rp: Rp) -> None:
    refused(fapi.pushed(rp), "invalid_request")


@module("par-authorization-request-containing-request_uri")
def test_request_uri_inside(fapi: Fapi, rp: Rp) -> None:
    uri = "urn:ietf:params:oauth:request_uri:" + b64(b"x" * 16)
    reply = pushed(fapi, rp, request_uri=uri)
    refused(reply, "invalid_request_object")


@module("ensure-different-nonce-inside-and-outside-request-object")
def test_nonce_outside(fapi: Fapi, rp: Rp) -> None:
    answer = followed(fapi, rp, pushed(fapi, rp, nonce="inside"), nonce="outside")
    tokens = fapi.redeem(rp, answer.parameters["code"]).json()
    assert identity(fapi, rp, tokens["id_token"])["nonce"] == "inside"


@module("ensure-different-state-inside-and-outside-request-object")
def test_state_outside(fapi: Fapi, rp: Rp) -> None:
    answer = followed(fapi, rp, pushed(fapi, rp, state="inside"), state="outside")
    assert answer.parameters["state"] == "inside"


@module("state-only-outside-request-object-not-used")
def test_state_only_outside(fapi: Fapi, rp: Rp) -> None:
    answer = followed(fapi, rp, pushed(fapi, rp, state=None), state="outside")
    assert set(answer.parameters) == {"code", "iss"}
