"""A12: the server as an open redirector (RFC 9700 4.11.2).

Attack: An attacker uses the server's own address to send a browser to a malicious page.
Defense: The server redirects only to a checked address of an app that somebody has verified.
Otherwise it shows a page.
"""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from tests.attacks.conftest import CHROMIUM
from tests.attacks.play import (
    AS_POST,
    STEFAPP,
    Tags,
    asking,
    call,
    change,
    find,
    sent_back,
    stayed,
    tokens,
)
from tests.attacks.test_a17_session_frame import LOAD, Page200
from tests.browser import Asking, error_code
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client

EVIL = "https://evil.example/"

NOWHERE = [
    row("6749 4.1.2.1", "an unknown client", {"client_id": "nobody"}, "invalid_client"),
    row(
        "6749 4.1.2.1",
        "an unknown client, a known address",
        {"client_id": "nobody", "redirect_uri": "https://web.example/callback"},
        "invalid_client",
    ),
    row("6749 4.1.2.1", "an evil address", {"redirect_uri": EVIL}, "invalid_request"),
    row("6749 4.1.2.1", "no client", {"client_id": ""}, "invalid_request"),
    row(
        "6749 4.1.2.1",
        "an evil address and a mistake",
        {"redirect_uri": EVIL, "scope": "no.such"},
        "invalid_request",
    ),
    row(
        "6749 4.1.2.1",
        "an evil address in silence",
        {"redirect_uri": EVIL, "prompt": "none"},
        "invalid_request",
    ),
    row("8707 2", "a client for machines", {"client_id": "machine"}, "invalid_request"),
    row("6749 4.1.2.1", "a suspended client", {"client_id": "spa"}, "invalid_client"),
    row(
        "9126 4",
        "a pushed request that is none",
        {"request_uri": "urn:ietf:params:oauth:request_uri:00000000000000000000000000"},
        "invalid_request_uri",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _suspended(server: Live) -> Iterator[None]:
    change(server, find(server, Client, "spa"), status="suspended")
    yield
    change(server, find(server, Client, "spa"), status="active")


@pytest.mark.parametrize("more, code", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_the_address_is_not_sure_nobody_is_sent_on(
    more: dict[str, str], code: str, method: str, server: Live
) -> None:
    evil = asking(asking(STEFAPP, redirect_uri=EVIL), **more).parameters()
    answer = (
        server.http.get("/authorize", params=evil)
        if method == "GET"
        else server.http.post("/authorize", data=evil)
    )
    stayed(answer)
    assert answer.status_code == 400
    assert error_code(answer.text) == code
    assert "evil.example" not in answer.text
    assert "web.example" not in answer.text


MISTAKES = [
    row("9700 4.11.2", "an unknown scope", {"scope": "no.such", "prompt": "none"}, "invalid_scope"),
    row("9700 4.11.2", "nobody signed in", {"prompt": "none"}, "login_required"),
    row("9700 4.11.2", "a wrong type", {"response_type": "token"}, "unsupported_response_type"),
    row("9700 4.11.2", "no challenge", {"code_challenge": ""}, "invalid_request"),
]


@pytest.mark.parametrize("more, code", MISTAKES)
def test_an_unverified_client_gets_a_page_with_a_link(
    more: dict[str, str], code: str, server: Live
) -> None:
    answer = server.browser().open(asking(AS_POST, **more).path())
    stayed(answer)
    assert error_code(answer.text) == code
    tags = Tags(answer.text).tags
    links = [have["href"] for tag, have in tags if tag == "a" and "post.example" in have["href"]]
    (link,) = links
    assert link.startswith(f"{AS_POST.redirect_uri}?error={code}&")
    assert "iss=" in link
    assert "state=a%20state" in link
    assert all(tag not in {"script", "iframe"} for tag, _ in tags)
    assert all("http-equiv" not in have for _, have in tags)


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object"])
@pytest.mark.parametrize("more, code", MISTAKES)
def test_in_a_frame_an_unverified_client_is_told_at_once(
    more: dict[str, str], code: str, dest: str, server: Live
) -> None:
    """Who looks at a page with a frame in it is on that page already: no address changes before
    their eyes, and no page of ours would be shown in there."""
    path = asking(AS_POST, **more).path()
    answer = server.http.get(path, headers={"sec-fetch-dest": dest, "sec-fetch-mode": "navigate"})
    assert sent_back(answer)["error"] == code


NO_FRAME = [
    row("9700 4.11.2", "the whole window", "GET", {"sec-fetch-dest": "document"}),
    row("9700 4.11.2", "a script", "GET", {"sec-fetch-dest": "empty"}),
    row("9700 4.11.2", "a picture", "GET", {"sec-fetch-dest": "image"}),
    row("9700 4.11.2", "a browser that does not say", "GET", {}),
    row("9700 4.11.2", "two words", "GET", {"sec-fetch-dest": "iframe, document"}),
    row("9700 4.11.2", "a form", "POST", {"sec-fetch-dest": "iframe"}),
]


@pytest.mark.parametrize("method,headers", NO_FRAME)
def test_anywhere_else_the_page_stays(method: str, headers: dict[str, str], server: Live) -> None:
    parameters = asking(AS_POST, prompt="none").parameters()
    query, body = (parameters, None) if method == "GET" else (None, parameters)
    answer = server.http.request(method, "/authorize", headers=headers, params=query, data=body)
    stayed(answer)
    assert error_code(answer.text) == "login_required"


def test_a_frame_does_not_lead_to_an_address_that_is_not_sure(server: Live) -> None:
    evil = asking(AS_POST, redirect_uri=EVIL, prompt="none").path()
    stayed(server.http.get(evil, headers={"sec-fetch-dest": "iframe"}))


@pytest.mark.browser
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed")
def test_in_a_real_frame(server: Live, chromium: Chromium) -> None:
    """The browser itself says that it is a frame, and the app's own page in it hears the answer."""
    change(server, find(server, Client, "stefapp"), verified=False)
    app = ThreadingHTTPServer(("127.0.0.1", 0), Page200)
    threading.Thread(target=app.serve_forever, daemon=True).start()
    context = chromium.new_context()
    with app:
        origin = f"http://127.0.0.1:{app.server_port}"
        silent = asking(redirect_uri=f"{origin}/callback", prompt="none").path()
        page = context.new_page()
        page.goto(origin)
        page.evaluate(LOAD, server.url + silent)
        assert page.frames[-1].url.startswith(f"{origin}/callback?error=login_required&")
        # The very same address in the whole window is a page of ours.
        page.goto(server.url + silent)
        assert page.url == server.url + silent
        context.close()
        app.shutdown()
    change(server, find(server, Client, "stefapp"), verified=True)


@pytest.mark.parametrize("more, code", MISTAKES)
def test_a_verified_client_is_told_at_once(more: dict[str, str], code: str, server: Live) -> None:
    answer = server.browser().open(asking(STEFAPP, **more).path())
    assert sent_back(answer)["error"] == code


def test_a_pushed_mistake_is_told_to_the_client_alone(server: Live) -> None:
    answer = call(server, "/par", asking(AS_POST, scope="no.such").parameters(), AS_POST)
    stayed(answer)
    assert answer.json()["error"] == "invalid_scope"


def test_the_users_own_no_leads_back_to_an_unverified_client(server: Live) -> None:
    browser = server.browser()
    browser.open(AS_POST.path())
    browser.sign_in()
    assert sent_back(browser.press("cancel"))["error"] == "access_denied"


@pytest.mark.parametrize("base", [AS_POST], ids=["post"])
def test_silence_before_a_yes_is_a_page_too(base: Asking, server: Live) -> None:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("noor")
    answer = browser.open(asking(base, prompt="none").path())
    stayed(answer)
    assert error_code(answer.text) == "consent_required"
    tokens(server, base, username="noor")
    assert "code" in sent_back(browser.open(asking(base, prompt="none").path()))
