"""A04: mix-up of two servers (RFC 9207).

Attack: A malicious server makes an app send the code of an honest server to it.
Defense: Every response names its server in `iss`, including error responses.
"""

from typing import Any

import httpx2
import pytest
from tests.attacks.play import (
    AS_WEB,
    REDIRECT_URIS,
    STEFAPP,
    asking,
    find,
    sent_back,
    signed_in,
    tokens,
)
from tests.browser import Asking
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.wire import redirect

REFUSED = [
    row("6749 4.1.2.1", "no response type", {"response_type": ""}, "invalid_request"),
    row(
        "6749 4.1.2.1", "the implicit flow", {"response_type": "token"}, "unsupported_response_type"
    ),
    row("OIDC 5", "another response mode", {"response_mode": "fragment"}, "invalid_request"),
    row("6749 4.1.2.1", "an unknown scope", {"scope": "openid no.such"}, "invalid_scope"),
    row("6749 4.1.2.1", "more than registered", {"scope": "photos.read"}, "invalid_scope"),
    row("7636 4.4.1", "no challenge", {"code_challenge": ""}, "invalid_request"),
    row("7636 4.4.1", "the plain method", {"code_challenge_method": "plain"}, "invalid_request"),
    row("8707 2", "an unknown resource", {"resource": "https://no.example"}, "invalid_target"),
    row("OIDC 3.1.2.1", "an unknown prompt", {"prompt": "dance"}, "invalid_request"),
    row("OIDC 3.1.2.1", "none and more", {"prompt": "none login"}, "invalid_request"),
    row("OIDC 3.1.2.1", "an age in words", {"max_age": "old"}, "invalid_request"),
    row("OIDC 3.1.2.6", "nobody signed in", {"prompt": "none"}, "login_required"),
    row("9101 4", "a request object", {"request": "e30.e30."}, "request_not_supported"),
    row(
        "9101 6", "a request_uri", {"request_uri": "https://x.example"}, "request_uri_not_supported"
    ),
    row("OIDC 2", "a nonce without end", {"nonce": "n" * 513}, "invalid_request"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("more, error", REFUSED)
def test_a_refusal_by_redirect_says_who_refuses(
    more: dict[str, str], error: str, method: str, server: Live
) -> None:
    parameters = asking(STEFAPP, **more).parameters()
    where: dict[str, Any] = {"params" if method == "GET" else "data": parameters}
    answer = server.http.request(method, "/authorize", **where)
    _whole(answer, server, STEFAPP)
    assert sent_back(answer)["error"] == error


def test_the_users_no_says_it_too(server: Live) -> None:
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    answer = browser.press("cancel")
    _whole(answer, server, STEFAPP)
    assert sent_back(answer)["error"] == "access_denied"


def test_silence_that_would_need_a_user_says_it_too(server: Live) -> None:
    browser = signed_in(server, "noor")
    answer = browser.open(asking(AS_WEB, prompt="none").path())
    _whole(answer, server, AS_WEB)
    assert sent_back(answer)["error"] == "consent_required"
    tokens(server, STEFAPP, username="noor")
    answer = browser.open(asking(STEFAPP, prompt="none").path())
    _whole(answer, server, STEFAPP)
    assert sent_back(answer)["error"] == "interaction_required"


@pytest.mark.parametrize("base", [STEFAPP, AS_WEB], ids=["stefapp", "web"])
def test_a_yes_says_it_by_any_way(base: Asking, server: Live) -> None:
    browser = server.browser()
    browser.open(base.path())
    browser.sign_in()
    if "allow" in browser.page.text:
        browser.press("allow")
    _whole(browser.page, server, base)
    assert set(sent_back(browser.page)) == {"code", "state", "iss"}


def test_the_metadata_promises_it(server: Live) -> None:
    for path in ("oauth-authorization-server", "openid-configuration"):
        document = server.http.get(f"/.well-known/{path}").json()
        assert document["authorization_response_iss_parameter_supported"] is True
        assert document["issuer"] == server.issuer


def test_a_registered_address_may_not_bring_an_iss_of_its_own(server: Live) -> None:
    client = find(server, Client, "web")
    assert all(redirect.why_not(uri) == "" for uri in client.redirect_uris)
    assert redirect.why_not("https://web.example/callback?iss=https://evil.example")


def _whole(answer: httpx2.Response, server: Live, base: Asking) -> None:
    """Sent to the app, with `iss` and `state`, each once."""
    assert answer.headers["location"].startswith(REDIRECT_URIS[base.client_id])
    found = sent_back(answer)
    assert found["iss"] == server.issuer
    assert found["state"] == base.state
