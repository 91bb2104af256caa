"""The logouts, module by module: RP-initiated, front-channel, back-channel.

Where the suite lets the server ask the user first, it does, and the test says yes; what must never
happen then is a redirect to the app.
"""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from tests.browser import Browser, error_code
from tests.conformance.op import Client, Op, answered, header_of
from tests.conformance.results import Verdict
from tests.keys import key

from valetkey.jose import base64url, jws

PLAN = "rp-initiated-logout"
STATE = "a state of the logout"

module = pytest.mark.module


@pytest.fixture
def leaving(op: Op) -> Client:
    return op.client("leaving")


def after(client: Client) -> str:
    """The address that the client registered for afterwards."""
    return client.redirect_uri.replace("/callback", "/post_logout")


def signed_in(op: Op, browser: Browser, client: Client) -> str:
    """The ID Token of a sign-in."""
    token: str = op.tokens(browser, client)["id_token"]
    return token


def leave(browser: Browser, **sent: str) -> httpx2.Response:
    """Sends the user to the end_session_endpoint."""
    return browser.open(f"/logout?{urlencode(sent)}")


def still_signed_in(op: Op, browser: Browser, client: Client) -> bool:
    op.visit(browser, client, prompt="none")
    answer = answered(browser, client)
    assert ("error" in answer) != ("code" in answer)
    return answer.get("error") != "login_required"


def stays(page: httpx2.Response, status: int = 200) -> None:
    """A page of ours, which leads to no app by itself."""
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "location" not in page.headers
    assert "refresh" not in page.headers
    assert "/post_logout" not in re.sub(r'<input type="hidden"[^>]*>', "", page.text)


def discovered(op: Op, *members: str) -> None:
    document = op.document
    assert document["issuer"] == op.issuer
    for name in members:
        assert document[name] is True, name


@module("oidcc-rp-initiated-logout-discovery-endpoint-verification")
def test_discovery(op: Op) -> None:
    address = op.document["end_session_endpoint"]
    assert address.startswith(f"{op.issuer}/")
    assert urlsplit(address).scheme == "https"


@module("oidcc-rp-initiated-logout")
def test_there_and_back(op: Op, browser: Browser, leaving: Client) -> None:
    hint = signed_in(op, browser, leaving)
    page = leave(browser, id_token_hint=hint, post_logout_redirect_uri=after(leaving), state=STATE)
    assert page.status_code == 303
    address, _, query = page.headers["location"].partition("?")
    assert address == after(leaving)
    assert parse_qs(query) == {"state": [STATE]}
    assert not still_signed_in(op, browser, leaving)


@module("oidcc-rp-initiated-logout-no-state")
def test_without_a_state_none_comes_back(op: Op, browser: Browser, leaving: Client) -> None:
    hint = signed_in(op, browser, leaving)
    page = leave(browser, id_token_hint=hint, post_logout_redirect_uri=after(leaving))
    assert (page.status_code, page.headers["location"]) == (303, after(leaving))
    assert not still_signed_in(op, browser, leaving)


def altered(op: Op, token: str) -> str:
    """The ID Token, unsigned."""
    header = {**header_of(token), "alg": "none"}
    return f"{base64url.encode(json.dumps(header).encode())}.{token.split('.')[1]}."


def foreign(op: Op, token: str) -> str:
    """What the ID Token says, signed by somebody else under the same name."""
    payload = token.split(".")[1]
    stranger = key("RS256", "a stranger's")
    signed = jws.sign(base64url.decode(payload), key=stranger, typ="JWT")
    header = {**header_of(signed), "kid": header_of(token)["kid"]}
    head = base64url.encode(json.dumps(header).encode())
    raw = f"{head}.{payload}".encode()
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    assert isinstance(stranger.key, rsa.RSAPrivateKey)
    proof = stranger.key.sign(raw, padding.PKCS1v15(), SHA256())
    return f"{head}.{payload}.{base64url.encode(proof)}"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(altered, marks=module("oidcc-rp-initiated-logout-modified-id-token-hint")),
        pytest.param(foreign, marks=module("oidcc-rp-initiated-logout-bad-id-token-hint")),
    ],
)
def test_a_hint_that_is_not_ours(
    op: Op, browser: Browser, leaving: Client, verdict: Verdict, bad: Any
) -> None:
    hint = bad(op, signed_in(op, browser, leaving))
    page = leave(browser, id_token_hint=hint, post_logout_redirect_uri=after(leaving), state=STATE)
    stays(page, 400)
    assert error_code(page.text) == "invalid_request"
    assert still_signed_in(op, browser, leaving)
    verdict.review("an error page")


@pytest.mark.parametrize(
    "added",
    [
        pytest.param(
            "/bad",
            marks=module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri"),
        ),
        pytest.param(
            "?foo=bar",
            marks=module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri"),
        ),
    ],
)
def test_another_address_for_afterwards(
    op: Op, browser: Browser, leaving: Client, verdict: Verdict, added: str
) -> None:
    hint = signed_in(op, browser, leaving)
    page = leave(
        browser,
        id_token_hint=hint,
        post_logout_redirect_uri=after(leaving) + added,
        state=STATE,
    )
    stays(page, 400)
    assert error_code(page.text) == "invalid_request"
    assert still_signed_in(op, browser, leaving)
    verdict.review("an error page")


def asked_and_confirmed(op: Op, browser: Browser, leaving: Client) -> None:
    """The user is asked, says yes, and stays here."""
    stays(browser.page)
    assert 'id="sign-out"' in browser.page.text
    assert leaving.id not in browser.page.text or "Client that signs out" in browser.page.text
    browser.press("sign-out")
    stays(browser.page)
    assert 'id="signed-out"' in browser.page.text
    assert not still_signed_in(op, browser, leaving)


@module("oidcc-rp-initiated-logout-no-id-token-hint")
def test_without_a_hint(op: Op, browser: Browser, leaving: Client, verdict: Verdict) -> None:
    signed_in(op, browser, leaving)
    leave(browser, post_logout_redirect_uri=after(leaving), state=STATE)
    asked_and_confirmed(op, browser, leaving)
    verdict.review("a page that asks, then one that says that the user is signed out")


@module("oidcc-rp-initiated-logout-no-params")
def test_without_anything(op: Op, browser: Browser, leaving: Client, verdict: Verdict) -> None:
    signed_in(op, browser, leaving)
    browser.open("/logout")
    asked_and_confirmed(op, browser, leaving)
    verdict.review("a page that asks, then one that says that the user is signed out")


@module("oidcc-rp-initiated-logout-only-state")
def test_with_a_state_alone(op: Op, browser: Browser, leaving: Client, verdict: Verdict) -> None:
    signed_in(op, browser, leaving)
    leave(browser, state=STATE)
    asked_and_confirmed(op, browser, leaving)
    verdict.review("a page that asks, then one that says that the user is signed out")


@module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri")
def test_with_a_hint_alone(op: Op, browser: Browser, leaving: Client, verdict: Verdict) -> None:
    hint = signed_in(op, browser, leaving)
    page = leave(browser, id_token_hint=hint)
    stays(page)
    assert 'id="signed-out"' in page.text
    assert not still_signed_in(op, browser, leaving)
    verdict.review("a page that says that the user is signed out")


@module("oidcc-frontchannel-logout-discovery-endpoint-verification", plan="frontchannel-logout")
def test_front_channel_discovery(op: Op) -> None:
    discovered(op, "frontchannel_logout_supported", "frontchannel_logout_session_supported")


@module("oidcc-frontchannel-rp-initiated-logout", plan="frontchannel-logout")
def test_front_channel(op: Op, browser: Browser) -> None:
    client = op.client("front")
    hint = signed_in(op, browser, client)
    sid = op.identity(client, hint, nonce="n-0S6_WzA2Mj")["sid"]
    page = leave(browser, id_token_hint=hint, post_logout_redirect_uri=after(client), state=STATE)
    assert page.status_code == 200
    (frame,) = re.findall(r'<iframe src="([^"]+)"', page.text)
    address, _, query = frame.replace("&amp;", "&").partition("?")
    assert address == client.redirect_uri.replace("/callback", "/frontchannel_logout")
    assert parse_qs(query) == {"iss": [op.issuer], "sid": [sid]}
    policy = page.headers["content-security-policy"]
    assert re.findall(r"frame-src ([^;]+);", policy) == [origin_of(address)]
    # Then on to the app, without script.
    seconds, _, onward = page.headers["refresh"].partition(";url=")
    assert int(seconds) <= 5
    assert onward.partition("?")[0] == after(client)
    assert parse_qs(onward.partition("?")[2]) == {"state": [STATE]}
    assert not still_signed_in(op, browser, client)


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


@module("oidcc-backchannel-logout-discovery-endpoint-verification", plan="backchannel-logout")
def test_back_channel_discovery(op: Op) -> None:
    discovered(op, "backchannel_logout_supported", "backchannel_logout_session_supported")


@module("oidcc-backchannel-rp-initiated-logout", plan="backchannel-logout")
def test_back_channel(op: Op, browser: Browser) -> None:
    assert op.rp is not None
    client = op.client("back")
    hint = signed_in(op, browser, client)
    about = op.identity(client, hint, nonce="n-0S6_WzA2Mj")
    op.rp.posted.clear()
    began = int(time.time())
    page = leave(browser, id_token_hint=hint, post_logout_redirect_uri=after(client), state=STATE)
    # It was there before the browser was sent on.
    ((path, body, headers),) = op.rp.posted
    assert path == "/back/backchannel_logout"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    form = parse_qs(body.decode(), strict_parsing=True)
    assert set(form) == {"logout_token"}
    (token,) = form["logout_token"]
    assert header_of(token) == {
        "alg": "RS256",
        "typ": "logout+jwt",
        "kid": header_of(hint)["kid"],
    }
    claims = jwt.decode(token, op.keys(), algorithms=["RS256"]).claims
    assert claims["iss"] == op.issuer
    assert claims["aud"] == client.id
    assert (claims["sub"], claims["sid"]) == (about["sub"], about["sid"])
    assert began <= claims["iat"] <= time.time()
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert page.status_code == 303
    assert page.headers["location"].startswith(after(client))
    assert not still_signed_in(op, browser, client)
