"""A32: cross-origin requests.

Attack: A script on another site reads a page, or uses the user's cookies.
Defense: Other origins can call only endpoints without cookies. They can read no page.
"""

import httpx2
import pytest
from tests.attacks.play import STEFAPP, signed_in, tokens
from tests.browser import Asking
from tests.live import Live

ORIGINS = (
    "https://evil.example",
    "https://spa.example",
    "http://127.0.0.1:49152",
    "null",
    "https://web.example.evil.example",
    "file://",
    "chrome-extension://abcdefgh",
    "https://evil.example, https://spa.example",
    "*",
    "x" * 2000,
)
PAGES = (
    "/authorize",
    STEFAPP.path(),
    Asking(client_id="nobody").path(),
    "/sign-in",
    "/sign-out",
    "/signed-out",
    "/apps",
    "/apps/x",
    "/apps/x/stop",
    "/continue/x",
    "/continue/x/sign-in",
    "/continue/x/consent",
    "/",
    "/nowhere",
    "/static/valetkey.css",
    "/healthz",
    "/readyz",
)
MACHINES = ("/token", "/par", "/introspect", "/revoke", "/userinfo")
DOCUMENTS = (
    "/jwks",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
)
METHODS = ("GET", "POST", "OPTIONS", "HEAD")


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_page_is_given_to_another_site(origin: str, server: Live) -> None:
    browser = signed_in(server)
    for path in PAGES:
        for method in METHODS:
            for http in (server.http, browser.http):
                answer = http.request(method, path, headers=_from(origin))
                cors = [name for name in answer.headers if name.startswith("access-control-")]
                assert cors == [], (method, path)


@pytest.mark.parametrize("origin", ORIGINS)
def test_machines_answer_any_site_and_none_by_its_name(origin: str, server: Live) -> None:
    token = tokens(server)["access_token"]
    headers = {**_from(origin), "authorization": f"Bearer {token}"}
    for path in (*MACHINES, *DOCUMENTS):
        for method in METHODS:
            answer = server.http.request(method, path, headers=headers)
            assert answer.headers.get("access-control-allow-origin", "*") == "*", (method, path)
            assert "access-control-allow-credentials" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert origin not in _listed(answer)


@pytest.mark.parametrize("path", [*DOCUMENTS, "/authorization-details-types"])
def test_a_page_may_ask_whether_it_may_read_what_is_published(path: str, server: Live) -> None:
    """As browsers do for an MCP client, which sends MCP-Protocol-Version along."""
    asks = {
        "origin": "https://inspector.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "mcp-protocol-version",
    }
    answer = server.http.options(path, headers=asks)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_cookie_is_worth_nothing_to_a_machine(server: Live) -> None:
    browser = signed_in(server)
    for path in MACHINES:
        with_cookie = browser.http.post(path, data={"client_id": "stefapp"})
        without = server.http.post(path, data={"client_id": "stefapp"})
        assert (with_cookie.status_code, with_cookie.content) == (
            without.status_code,
            without.content,
        )


def test_an_unproved_token_opens_no_origin(server: Live) -> None:
    """Its claims are read by nobody before its signature is."""
    forged = "eyJhbGciOiJub25lIn0.eyJhenAiOiJldmlsIiwid2ViX29yaWdpbnMiOlsiaHR0cHM6Ly9ldmlsIl19."
    headers = {**_from("https://evil"), "authorization": f"Bearer {forged}"}
    answer = server.http.get("/userinfo", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "*"


def _from(origin: str) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, x-evil",
    }


def _listed(answer: httpx2.Response) -> str:
    return " ".join(value for name, value in answer.headers.items() if name != "location").replace(
        "*", ""
    )
