"""A30: cached secrets (OAuth 2.1 3.2.3).

Attack: A cache stores a response that contains a token or personal data.
Defense: Every such response forbids caching.
"""

import httpx2
import pytest
from tests.attacks.play import (
    AS_WEB,
    STEFAPP,
    asking,
    call,
    every_page,
    redeem,
    refresh,
    tokens,
    userinfo,
)
from tests.browser import Asking, authorize
from tests.installation import SECRETS
from tests.live import Live


def _private(answer: httpx2.Response, what: object) -> None:
    assert answer.headers["cache-control"] == "no-store", what
    assert answer.headers["pragma"] == "no-cache", what
    assert "etag" not in answer.headers, what
    assert "last-modified" not in answer.headers, what
    assert "expires" not in answer.headers, what
    assert answer.headers["x-content-type-options"] == "nosniff", what
    assert answer.headers["referrer-policy"] == "no-referrer", what


def test_every_page(server: Live) -> None:
    for name, page in every_page(server).items():
        _private(page, name)


def test_every_answer_of_a_whole_story(server: Live) -> None:
    browser = server.browser()
    seen: list[httpx2.Response] = []
    browser.http.event_hooks = {"response": [seen.append]}
    code = authorize(browser, STEFAPP)
    browser.open(asking(STEFAPP, prompt="none").path())
    browser.open(asking(STEFAPP, scope="no.such").path())
    browser.open("/apps")
    browser.open("/sign-out")
    browser.press("sign-out")
    first = redeem(server, code)
    mine = first.json()
    seen += [
        first,
        redeem(server, code),
        refresh(server, mine["refresh_token"]),
        refresh(server, "vk_rt_x"),
        call(server, "/par", AS_WEB.parameters(), AS_WEB),
        call(server, "/par", {"scope": "x"}, AS_WEB),
        call(server, "/token", {"grant_type": "client_credentials"}, Asking(client_id="machine")),
        server.http.post("/introspect", data={"token": "x"}, auth=("chirp", SECRETS["chirp"])),
        server.http.post("/introspect", data={"token": "x"}, auth=("chirp", "wrong")),
        call(server, "/revoke", {"token": mine["refresh_token"]}),
        userinfo(server, tokens(server)["access_token"]),
        userinfo(server, "x"),
        server.http.get("/userinfo"),
        server.http.get("/token"),
        server.http.post("/token", content=b"{}", headers={"content-type": "application/json"}),
        server.http.post("/token", content=b"x" * 70_000),
        server.http.get("/", headers={"x-long": "x" * 17_000}),
        server.http.put("/apps"),
        server.http.get("/healthz"),
    ]
    assert len(seen) > 25
    for answer in seen:
        _private(answer, answer.request.url)


@pytest.mark.parametrize(
    "path",
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks"],
)
def test_what_is_the_same_for_everybody_may_be_kept_for_minutes(path: str, server: Live) -> None:
    assert server.http.get(path).headers["cache-control"] == "public, max-age=300"


def test_our_own_style_is_what_it_says_it_is(server: Live) -> None:
    for path in ("/static/valetkey.css", "/static/key.svg"):
        assert server.http.get(path).headers["x-content-type-options"] == "nosniff", path
