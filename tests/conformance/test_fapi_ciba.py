"""FAPI-CIBA: an app asks a user who is elsewhere, by a signed request, and comes for the answer
(poll) or is told of it (ping); with mutual TLS, behind nginx, and two ways to authenticate."""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
from tests.browser import Browser
from tests.conformance.fapi import Fapi, Rp
from tests.conformance.fapi_server import running
from tests.conformance.op import PATH, USER, port_of
from tests.conformance.results import Verdict
from tests.conformance.test_config_op import unregistered
from tests.conformance.test_fapi2_security_profile import check_tls, identity, refused
from tests.jose.forge import b64, signed, unsigned
from tests.mtls import NGINX
from tests.outside import Host, Publication, outside

from valetkey.jose.jwk import FAPI_ALGORITHMS, PrivateKey
from valetkey.spec import names

NAME = "fapi-ciba-id1"
PLANS = ("fapi-ciba-poll", "fapi-ciba-ping")
TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"
WAYS = ("mtls", "mixed")
MTLS = "tls_client_auth"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def module(name: str) -> pytest.MarkDecorator:
    return pytest.mark.module(NAME + name)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Where the clients listen for their answers."""
    with outside(tmp_path_factory.mktemp("app")) as host:
        yield host


@pytest.fixture(scope="module")
def setup(
    tmp_path_factory: pytest.TempPathFactory, app: Host
) -> Iterator[tuple[Fapi, dict[str, Rp]]]:
    words = ["--set", f"fetch_ca_file={app.ca}", "--set", f"fetch_local={app.place}"]
    told = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": app.url("/told"),
    }
    own = {"grant_types": [names.CIBA, "refresh_token"], "redirect_uris": []}

    def both(one: Rp) -> tuple[Rp, Rp]:
        """Each client twice: one that comes for its answers, and one that is told of them. They
        have the same certificate."""
        subject = {"tls_client_auth_subject_dn": f"CN={one.id}"} if one.way == MTLS else {}
        comes = msgspec.structs.replace(one, more=own)
        name = f"{one.id}-ping"
        return comes, msgspec.structs.replace(one, id=name, more={**own, **subject, **told})

    folder = tmp_path_factory.mktemp("ciba")
    with running(folder, *words, profile="fapi2-message-signing", more=both) as setup:
        yield setup


@pytest.fixture
def fapi(setup: tuple[Fapi, dict[str, Rp]]) -> Fapi:
    return setup[0]


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=WAYS)
def one(request: pytest.FixtureRequest, setup: tuple[Fapi, dict[str, Rp]], plan: str) -> Rp:
    return setup[1][_name(request.param, "one", plan)]


@pytest.fixture
def two(one: Rp, setup: tuple[Fapi, dict[str, Rp]]) -> Rp:
    return setup[1][one.id.replace("one", "two")]


@pytest.fixture
def assertive(setup: tuple[Fapi, dict[str, Rp]], plan: str) -> Rp:
    """A client that authenticates by an assertion."""
    return setup[1][_name("mixed", "one", plan)]


@pytest.fixture
def certified(setup: tuple[Fapi, dict[str, Rp]], plan: str) -> Rp:
    """A client that authenticates by its certificate."""
    return setup[1][_name("mtls", "one", plan)]


def _name(way: str, which: str, plan: str) -> str:
    return f"{way}-{which}{'-ping' if plan.endswith('ping') else ''}"


def inside(fapi: Fapi, rp: Rp, **changed: Any) -> dict[str, Any]:
    """The claims of a signed request (CIBA Core 7.1.1), changed; None leaves one out."""
    claims = {
        **fapi.envelope(rp),
        "scope": "openid profile",
        "login_hint": USER[0],
        "client_notification_token": TOKEN,
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def packed(claims: dict[str, Any], by: PrivateKey) -> str:
    return signed({"alg": by.algorithm, "kid": by.kid}, json.dumps(claims).encode(), by)


def sent(fapi: Fapi, rp: Rp, text: str, **how: Any) -> httpx2.Response:
    """The signed request, posted. By default an assertion is for the endpoint called, as the suite
    has it; CIBA Core 7.1 lets it be for three."""
    how.setdefault("auth", {"aud": f"{fapi.issuer}/backchannel"})
    outside = how.pop("outside", {})
    return fapi.post(rp, "/backchannel", {"request": text, **outside}, **how)


def asks(fapi: Fapi, rp: Rp, **changed: Any) -> httpx2.Response:
    return sent(fapi, rp, packed(inside(fapi, rp, **changed), rp.signing))


def asked(fapi: Fapi, rp: Rp, **changed: Any) -> str:
    """The `auth_req_id` of a question that was put (CIBA Core 7.3)."""
    reply = asks(fapi, rp, **changed)
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    told = reply.json()
    assert set(told) == {"auth_req_id", "expires_in", "interval"}
    assert told["expires_in"] > 0
    assert len(told["auth_req_id"]) >= 27  # 160 bits, in letters of six.
    return str(told["auth_req_id"])


def comes(fapi: Fapi, rp: Rp, handle: str, **how: Any) -> httpx2.Response:
    """The client comes for its tokens."""
    how.setdefault("auth", {"aud": f"{fapi.issuer}/token"})
    return fapi.post(rp, "/token", {"grant_type": names.CIBA, "auth_req_id": handle}, **how)


def answers(fapi: Fapi, *, yes: bool = True) -> None:
    """The user answers the newest question on their own pages."""
    browser = fapi.browser()
    browser.open("/approvals")
    browser.sign_in(*USER)
    browser.open("/approvals")
    browser.open(_newest(browser))
    browser.press("approve" if yes else "deny")
    if yes and 'id="allow"' in browser.page.text:
        browser.press("allow")


def _newest(browser: Browser) -> str:
    start = f"{PATH}/approvals/"
    links = [part for part in browser.page.text.split('"') if part.startswith(start)]
    assert links, "nothing waits"
    return links[0]


def told(app: Host, handle: str) -> list[tuple[str, bytes, Any]]:
    """What the client was told of this request: it waits a little for it."""
    for _ in range(100):
        mine = [one for one in app.posted if handle.encode() in one[1]]
        if mine:
            return mine
        time.sleep(0.1)
    return []


def yes(fapi: Fapi, rp: Rp, app: Host, plan: str, **changed: Any) -> str:
    """A question that the user said yes to, and of which the client knows that."""
    handle = asked(fapi, rp, **changed)
    answers(fapi)
    if plan.endswith("ping"):
        (note,) = told(app, handle)
        assert note[0] == "/told"
        assert json.loads(note[1]) == {"auth_req_id": handle}
        headers = {name.lower(): value for name, value in note[2].items()}
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert headers["content-type"] == "application/json"
    return handle


@module("-discovery-end-point-verification")
def test_discovery(fapi: Fapi, plan: str, verdict: Verdict) -> None:
    document = fapi.document
    assert document["issuer"] == fapi.issuer
    assert document["backchannel_authentication_endpoint"].startswith("https://")
    modes = document["backchannel_token_delivery_modes_supported"]
    assert plan.rpartition("-")[2] in modes
    assert "push" not in modes  # FAPI-CIBA 5.2.2: not push.
    assert names.CIBA in document["grant_types_supported"]
    signing = document["backchannel_authentication_request_signing_alg_values_supported"]
    assert set(FAPI_ALGORITHMS) & {*signing}
    assert "none" not in signing
    ways = document["token_endpoint_auth_methods_supported"]
    assert {"private_key_jwt", "tls_client_auth"} <= {*ways}
    assert document["tls_client_certificate_bound_access_tokens"] is True
    aliases = document["mtls_endpoint_aliases"]
    assert {"backchannel_authentication_endpoint", "token_endpoint"} <= {*aliases}
    # CIBA Core 4: false where it is left out.
    assert not document.get("backchannel_user_code_parameter_supported")
    verdict.warning(unregistered(document))


@module("")
def test_two_clients(fapi: Fapi, one: Rp, two: Rp, app: Host, plan: str) -> None:
    handle = yes(fapi, one, app, plan)
    reply = comes(fapi, one, handle)
    assert reply.status_code == 200, reply.text
    tokens = reply.json()
    assert tokens["token_type"].lower() == "bearer"
    claims = identity(fapi, one, tokens["id_token"])
    opened = fapi.resource(one, tokens["access_token"])
    assert (opened.status_code, opened.json()["sub"]) == (200, claims["sub"])
    # FAPI 1.0 Baseline 6.2.1, which FAPI-CIBA rests on.
    assert str(UUID(opened.headers["x-fapi-interaction-id"]))
    assert fapi.resource(two, tokens["access_token"]).status_code == 401, "bound to a certificate"
    refused(comes(fapi, one, handle), "invalid_grant")
    # The second client, in another way: by the ID Token of the user, and for another time.
    hint = comes(fapi, two, yes(fapi, two, app, plan)).json()["id_token"]
    again = asked(fapi, two, login_hint=None, id_token_hint=hint, requested_expiry=60)
    refused(comes(fapi, two, again), "authorization_pending")
    answers(fapi)
    if plan.endswith("ping"):
        assert told(app, again)
    time.sleep(5)
    second = comes(fapi, two, again)
    assert identity(fapi, two, second.json()["id_token"])["sub"]


@module("-user-rejects-authentication")
def test_a_no(fapi: Fapi, one: Rp, app: Host, plan: str) -> None:
    handle = asked(fapi, one)
    answers(fapi, yes=False)
    if plan.endswith("ping"):
        assert told(app, handle)
    refused(comes(fapi, one, handle), "access_denied")


@module("-multiple-call-to-token-endpoint")
def test_one_that_cannot_wait(fapi: Fapi, one: Rp) -> None:
    handle = asked(fapi, one)
    refused(comes(fapi, one, handle), "authorization_pending")
    for _ in range(5):
        refused(comes(fapi, one, handle), "slow_down")
    answers(fapi, yes=False)


@module("-auth-req-id-expired")
def test_nobody_answers(fapi: Fapi, one: Rp) -> None:
    reply = asks(fapi, one, requested_expiry=2)
    assert reply.json()["expires_in"] == 2
    time.sleep(2.1)
    refused(comes(fapi, one, reply.json()["auth_req_id"]), "expired_token")


@module("-ensure-authorization-request-with-binding-message-succeeds")
def test_a_binding_message(fapi: Fapi, one: Rp, app: Host, plan: str) -> None:
    handle = asked(fapi, one, binding_message="1234")
    browser = fapi.browser()
    browser.open("/approvals")
    browser.sign_in(*USER)
    browser.open("/approvals")
    assert "1234" in browser.open(_newest(browser)).text
    browser.press("approve")
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    assert comes(fapi, one, handle).status_code == 200


@module("-ensure-authorization-request-with-potentially-bad-binding-message")
def test_a_message_that_may_not_fit(fapi: Fapi, one: Rp) -> None:
    """CIBA Core 13: what cannot be shown is refused, and never cut."""
    long = (
        "The mötley ✓ crew — 1234567890 £€¥ 漢字 🔑 and much more than any screen would show " * 2
    )
    reply = asks(fapi, one, binding_message=long)
    refused(reply, "invalid_binding_message")


@module("-ensure-other-scope-order-succeeds")
def test_other_scope_order(fapi: Fapi, one: Rp, app: Host, plan: str) -> None:
    handle = yes(fapi, one, app, plan, scope="profile openid")
    assert "openid" in comes(fapi, one, handle).json()["scope"].split()


@module("-ensure-requested-expiry-as-string-succeeds")
def test_an_expiry_as_text(fapi: Fapi, one: Rp, app: Host, plan: str) -> None:
    handle = yes(fapi, one, app, plan, requested_expiry="30")
    assert comes(fapi, one, handle).status_code == 200


def row(name: str, **changed: Any) -> Any:
    return pytest.param(changed, id=name, marks=module(f"-ensure-request-object-{name}-fails"))


OBJECTS = [
    row("missing-aud", aud=None),
    row("bad-aud", aud="https://other.example"),
    row("missing-iss", iss=None),
    row("missing-exp", exp=None),
    row("expired-exp", exp=-300, nbf=-600, iat=-600),
    row("exp-is-70-minutes-in-future", exp=70 * 60),
    row("missing-iat", iat=None),
    row("missing-nbf", nbf=None),
    row("nbf-is-10-minutes-in-future", nbf=10 * 60, exp=20 * 60),
    row("nbf-is-70-minutes-in-past", nbf=-70 * 60),
    row("missing-jti", jti=None),
]


@pytest.mark.parametrize("changed", OBJECTS)
def test_objects_that_are_refused(fapi: Fapi, one: Rp, changed: dict[str, Any]) -> None:
    now = int(time.time())
    moments = {k: now + v if isinstance(v, int) else v for k, v in changed.items()}
    refused(asks(fapi, one, **moments), "invalid_request")


@module("-ensure-request-object-bad-iss-fails")
def test_an_object_of_another_client(fapi: Fapi, one: Rp, two: Rp) -> None:
    refused(asks(fapi, one, iss=two.id), "invalid_request")


@module("-ensure-request-object-signature-algorithm-is-none-fails")
def test_an_object_with_none(fapi: Fapi, one: Rp) -> None:
    text = unsigned({"alg": "none"}, json.dumps(inside(fapi, one)).encode())
    refused(sent(fapi, one, text), "invalid_request")


@module("-ensure-request-object-signature-algorithm-is-bad-fails")
def test_an_object_with_another_algorithm_than_it_says(fapi: Fapi, one: Rp) -> None:
    head, body, proof = packed(inside(fapi, one), one.signing).split(".")
    other = b64(json.dumps({"alg": "PS384", "kid": one.signing.kid}).encode())
    for text in (f"{other}.{body}.{proof}", f"{head}.{body}.{proof[:-6]}AAAAAA"):
        refused(sent(fapi, one, text), "invalid_request")


@module("-ensure-request-object-signature-algorithm-is-RS256-fails")
def test_an_object_with_rs256(fapi: Fapi, rsa: Rp) -> None:
    wrong = msgspec.structs.replace(rsa.signing, algorithm="RS256")
    refused(sent(fapi, rsa, packed(inside(fapi, rsa), wrong)), "invalid_request")


@pytest.fixture
def rsa(setup: tuple[Fapi, dict[str, Rp]], plan: str) -> Rp:
    """A client whose key could sign in RS256 as well."""
    return setup[1][_name("dpop", "one", plan)]


@module("-ensure-request-object-signed-by-other-client-fails")
def test_an_object_that_another_client_signed(fapi: Fapi, one: Rp, two: Rp) -> None:
    text = packed(inside(fapi, one), two.signing)
    refused(sent(fapi, one, text), "invalid_request")


@module("-ensure-unsigned-backchannel-authorization-request-fails")
def test_unsigned(fapi: Fapi, one: Rp) -> None:
    plain = {"scope": "openid", "login_hint": USER[0], "client_notification_token": TOKEN}
    reply = fapi.post(one, "/backchannel", plain)
    refused(reply, "invalid_request")


@module("-ensure-authorization-request-with-multiple-hints-fails")
def test_two_hints(fapi: Fapi, one: Rp) -> None:
    refused(asks(fapi, one, id_token_hint="x.y.z"), "invalid_request")


@module("-ensure-wrong-auth-req-id-in-token-endpoint-request")
def test_a_handle_of_another_client(fapi: Fapi, one: Rp, two: Rp) -> None:
    handle = asked(fapi, one)
    refused(comes(fapi, two, handle), "invalid_grant")
    answers(fapi, yes=False)


# With certificates: who calls is known by the connection.


@module("-ensure-different-client-id-and-issuer-in-backchannel-authorization-request")
def test_a_client_that_names_another(fapi: Fapi, certified: Rp, setup: Any) -> None:
    other = setup[1][certified.id.replace("one", "two")]
    text = packed(inside(fapi, certified), certified.signing)
    reply = sent(fapi, msgspec.structs.replace(other, pair=certified.pair), text)
    refused(reply, "invalid_client")


@module("-ensure-wrong-client-id-in-backchannel-authorization-request")
def test_a_name_that_is_not_the_certificates(fapi: Fapi, certified: Rp, setup: Any) -> None:
    other = setup[1][certified.id.replace("one", "two")]
    reply = asks(fapi, msgspec.structs.replace(other, pair=certified.pair))
    refused(reply, "invalid_client")


@module("-ensure-wrong-client-id-in-token-endpoint-request")
def test_the_same_at_the_token_endpoint(fapi: Fapi, certified: Rp, setup: Any) -> None:
    other = setup[1][certified.id.replace("one", "two")]
    handle = asked(fapi, certified)
    reply = comes(fapi, msgspec.structs.replace(other, pair=certified.pair), handle)
    refused(reply, "invalid_client")
    answers(fapi, yes=False)


# With assertions.


@module("-ensure-without-client-assertion-in-token-endpoint-request")
def test_no_assertion_at_the_token_endpoint(fapi: Fapi, assertive: Rp) -> None:
    handle = asked(fapi, assertive)
    form = {"grant_type": names.CIBA, "auth_req_id": handle, "client_id": assertive.id}
    reply = fapi.post(assertive, "/token", form, auth=None)
    refused(reply, "invalid_client")
    answers(fapi, yes=False)


@module("-ensure-without-client-assertion-in-backchannel-authorization-request")
def test_no_assertion_with_the_question(fapi: Fapi, assertive: Rp) -> None:
    text = packed(inside(fapi, assertive), assertive.signing)
    reply = sent(fapi, assertive, text, auth=None, outside={"client_id": assertive.id})
    refused(reply, "invalid_client")


@module(
    "-ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails"
)
def test_an_assertion_with_rs256(fapi: Fapi, rsa: Rp) -> None:
    wrong = msgspec.structs.replace(rsa.signing, algorithm="RS256")
    reply = sent(fapi, rsa, packed(inside(fapi, rsa), rsa.signing), auth={"by": wrong})
    refused(reply, "invalid_client")


@module("-ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails")
def test_the_same_when_it_comes(fapi: Fapi, rsa: Rp) -> None:
    wrong = msgspec.structs.replace(rsa.signing, algorithm="RS256")
    handle = asked(fapi, rsa)
    refused(comes(fapi, rsa, handle, auth={"by": wrong}), "invalid_client")
    answers(fapi, yes=False)


@module("-ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds")
def test_an_assertion_for_the_issuer(fapi: Fapi, assertive: Rp, app: Host, plan: str) -> None:
    handle = yes(fapi, assertive, app, plan)
    reply = comes(fapi, assertive, handle, auth={"aud": fapi.issuer})
    assert reply.status_code == 200, reply.text


# Ping: whatever the client's listener says, the flow goes on.


@contextlib.contextmanager
def listening(app: Host, status: int, **more: Any) -> Iterator[None]:
    app.published["/told"] = Publication(status=status, **more)
    try:
        yield
    finally:
        del app.published["/told"]


PING = "fapi-ciba-ping"
EACH = "plan, status, more"
BODY = [
    pytest.param(
        PING,
        200,
        {"body": b'{"thanks": true}'},
        id="a body",
        marks=module("-ping-backchannel-notification-endpoint-response-has-body"),
    ),
    pytest.param(
        PING,
        401,
        {},
        id="401",
        marks=module("-ping-backchannel-notification-endpoint-response-401"),
    ),
    pytest.param(
        PING,
        403,
        {},
        id="403",
        marks=module("-ping-backchannel-notification-endpoint-response-403"),
    ),
]


@pytest.mark.parametrize(EACH, BODY)
def test_what_the_listener_says(
    plan: str, status: int, more: dict[str, Any], fapi: Fapi, one: Rp, app: Host
) -> None:
    with listening(app, status, **more):
        handle = yes(fapi, one, app, plan)
    assert comes(fapi, one, handle).status_code == 200


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(
            PING,
            marks=module(
                "-ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not-retry"
            ),
        )
    ],
)
def test_who_refuses_is_not_told_again(plan: str, fapi: Fapi, one: Rp, app: Host) -> None:
    with listening(app, 401):
        handle = yes(fapi, one, app, plan)
        time.sleep(4)  # After the first pause of what is tried again.
        assert len(told(app, handle)) == 1
    assert comes(fapi, one, handle).status_code == 200


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(
            PING,
            marks=module("-ping-backchannel-notification-endpoint-return-redirect-request"),
        )
    ],
)
def test_a_redirect_is_not_followed(plan: str, fapi: Fapi, one: Rp, app: Host) -> None:
    with listening(app, 301, headers={"location": app.url("/elsewhere")}):
        handle = yes(fapi, one, app, plan)
        time.sleep(1)
        assert "/elsewhere" not in [path for path, *_ in app.posted]
        assert "/elsewhere" not in app.asked
    assert comes(fapi, one, handle).status_code == 200


@module("-refresh-token")
def test_refresh(fapi: Fapi, one: Rp, two: Rp, app: Host, plan: str) -> None:
    handle = yes(fapi, one, app, plan, scope="openid offline_access")
    tokens = comes(fapi, one, handle).json()
    mine = tokens["refresh_token"]
    again = fapi.refreshed(one, mine)
    assert again.status_code == 200, again.text
    assert again.json()["access_token"] != tokens["access_token"]
    refused(fapi.refreshed(two, mine), "invalid_grant")
    refused(
        fapi.refreshed(one, mine, auth=None),
        "invalid_client",
    )


@module("-ensure-mtls-holder-of-key-required")
def test_holder_of_key(fapi: Fapi, assertive: Rp, app: Host, plan: str) -> None:
    """TLS as FAPI wants it, and no token without a certificate."""
    handle = yes(fapi, assertive, app, plan)
    bare = msgspec.structs.replace(assertive, pair=None)
    reply = comes(fapi, bare, handle)
    refused(reply, "invalid_request")
    for address in (fapi.issuer, fapi.mtls):
        check_tls(int(port_of(address)))
