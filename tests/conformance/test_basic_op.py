"""OpenID Connect Basic OP and Form Post Basic OP, module by module.

Each test says in its own words what the suite's module of that name asks. Form Post Basic is the
same with `response_mode=form_post`.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from joserfc import jwt
from tests.browser import Browser, error_code
from tests.conformance.op import (
    ONE,
    POST,
    TWO,
    USER,
    VERIFIER,
    Op,
    answered,
    header_of,
    unpadded,
)
from tests.conformance.results import Verdict

from valetkey.jose import base64url
from valetkey.wire import pkce

module = pytest.mark.module

PROFILE = {
    "name": "Foo Bar",
    "given_name": "Foo",
    "family_name": "Bar",
    "middle_name": "Q.",
    "nickname": "foobar",
    "preferred_username": "foo",
    "profile": "https://example.com/foo",
    "picture": "https://example.com/foo.png",
    "website": "https://foo.example.com",
    "gender": "other",
    "birthdate": "1990-01-31",
    "zoneinfo": "Europe/Berlin",
    "locale": "en-GB",
}
EMAIL = {"email": "foo@example.com", "email_verified": True}
PHONE = {"phone_number": "+49 30 1234567", "phone_number_verified": True}
ADDRESS = {
    "address": {
        "formatted": "1 Example Street\n10115 Berlin\nGermany",
        "street_address": "1 Example Street",
        "locality": "Berlin",
        "region": "Berlin",
        "postal_code": "10115",
        "country": "Germany",
    }
}
ABOUT_THE_TOKEN = {
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash"),
}
"""What an ID Token says unasked; nothing of it is about the person."""


UNSIGNED = "unsigned request objects are not offered"

PLANS = {"basic": {}, "form-post-basic": {"response_mode": "form_post"}}


class Redeemed(NamedTuple):
    """A code, what it was redeemed for, and when (monotonic)."""

    code: str
    access_token: str
    at: float


@pytest.fixture(scope="module")
def redeemed(op: Op) -> dict[str, Redeemed]:
    """A code for each plan, redeemed before all else: the other tests go on while it grows old."""
    found = {}
    for name, op.more in PLANS.items():
        found[name] = redeem_one(op)
    op.more = {}
    return found


def redeem_one(op: Op) -> Redeemed:
    """A code that was redeemed now."""
    code = op.authorize(op.browser())["code"]
    tokens = op.redeem(ONE, code).json()
    op.userinfo(tokens["access_token"])
    return Redeemed(code, tokens["access_token"], time.monotonic())


@pytest.fixture(params=PLANS, autouse=True)
def plan(request: pytest.FixtureRequest, op: Op, redeemed: dict[str, Redeemed]) -> Iterator[str]:
    name: str = request.param
    op.more = PLANS[name]
    yield name
    op.more = {}


@pytest.fixture
def signed_in(op: Op, browser: Browser) -> Browser:
    """A browser in which the user has signed in for the first client."""
    op.tokens(browser)
    return browser


def bits(text: str) -> float:
    """The entropy of a text, by the frequency of its characters, as the suite measures it."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -len(text) * sum(share * math.log2(share) for share in shares)


def claims_of(op: Op, tokens: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(tokens["id_token"], op.keys()).claims
    return found


@module("oidcc-server")
def test_the_code_flow_of_two_clients(op: Op, browser: Browser) -> None:
    for client in (ONE, TWO):
        code = op.authorize(browser, client)["code"]
        assert len(code) * 6 >= 128
        assert bits(code) >= 96
        reply = op.redeem(client, code)
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("application/json")
        assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
        tokens = reply.json()
        assert tokens["expires_in"] > 0
        assert bits(tokens["access_token"]) >= 96
        claims = op.identity(
            client,
            tokens["id_token"],
            nonce="n-0S6_WzA2Mj",
            access_token=tokens["access_token"],
        )
        assert set(claims) <= ABOUT_THE_TOKEN
        about = op.userinfo(tokens["access_token"])
        assert about == {"sub": claims["sub"]}


@module("oidcc-response-type-missing")
def test_without_a_response_type_there_is_no_code(op: Op, browser: Browser) -> None:
    op.visit(browser, ONE, response_type=None)
    answer = answered(browser, ONE)
    assert answer["error"] == "invalid_request"
    assert answer["state"] == "af0ifjsldkj"
    assert "code" not in answer


@module("oidcc-idtoken-signature")
def test_id_tokens_are_signed_by_a_published_key(op: Op, signed_in: Browser) -> None:
    tokens = op.tokens(signed_in)
    header = header_of(tokens["id_token"])
    assert header["alg"] == "RS256"
    assert header["kid"] in {key.kid for key in op.keys().keys}


@module("oidcc-idtoken-unsigned")
def test_id_tokens_are_never_unsigned(op: Op, verdict: Verdict) -> None:
    assert "none" not in op.document["id_token_signing_alg_values_supported"]
    verdict.skipped("alg none is not offered")


@module("oidcc-userinfo-get")
def test_userinfo_by_get(op: Op, signed_in: Browser) -> None:
    tokens = op.tokens(signed_in)
    reply = op.http.get("/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json()["sub"] == claims_of(op, tokens)["sub"]


@module("oidcc-userinfo-post-header")
def test_userinfo_by_post_with_the_token_in_the_header(op: Op, signed_in: Browser) -> None:
    tokens = op.tokens(signed_in)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    reply = op.http.post("/userinfo", headers=headers)
    assert reply.status_code == 200
    assert reply.json()["sub"] == claims_of(op, tokens)["sub"]


@module("oidcc-userinfo-post-body")
def test_userinfo_by_post_with_the_token_in_the_body(
    op: Op, signed_in: Browser, verdict: Verdict
) -> None:
    tokens = op.tokens(signed_in)
    reply = op.http.post("/userinfo", data={"access_token": tokens["access_token"]})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert "Authorization header" in reply.json()["error_description"]
    verdict.warning("a token in a form is refused, and the answer says how to send it")


@module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def test_without_a_nonce(op: Op, signed_in: Browser) -> None:
    """And without PKCE, which this client's policy leaves to it."""
    code = op.authorize(signed_in, nonce=None)["code"]
    tokens = op.redeem(ONE, code).json()
    assert "nonce" not in op.identity(ONE, tokens["id_token"])


SCOPES: list[Any] = [
    pytest.param("profile", PROFILE, marks=module("oidcc-scope-profile")),
    pytest.param("email", EMAIL, marks=module("oidcc-scope-email")),
    pytest.param("address", ADDRESS, marks=module("oidcc-scope-address")),
    pytest.param("phone", PHONE, marks=module("oidcc-scope-phone")),
    pytest.param(
        "profile email address phone",
        PROFILE | EMAIL | ADDRESS | PHONE,
        marks=module("oidcc-scope-all"),
    ),
]


@pytest.mark.parametrize("scope, told", SCOPES)
def test_a_scope_opens_its_claims(
    op: Op, browser: Browser, scope: str, told: dict[str, Any]
) -> None:
    tokens = op.tokens(browser, scope=f"openid {scope}")
    about = op.userinfo(tokens["access_token"])
    sub = about.pop("sub")
    if "profile" in scope.split():
        assert isinstance(about.pop("updated_at"), int)
    assert about == told
    claims = claims_of(op, tokens)
    assert claims["sub"] == sub
    assert set(claims) <= ABOUT_THE_TOKEN


@module("oidcc-alternate-happy-flow")
def test_the_order_of_scopes_and_parameters_is_nothing(op: Op, browser: Browser) -> None:
    sent = op.request(ONE, scope="email phone openid")
    turned = dict(reversed(sent.items()))
    browser.open("/authorize?" + "&".join(f"{k}={v}" for k, v in quoted(turned).items()))
    op.agree(browser)
    tokens = op.redeem(ONE, answered(browser, ONE)["code"]).json()
    about = op.userinfo(tokens["access_token"])
    assert EMAIL.items() <= about.items()
    assert PHONE.items() <= about.items()


def quoted(form: dict[str, str]) -> dict[str, str]:
    return {name: quote(value, safe="") for name, value in form.items()}


ACCEPTED: list[Any] = [
    pytest.param({"display": "page"}, marks=module("oidcc-display-page")),
    pytest.param({"display": "popup"}, marks=module("oidcc-display-popup")),
    pytest.param({"ui_locales": "se"}, marks=module("oidcc-ui-locales")),
    pytest.param({"claims_locales": "se"}, marks=module("oidcc-claims-locales")),
    pytest.param({"login_hint": "foo@example.com"}, marks=module("oidcc-login-hint")),
    pytest.param(
        {"extra": "foobar"},
        marks=module("oidcc-ensure-request-with-unknown-parameter-succeeds"),
    ),
]


@pytest.mark.parametrize("sent", ACCEPTED)
def test_a_parameter_that_changes_no_answer(op: Op, browser: Browser, sent: dict[str, str]) -> None:
    op.tokens(browser, ONE, **sent)


@module("oidcc-prompt-login")
def test_prompt_login_asks_again(op: Op, browser: Browser, verdict: Verdict) -> None:
    before = claims_of(op, op.tokens(browser))
    time.sleep(1.1)
    op.visit(browser, ONE, prompt="login")
    assert 'id="sign-in"' in browser.page.text
    verdict.review("the sign-in page is shown a second time")
    op.agree(browser)
    tokens = op.redeem(ONE, answered(browser, ONE)["code"]).json()
    after = op.identity(ONE, tokens["id_token"], nonce="n-0S6_WzA2Mj")
    assert after["sub"] == before["sub"]
    assert after["auth_time"] > before["auth_time"]


@module("oidcc-prompt-none-not-logged-in")
def test_prompt_none_without_a_session(op: Op, browser: Browser) -> None:
    op.visit(browser, ONE, prompt="none")
    answer = answered(browser, ONE)
    assert answer["error"] == "login_required"
    assert answer["state"] == "af0ifjsldkj"
    assert answer["iss"] == op.issuer


def silent(op: Op, browser: Browser, **changed: str) -> None:
    """The same user, who signed in at the same time, without a page."""
    before = claims_of(op, op.tokens(browser))
    op.visit(browser, ONE, **changed)
    tokens = op.redeem(ONE, answered(browser, ONE)["code"]).json()
    after = op.identity(ONE, tokens["id_token"], nonce="n-0S6_WzA2Mj")
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])


@module("oidcc-prompt-none-logged-in")
def test_prompt_none_with_a_session(op: Op, browser: Browser) -> None:
    silent(op, browser, prompt="none")


@module("oidcc-id-token-hint")
def test_an_id_token_as_hint(op: Op, browser: Browser) -> None:
    hint = op.tokens(browser)["id_token"]
    silent(op, browser, prompt="none", id_token_hint=hint)


@module("oidcc-max-age-10000")
def test_a_generous_max_age_is_silent(op: Op, browser: Browser) -> None:
    silent(op, browser, max_age="10000")


@module("oidcc-max-age-1")
def test_a_short_max_age_asks_again(op: Op, browser: Browser, verdict: Verdict) -> None:
    before = claims_of(op, op.tokens(browser))
    time.sleep(2.1)
    op.visit(browser, ONE, max_age="1")
    assert 'id="sign-in"' in browser.page.text
    verdict.review("the sign-in page is shown a second time")
    began = int(time.time())
    op.agree(browser)
    tokens = op.redeem(ONE, answered(browser, ONE)["code"]).json()
    after = op.identity(ONE, tokens["id_token"], nonce="n-0S6_WzA2Mj")
    assert after["sub"] == before["sub"]
    assert after["auth_time"] > before["auth_time"]
    assert began <= after["auth_time"] <= time.time()


@module("oidcc-ensure-request-with-acr-values-succeeds")
def test_acr_values(op: Op, browser: Browser) -> None:
    level = op.document["acr_values_supported"][-1]
    assert level == "urn:valetkey:acr:password"  # The one that a password reaches.
    tokens = op.tokens(browser, acr_values=f"1 2 {level}")
    assert claims_of(op, tokens)["acr"] == level


@module("oidcc-codereuse")
def test_a_code_twice(op: Op, signed_in: Browser) -> None:
    code = op.authorize(signed_in)["code"]
    assert op.redeem(ONE, code).status_code == 200
    again = op.redeem(ONE, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@module("oidcc-ensure-registered-redirect-uri")
def test_an_unknown_redirect_uri_stays_here(op: Op, browser: Browser, verdict: Verdict) -> None:
    page = op.visit(browser, ONE, redirect_uri=f"{ONE.redirect_uri}/unregistered")
    assert page.status_code == 400
    assert "location" not in page.headers
    assert 'id="error"' in page.text
    assert error_code(page.text) == "invalid_request"
    verdict.review("an error page says that the address is not registered")


@module("oidcc-ensure-post-request-succeeds")
def test_the_request_by_post(op: Op, browser: Browser) -> None:
    browser.page = browser.http.post(f"{op.issuer}/authorize", data=op.request(ONE))
    assert browser.page.status_code == 303
    browser.open(browser.page.headers["location"])
    op.agree(browser)
    assert op.redeem(ONE, answered(browser, ONE)["code"]).status_code == 200


@module("oidcc-server-client-secret-post")
def test_a_secret_in_the_body(op: Op, browser: Browser) -> None:
    op.tokens(browser, POST)


UNSIGNED = "eyJhbGciOiJub25lIn0."
"""{"alg":"none"}"""


def request_object(op: Op) -> str:
    """An unsigned request object with what the request has to say."""
    return f"{UNSIGNED}{base64url.encode(json.dumps(op.request(ONE)).encode())}."


@module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported")
def test_an_unsigned_request_by_reference(op: Op, browser: Browser, verdict: Verdict) -> None:
    assert op.document["request_uri_parameter_supported"] is False
    op.visit(browser, ONE, request_uri="https://rp.test/request.jwt")
    answer = answered(browser, ONE)
    assert answer["error"] == "request_uri_not_supported"
    assert answer["state"] == "af0ifjsldkj"
    verdict.skipped("requests are fetched from nowhere unless switched on")


@module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def test_an_unsigned_request_by_value(op: Op, browser: Browser, verdict: Verdict) -> None:
    op.visit(browser, ONE, request=request_object(op))
    answer = answered(browser, ONE)
    assert answer["error"] == "request_not_supported"
    assert answer["state"] == "af0ifjsldkj"
    verdict.skipped(UNSIGNED)


@module("oidcc-ensure-request-object-with-redirect-uri")
def test_a_request_by_value_is_never_passed_over(
    op: Op, browser: Browser, verdict: Verdict
) -> None:
    op.visit(browser, ONE, request=request_object(op), state=None)
    answer = answered(browser, ONE)
    assert answer["error"] == "request_not_supported"
    verdict.skipped(UNSIGNED)


@module("oidcc-claims-essential")
def test_an_essential_claim(op: Op, browser: Browser) -> None:
    wish = {"userinfo": {"name": {"essential": True}}}
    tokens = op.tokens(browser, claims=json.dumps(wish))
    about = op.userinfo(tokens["access_token"])
    about.pop("sub")
    # That alone: nobody asked for the rest of the profile.
    assert about == {"name": PROFILE["name"]}


@module("oidcc-refresh-token")
def test_refresh_tokens(op: Op, browser: Browser) -> None:
    mine = op.tokens(browser, scope="openid offline_access", prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    reply = op.token(ONE, form)
    assert reply.status_code == 200, reply.text
    fresh = reply.json()
    assert fresh["access_token"] != mine["access_token"]
    before, after = claims_of(op, mine), claims_of(op, fresh)
    for name in ("iss", "sub", "aud", "auth_time", "acr"):
        assert after[name] == before[name]
    assert after["iat"] >= before["iat"]
    assert "nonce" not in after
    op.userinfo(fresh["access_token"])
    stolen = op.token(TWO, form)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")


@module("oidcc-ensure-request-with-valid-pkce-succeeds")
def test_pkce(op: Op, browser: Browser) -> None:
    challenge = {
        "code_challenge": pkce.challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    code = op.authorize(browser, ONE, **challenge)["code"]
    tokens = op.redeem(ONE, code, code_verifier=VERIFIER)
    assert tokens.status_code == 200
    assert unpadded(tokens.json()["id_token"].split(".")[1])


def test_the_user_has_what_certification_asks_for() -> None:
    assert USER == ("foo", "bar")


@module("oidcc-codereuse-30seconds")
@pytest.mark.slow
def test_a_code_twice_after_a_while(op: Op, redeemed: dict[str, Redeemed], plan: str) -> None:
    mine = redeemed[plan]
    if time.monotonic() > mine.at + 45:  # It ends after 60 s: on a busy machine, another one.
        mine = redeem_one(op)
    time.sleep(max(0.0, mine.at + 30 - time.monotonic()))
    again = op.redeem(ONE, mine.code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    headers = {"authorization": f"Bearer {mine.access_token}"}
    assert op.http.get("/userinfo", headers=headers).status_code == 401
