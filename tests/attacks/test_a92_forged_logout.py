"""A92: forged sign-out.

Attack: Somebody forges a logout token, or signs a user out with a link.
Defense: Logout tokens are signed, and a sign-out without the session's own ID Token asks the user.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import pytest
from tests.attacks.play import AS_WEB, asking, change, claims, find, redeem, signed_in, tokens
from tests.browser import Browser, authorize, error_code
from tests.live import Live, live
from tests.rows import row

from valetkey.jose import base64url
from valetkey.server.model.client import Client
from valetkey.server.model.query import Many
from valetkey.server.model.stream import Job
from valetkey.server.model.user import Session

AFTER = "https://web.example/bye"
BACK = "https://web.example/back"


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with live(tmp_path, unthrottled=("127.0.0.0/8",)) as server:
        web = find(server, Client, "web")
        change(server, web, post_logout_redirect_uris=(AFTER,), backchannel_logout_uri=BACK)
        yield server


def inside(server: Live) -> tuple[Browser, str]:
    """A browser in which Miko is signed in to the web app, and the ID Token that it got."""
    browser = server.browser()
    reply = redeem(server, authorize(browser, AS_WEB), AS_WEB)
    return browser, reply.json()["id_token"]


def leave(browser: Browser, **sent: str) -> httpx2.Response:
    return browser.open(f"/logout?{urlencode(sent)}")


def is_in(browser: Browser) -> bool:
    return browser.open("/apps").request.url.path == "/apps"


def jobs(server: Live) -> tuple[Job, ...]:
    wanted = Many(Job)
    found: tuple[Job, ...] = server.run(server.store.read(wanted)).many(wanted)
    return found


def unsigned(token: str) -> str:
    head = base64url.encode(b'{"alg":"none","typ":"JWT"}')
    return f"{head}.{token.split('.')[1]}."


FORGED: list[Any] = [
    row("", "unsigned", unsigned),
    row("", "without its signature", lambda token: token.rpartition(".")[0] + "."),
    row("", "changed", lambda token: token[:-8] + ("A" * 8)),
    row("", "cut", lambda token: token[:-1]),
    row("", "nothing of a token", lambda token: "hello"),
    row("", "huge", lambda token: token + "a" * 9000),
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_hint_signs_nobody_out_and_leads_nowhere(
    server: Live, forge: Callable[[str], str]
) -> None:
    browser, token = inside(server)
    page = leave(browser, id_token_hint=forge(token), post_logout_redirect_uri=AFTER)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert is_in(browser)
    assert jobs(server) == ()


def test_an_access_token_is_no_hint(server: Live) -> None:
    browser, _ = inside(server)
    access = tokens(server, AS_WEB)["access_token"]
    page = leave(browser, id_token_hint=access, post_logout_redirect_uri=AFTER)
    assert (page.status_code, error_code(page.text)) == (400, "invalid_request")
    assert is_in(browser)


STRANGERS: list[Any] = [
    row("", "without a hint", lambda mine: {}),
    row("", "with a hint of somebody else's session", lambda mine: {"id_token_hint": mine}),
]


@pytest.mark.parametrize("sent", STRANGERS)
def test_a_strangers_link_is_asked_about(server: Live, sent: Any) -> None:
    """The attacker has a session and an ID Token of their own."""
    _, theirs = inside(server)
    victim = signed_in(server, "noor")
    page = leave(victim, **sent(theirs))
    assert page.status_code == 200
    assert 'id="sign-out"' in page.text
    assert is_in(victim)


def test_a_strangers_form_is_asked_about(server: Live) -> None:
    victim = signed_in(server, "noor")
    forged = victim.http.post("/logout", data={"csrf": "x" * 43})
    assert forged.status_code == 403
    assert is_in(victim)


def test_another_sites_form_comes_by_a_link(server: Live) -> None:
    """Browsers send no cookies with it: the question is asked once they do."""
    page = server.browser().http.post("/logout", data={"state": "x"})
    assert (page.status_code, page.headers["location"]) == (303, "/logout?state=x")


def test_a_link_leads_nobody_to_an_app_that_nobody_vouches_for(server: Live) -> None:
    """Whoever registers an app of their own has an ID Token for it: with that, our address would
    lead anywhere (RFC 9700 4.11.2)."""
    browser, theirs = inside(server)
    change(server, find(server, Client, "web"), verified=False)
    sent = {"id_token_hint": theirs, "post_logout_redirect_uri": AFTER}
    page = leave(server.browser(), **sent)
    assert (page.status_code, "location" in page.headers) == (200, False)
    assert "refresh" not in page.headers
    assert "web.example" in page.text
    # Its own user is led back.
    own = leave(browser, **sent)
    assert AFTER in own.headers.get("location", "") + own.headers.get("refresh", "")


ELSEWHERE: list[Any] = [
    row("A12", "a longer path", f"{AFTER}/more"),
    row("A12", "a query", f"{AFTER}?x=1"),
    row("A12", "another host", "https://evil.example/bye"),
    row("A12", "a redirect URI", "https://web.example/callback"),
    row("A12", "in capitals", AFTER.upper()),
    row("A69", "no scheme", "//evil.example/bye"),
    row("A69", "a script", "javascript:alert(1)"),
]


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_nobody_is_sent_where_the_app_did_not_say(server: Live, uri: str) -> None:
    browser, token = inside(server)
    page = leave(browser, id_token_hint=token, post_logout_redirect_uri=uri)
    assert (page.status_code, error_code(page.text)) == (400, "invalid_request")
    assert "location" not in page.headers
    assert is_in(browser)


def test_an_app_and_a_hint_of_another_are_refused(server: Live) -> None:
    browser, token = inside(server)
    page = leave(browser, id_token_hint=token, client_id="spa", post_logout_redirect_uri=AFTER)
    assert (page.status_code, error_code(page.text)) == (400, "invalid_request")
    assert is_in(browser)


def test_a_state_comes_back_byte_for_byte(server: Live) -> None:
    browser, token = inside(server)
    state = "ä&=<script>'\"%00"
    page = leave(browser, id_token_hint=token, post_logout_redirect_uri=AFTER, state=state)
    assert page.status_code == 303
    assert httpx2.URL(page.headers["location"]).params["state"] == state


def test_the_session_is_over_before_anybody_is_told(server: Live) -> None:
    browser, token = inside(server)
    sid = claims(token)["sid"]
    leave(browser, id_token_hint=token, post_logout_redirect_uri=AFTER)
    wanted = Many(Session)
    left = server.run(server.store.read(wanted)).many(wanted)
    assert sid not in {one.sid for one in left}
    # Nobody listens there, so the message waits.
    (job,) = jobs(server)
    assert (job.client, job.url, job.facts) == ("web", BACK, {"sid": sid})
    assert msgspec.json.encode(job).find(token.encode()) == -1


def test_whoever_signs_in_as_somebody_else_ends_the_session_before(server: Live) -> None:
    """A66: on a shared browser, and the apps of the first user hear of it."""
    browser, token = inside(server)
    browser.open(asking(AS_WEB, prompt="login").path())
    browser.sign_in("noor")
    (job,) = jobs(server)
    assert job.facts == {"sid": claims(token)["sid"]}


def test_a_session_goes_on_under_its_name_when_its_user_proves_themselves_again(
    server: Live,
) -> None:
    """So that an app which knows it hears of its end, and its cookie is a new one (A65)."""
    browser, token = inside(server)
    before = {**browser.http.cookies}
    reply = redeem(server, authorize(browser, asking(AS_WEB, prompt="login")), AS_WEB)
    assert claims(reply.json()["id_token"])["sid"] == claims(token)["sid"]
    assert {**browser.http.cookies} != before
