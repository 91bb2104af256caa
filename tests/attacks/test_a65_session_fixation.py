"""A65: session fixation.

Attack: An attacker plants a session in the user's browser before the sign-in.
Defense: Nothing from before a sign-in is valid after it.
"""

import re

import httpx2
import pytest
from tests.attacks.play import (
    STEFAPP,
    asking,
    change,
    claims,
    cookie,
    every,
    find,
    signed_in,
    tokens,
)
from tests.browser import Browser, authorize, error_code
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.model.user import Session

PLANTED = [
    row("A65", "a made-up session", "06h0pqlgp1vcmd9aotk1anh82c.c2VjcmV0"),
    row("A65", "a word", "evil"),
    row("A65", "a dot", "."),
    row("A65", "nothing", ""),
    row("A65", "a path", "../../etc/passwd.x"),
    row("A65", "a quote", "' OR 1=1 --.x"),
]


@pytest.mark.parametrize("value", PLANTED)
def test_a_planted_session_is_not_adopted(value: str, server: Live) -> None:
    browser = server.browser()
    browser.http.cookies.set("vk_session", value, domain="127.0.0.1", path="/")
    browser.open("/sign-in")
    browser.sign_in()
    assert browser.page.status_code == 200
    assert cookie(browser) != value
    thief = server.http.get("/apps", headers={"cookie": f"vk_session={value}"})
    assert thief.status_code == 303


def test_each_sign_in_gets_a_new_session_and_ends_the_old_one(server: Live) -> None:
    browser = signed_in(server)
    seen = [cookie(browser)]
    for _ in range(3):
        browser.open(asking(STEFAPP, prompt="login").path())
        browser.sign_in()
        seen.append(cookie(browser))
    assert len(set(seen)) == 4
    for old in seen[:-1]:
        answer = server.http.get("/apps", headers={"cookie": f"vk_session={old}"})
        assert answer.status_code == 303
    assert browser.open("/apps").status_code == 200


def test_another_user_gets_another_session(server: Live) -> None:
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    first = cookie(browser)
    browser.press("")  # Use another account.
    assert cookie(browser) == ""
    browser.sign_in("noor")
    assert cookie(browser) not in {"", first}
    assert not any(one.id == first.partition(".")[0] for one in every(server, Session))


def test_no_session_stands_in_an_address_or_a_page(server: Live) -> None:
    browser = server.browser()
    seen: list[httpx2.Response] = []
    browser.http.event_hooks = {"response": [seen.append]}
    authorize(browser, STEFAPP)
    browser.open("/apps")
    name, _, secret = cookie(browser).partition(".")
    of_browser = cookie(browser, "vk_browser")
    for answer in seen:
        shown = str(answer.request.url) + answer.headers.get("location", "") + answer.text
        assert secret not in shown
        assert name not in shown
        assert of_browser not in shown


def test_a_session_in_the_query_is_none(server: Live) -> None:
    whole = cookie(signed_in(server))
    asked = server.http.get(f"/apps?vk_session={whole}")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=/apps")
    # RFC 3986 3.3: it is a part of the path, and there is no such page.
    assert server.http.get(f"/apps;vk_session={whole}").status_code == 404


def test_the_victim_cannot_go_on_with_the_attackers_request(server: Live) -> None:
    """The attacker begins, and sends the victim the address to continue at."""
    attacker = server.browser()
    attacker.open(STEFAPP.path())
    lure = attacker.page.url.path
    for victim in (server.browser(), signed_in(server, "noor")):
        answer = victim.open(lure)
        assert answer.status_code == 400
        assert error_code(answer.text) == "invalid_request"
        assert 'id="sign-in"' not in answer.text
        assert 'id="allow"' not in answer.text


def test_the_attacker_cannot_go_on_with_the_victims_request(server: Live) -> None:
    victim = server.browser()
    victim.open(STEFAPP.path())
    lure = victim.page.url.path
    victim.sign_in()
    attacker = server.browser()
    attacker.open("/sign-in")
    assert attacker.open(lure).status_code == 400
    for step in ("sign-in", "consent", "switch"):
        assert attacker.http.post(f"{lure}/{step}", data={"action": "allow"}).status_code == 403


def test_a_planted_browser_name_gives_no_way_into_the_session(server: Live) -> None:
    """Even one who knows the browser's name has no session once somebody signs in there."""
    victim = server.browser()
    victim.open(STEFAPP.path())
    lure, name = victim.page.url.path, cookie(victim, "vk_browser")
    victim.sign_in()
    attacker = server.browser()
    attacker.http.cookies.set("vk_browser", name, domain="127.0.0.1", path="/")
    assert 'id="sign-in"' in attacker.open(lure).text
    assert attacker.open("/apps").url.path == "/sign-in"


def test_who_knows_a_sessions_name_cannot_end_it(server: Live) -> None:
    """An app knows it: it is the `sid` of its ID Token."""
    victim = server.browser()
    authorize(victim, STEFAPP, username="noor")
    name = cookie(victim).partition(".")[0]
    for planted in (f"{name}.x", name, f"{name}."):
        attacker = server.browser()
        attacker.http.cookies.set("vk_session", planted, domain="127.0.0.1", path="/")
        attacker.open("/sign-in")
        attacker.sign_in("miko")
        attacker.open(STEFAPP.path())
        assert victim.open("/apps").status_code == 200
        assert victim.page.url.path == "/apps"


def test_the_sid_is_no_cookie(server: Live) -> None:
    leaves = {"frontchannel_logout_uri": "http://127.0.0.1/out"}
    change(server, find(server, Client, "stefapp"), **leaves)
    sid = claims(tokens(server)["id_token"])["sid"]
    for value in (sid, f"{sid}.", f"{sid}.{sid}", f"{sid}.x"):
        answer = server.http.get("/apps", headers={"cookie": f"vk_session={value}"})
        assert answer.status_code == 303


def test_the_page_never_says_which_session_it_is(server: Live) -> None:
    browser: Browser = signed_in(server)
    page = browser.open("/apps").text
    assert not re.search(r"vk_(session|browser)", page)
