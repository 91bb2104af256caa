"""Signed requests (RFC 9101; ATTACKS A44 to A47, A49): by value, pushed, and fetched."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, SIGNER, assertion, with_assertion
from tests.server.oauth.forms import CHALLENGE, form, request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Document, DocumentRequest, Unreachable
from valetkey.server.oauth.authorize.outcome import Consent, Deny
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.authorize.request_stages import ClientRequest, read_request
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.spec.errors import (
    InvalidRequest,
    InvalidRequestObject,
    OAuthError,
    RequestNotSupported,
)
from valetkey.wire import request_object
from valetkey.wire.request_object import TYPE, BadObject

HOUR = 3600
CB = "https://signer.example/cb"
APP = msgspec.structs.replace(SIGNER, redirect_uris=(CB,))


def world(client: Client = APP, **policy: Any) -> World:
    it = World()
    it.put(client)
    if policy:
        it.at = msgspec.structs.replace(
            it.at, policies={"default": Policy(name="default", **policy)}
        )
    return it


def inside(it: World, **changed: Any) -> dict[str, Any]:
    """The claims of a request object that would do, as changed. `...` leaves one out."""
    given = {
        "iss": "signer",
        "aud": ISSUER,
        "exp": it.now + 300,
        "nbf": it.now,
        "client_id": "signer",
        "response_type": "code",
        "redirect_uri": CB,
        "scope": "openid chirps.read",
        "state": "inside",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (given | changed).items() if value is not ...}


def signed(
    it: World, *, by: Any = MINE, typ: str = TYPE, changed: Mapping[str, Any] = {}, **more: Any
) -> str:
    return Honest(by, inside(it, **changed, **more), typ).token()


def test_a_client_without_keys_signs_nothing() -> None:
    it = world()
    decision = it.visit({**request("kite"), "request": signed(it)}, it.sign_in())
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, RequestNotSupported)


def read(it: World, text: str, **outside: Any) -> ClientRequest:
    """What a visit with this object is understood as. Raises its flaw."""
    its = it.ask(
        read_request(form({"client_id": "signer", "request": text, **outside}), it.context)
    )
    if its.flaw is not None:
        raise its.flaw
    return its


def refused(it: World, text: str, **outside: Any) -> InvalidRequestObject:
    with pytest.raises(InvalidRequestObject) as caught:
        read(it, text, **outside)
    return caught.value


def test_a_signed_request_is_answered_like_any() -> None:
    it = world()
    visit = it.sign_in()
    shown = it.visit({"client_id": "signer", "request": signed(it)}, visit)
    assert isinstance(shown, Consent)
    permit = it.say(shown, visit)
    reply_to = getattr(permit, "reply_to")  # noqa: B009
    assert "state=inside" in reply_to.location(reply_to.parameters(code="c"))


def test_the_other_half_writes_what_is_read() -> None:
    it = world()
    parameters = {"client_id": "signer", "redirect_uri": CB, "max_age": 5, "claims": {"a": None}}
    text = request_object.write(parameters, issuer=ISSUER, key=MINE, now=it.now)
    found = read(it, text).form
    assert found["max_age"] == "5"
    assert found["claims"] == '{"a":null}'
    assert not {"iss", "aud", "exp", "nbf", "iat"} & found.keys()


def test_resources_may_be_several() -> None:
    it = world()
    for resource in ("https://chirp.example", ["https://chirp.example"]):
        its = read(it, signed(it, resource=resource))
        assert its.form.all("resource") == ("https://chirp.example",)


OUTSIDE = {
    "state": "outside",
    "nonce": "outside",
    "scope": "openid chirps",
    "response_type": "token",
    "redirect_uri": "https://evil.example/cb",
    "prompt": "none",
    "code_challenge": "x",
}


def test_what_stands_outside_does_not_count() -> None:
    """A47: not where the object says something, and not where it says nothing."""
    it = world()
    for more in (OUTSIDE, {"state": "outside", "nonce": "outside"}):
        its = read(it, signed(it), **more)
        assert dict(its.form) == {
            name: value
            for name, value in inside(it).items()
            if name not in request_object.JWT_CLAIMS
        }
    without = read(it, signed(it, state=...), state="outside")
    assert without.reply_to.state == ""


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_what_nobody_honest_signs(bad: Bad) -> None:
    it = world()
    text = bad(Honest(MINE, inside(it), TYPE))
    if not text:
        return  # No parameter at all: an ordinary request.
    refused(it, text)


def test_pieces() -> None:
    it = world()
    for piece in prefixes_and_suffixes(signed(it)):
        if piece:
            refused(it, piece)


WRONG: list[Any] = [
    row("9101 4", "another client", {"client_id": "web"}),
    row("9101 4", "no client", {"client_id": ...}),
    row("9101 4", "another iss", {"iss": "web"}),
    row("9101 4", "for another server", {"aud": "https://evil.example"}),
    row("9101 4", "for others", {"aud": ["https://evil.example", f"{ISSUER}/"]}),
    row("9101 10.8", "with a sub", {"sub": "signer"}),
    row("9101 10.8", "with any sub", {"sub": "miko"}),
    row("A44", "a request within", {"request": "x"}),
    row("A44", "a request_uri within", {"request_uri": "https://evil.example/r"}),
    row("9101 4", "a state that is a number", {"state": 1.5}),
    row("9101 4", "a state that is true", {"state": True}),
    row("9101 4", "a state that is null", {"state": None}),
    row("9101 4", "a zero byte", {"state": "a\x00"}),
    row("8707 2", "a resource that is a number", {"resource": [1]}),
    row("A49", "ended", {"exp": 1}),
    row("A49", "an end that is none", {"exp": "soon"}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_what_it_has_to_say(changed: dict[str, Any]) -> None:
    it = world()
    refused(it, signed(it, **changed))


LAX: list[Any] = [
    row("OIDC 6.1", "no iss", {"iss": ...}),
    row("OIDC 6.1", "no aud", {"aud": ...}),
    row("OIDC 6.1", "no end", {"exp": ..., "nbf": ...}),
    row("9101 4", "for several", {"aud": ["https://other.example", ISSUER]}),
]


@pytest.mark.parametrize("changed", LAX)
def test_what_an_ordinary_client_may_leave_out(changed: dict[str, Any]) -> None:
    it = world()
    read(it, signed(it, **changed))


STRICT: list[Any] = [
    # from now: begins, ends
    *((begins, ends, True) for begins, ends in ((0, 300), (8, 300), (30, 300), (0, HOUR))),
    *((begins, ends, True) for begins, ends in ((-HOUR + 60, 60), (-1800, 1800))),
    *((begins, ends, False) for begins, ends in ((60, 300), (61, 300), (0, HOUR + 60))),
    *((begins, ends, False) for begins, ends in ((-HOUR - 60, 60), (-60, -30), (-1800, HOUR))),
]


@pytest.mark.parametrize("begins,ends,fits", STRICT)
def test_the_moment_where_the_policy_is_strict(begins: int, ends: int, fits: bool) -> None:
    """A49; FAPI 2.0 Message Signing 5.3.2."""
    it = world(request_object=HOUR)
    text = signed(it, nbf=it.now + begins, exp=it.now + ends)
    if fits:
        read(it, text)
    else:
        refused(it, text)


@pytest.mark.parametrize("name", ["aud", "exp", "nbf"])
def test_what_a_strict_policy_wants_said(name: str) -> None:
    it = world(request_object=HOUR)
    assert "is missing" in refused(it, signed(it, changed={name: ...})).detail


def test_the_algorithm_is_the_policys_choice() -> None:
    """A45."""
    rs = key("RS256", "an app's")
    both = {"keys": [rs.public().jwk(), MINE.public().jwk()]}
    app = msgspec.structs.replace(APP, jwks=both)
    read(world(app), signed(world(app), by=rs))
    strict = world(app, client_algorithms=("ES256", "PS256", "EdDSA"))
    refused(strict, signed(strict, by=rs))
    one = world(msgspec.structs.replace(app, request_object_algorithm="RS256"))
    refused(one, signed(one))


def test_another_clients_key() -> None:
    it = world()
    theirs = key("ES256", "another app's")
    other = {"keys": [theirs.public().jwk()]}
    it.put(msgspec.structs.replace(APP, id="other", jwks=other))
    refused(it, signed(it, by=theirs))
    # RFC 9101 5: the client_id outside says whose keys are asked.
    other_asks = it.ask(
        read_request(form({"client_id": "other", "request": signed(it)}), it.context)
    )
    assert isinstance(other_asks.flaw, InvalidRequestObject)


def test_a_client_that_has_to_sign() -> None:
    it = world(signed_requests="required")
    plain = {name: inside(it)[name] for name in ("client_id", "redirect_uri", "scope")}
    decision = it.visit(plain, it.sign_in())
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, InvalidRequest)
    assert isinstance(
        it.visit({"client_id": "signer", "request": signed(it)}, it.sign_in()), Consent
    )


def test_whom_a_refusal_is_told() -> None:
    """The address outside, where it is one of the client's; else nobody but the user."""
    it = world()
    bad = signed(it, exp=1)
    there = it.visit({"client_id": "signer", "request": bad, "redirect_uri": CB}, it.sign_in())
    assert isinstance(there, Deny)
    assert there.reply_to is not None
    assert there.reply_to.uri == CB
    for uri in ("https://evil.example/", "https://signer.example/cb2"):
        with pytest.raises(InvalidRequestObject):
            it.visit({"client_id": "signer", "request": bad, "redirect_uri": uri}, it.sign_in())


def test_a_redirect_uri_inside_is_compared_like_any() -> None:
    it = world()
    with pytest.raises(InvalidRequest):
        read(it, signed(it, redirect_uri="https://evil.example/cb"))


def test_both_at_once() -> None:
    it = world()
    with pytest.raises(InvalidRequest):
        read(it, signed(it), request_uri="https://signer.example/r")


# Pushed.


def pushing(it: World, text: str, **more: Any) -> str:
    call = with_assertion(assertion(it), request=text, **more)
    outcome = it.post(push, call)
    assert isinstance(outcome, Answer)
    document: Any = outcome.document
    return str(document["request_uri"])


def test_a_signed_request_is_pushed() -> None:
    it = world(signed_requests="required", request_object=HOUR)
    uri = pushing(it, signed(it), **OUTSIDE)
    shown = it.visit({"client_id": "signer", "request_uri": uri}, it.sign_in())
    assert isinstance(shown, Consent)
    assert shown.pending.parameters["state"] == "inside"
    assert shown.pending.parameters["scope"] == "openid chirps.read"


@pytest.mark.parametrize("changed", WRONG)
def test_what_a_pushed_one_has_to_say(changed: dict[str, Any]) -> None:
    it = world()
    with pytest.raises(InvalidRequestObject):
        pushing(it, signed(it, **changed))


def test_an_unsigned_one_is_not_pushed_where_it_has_to_be() -> None:
    it = world(signed_requests="required")
    call = with_assertion(assertion(it), redirect_uri=CB, scope="openid")
    with pytest.raises(InvalidRequest):
        it.post(push, call)


# Fetched.

URI = "https://signer.example/requests/1"
FETCHING = switched(on=["request_uri fetching"])


def fetched(
    it: World, uri: str, answer: Document | Unreachable | None
) -> tuple[ClientRequest, list[DocumentRequest]]:
    rule = read_request(form({"client_id": "signer", "request_uri": uri}), it.context)
    found: Any = None
    asked: list[DocumentRequest] = []
    try:
        while True:
            wants = rule.send(found)
            outside = [one for one in wants if isinstance(one, DocumentRequest)]
            asked += outside
            answers = {one: answer for one in outside if answer is not None}
            rest = tuple(one for one in wants if not isinstance(one, DocumentRequest))
            found = it.read(*rest).with_documents(answers)
    except StopIteration as done:
        its: ClientRequest = done.value
        if its.flaw is not None:
            raise its.flaw from None
        return its, asked


def fetching(**changed: Any) -> World:
    it = World(FETCHING)
    it.put(msgspec.structs.replace(APP, request_uris=(URI,), **changed))
    return it


def test_a_registered_address_is_fetched() -> None:
    it = fetching()
    its, asked = fetched(it, URI, Document(signed(it).encode() + b"\n", 0))
    assert asked == [DocumentRequest(url=URI, kind="request")]
    assert its.form["state"] == "inside"


@pytest.mark.parametrize(
    "uri",
    ["https://signer.example/requests/2", URI + "?x", URI + "/", "https://127.0.0.1/", "urn:x"],
)
def test_no_other_address_is(uri: str) -> None:
    """A46."""
    it = fetching()
    with pytest.raises(OAuthError) as caught:
        fetched(it, uri, None)
    assert caught.value.code == "invalid_request_uri"


NO_REQUEST: list[Any] = [
    row("9101 7", "out of reach", Unreachable("it redirects"), "invalid_request_uri"),
    row("9101 7", "no text", Document(b"\xff", 0), "invalid_request_object"),
    row("9101 7", "no JWT", Document(b"{}", 0), "invalid_request_object"),
]


@pytest.mark.parametrize("answer,code", NO_REQUEST)
def test_what_is_no_request_there(answer: Document | Unreachable, code: str) -> None:
    it = fetching()
    with pytest.raises(OAuthError) as caught:
        fetched(it, URI, answer)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "parameter,code",
    [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")],
)
def test_where_it_is_switched_off(parameter: str, code: str) -> None:
    it = World(
        tuple(
            one for one in FEATURES if one.name not in {"signed requests", "request_uri fetching"}
        )
    )
    it.put(msgspec.structs.replace(APP, request_uris=(URI,)))
    value = URI if parameter == "request_uri" else signed(it)
    decision = it.visit({"client_id": "signer", parameter: value, "redirect_uri": CB}, it.sign_in())
    assert isinstance(decision, Deny)
    assert decision.error.code == code


def test_a_payload_that_is_none() -> None:
    for payload in (b"", b"[]", b'"a"', b'{"client_id":7}', b"{}"):
        with pytest.raises(BadObject):
            request_object.parameters(payload, client_id="signer", issuer=ISSUER, now=1)
