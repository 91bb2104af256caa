"""A63: sign-in by another site's form.

Attack: Another site sends a form that signs the user in, out, or on.
Defense: The server accepts only forms from its own pages.
"""

import httpx2
import pytest
from tests.attacks.play import STEFAPP, cookie, every
from tests.browser import Browser, error_code
from tests.installation import PASSWORDS
from tests.live import Live
from tests.rows import row

from valetkey.server.model.user import Session

NOOR = {"username": "noor", "password": PASSWORDS["noor"]}


@pytest.fixture
def victim(server: Live) -> Browser:
    """A browser that stands before the sign-in form."""
    browser = server.browser()
    browser.open("/sign-in")
    return browser


@pytest.fixture
def attacker(server: Live) -> Browser:
    """A browser of the attacker's own, before the same form."""
    browser = server.browser()
    browser.open("/sign-in")
    return browser


def _refused(answer: httpx2.Response, server: Live, before: int) -> None:
    assert answer.status_code == 403
    assert error_code(answer.text) == "access_denied"
    assert "location" not in answer.headers
    assert "vk_session" not in answer.headers.get("set-cookie", "")
    assert len(every(server, Session)) == before


TOKENS = [
    row("A63", "no token", None),
    row("A63", "an empty token", ""),
    row("A63", "no base64", "???"),
    row("A63", "random bytes", "A" * 43),
    row("A63", "a short token", "AAAA"),
    row("A63", "a token without end", "A" * 5000),
]


@pytest.mark.parametrize("token", TOKENS)
def test_without_the_token(token: str | None, victim: Browser, server: Live) -> None:
    before = len(every(server, Session))
    form = NOOR if token is None else {**NOOR, "csrf": token}
    _refused(victim.http.post("/sign-in", data=form), server, before)


def test_with_the_attackers_own_token(victim: Browser, attacker: Browser, server: Live) -> None:
    before = len(every(server, Session))
    form = {**attacker.form("sign-in").fields, **NOOR}
    assert form["csrf"]
    _refused(victim.http.post("/sign-in", data=form), server, before)
    _refused(server.http.post("/sign-in", data=form), server, before)


def test_with_the_token_of_another_form(victim: Browser, server: Live) -> None:
    before = len(every(server, Session))
    of_sign_in = victim.form("sign-in").fields["csrf"]
    victim.open(STEFAPP.path())
    form = victim.form("sign-in")
    assert form.fields["csrf"] != of_sign_in
    _refused(victim.http.post(form.action, data={**NOOR, "csrf": of_sign_in}), server, before)
    _refused(victim.http.post("/sign-in", data={**form.fields, **NOOR}), server, before)


def test_with_the_token_of_another_request(victim: Browser, server: Live) -> None:
    before = len(every(server, Session))
    victim.open(STEFAPP.path())
    one = victim.form("sign-in")
    victim.open(STEFAPP.path())
    two = victim.form("sign-in")
    assert one.action != two.action
    _refused(victim.http.post(one.action, data={**two.fields, **NOOR}), server, before)


ELSEWHERE = [
    row("A63", "another origin", {"origin": "https://evil.example"}),
    row("A63", "the origin of an app", {"origin": "https://web.example"}),
    row("A63", "another port", {"origin": "http://127.0.0.1:1"}),
    row("A63", "our origin in capitals", {"origin": "HTTP://127.0.0.1"}),
    row("A63", "a cross-site request", {"sec-fetch-site": "cross-site"}),
    row("A63", "a sibling site's request", {"sec-fetch-site": "same-site"}),
    row("A63", "a null origin, cross-site", {"origin": "null", "sec-fetch-site": "cross-site"}),
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_with_the_right_token_from_elsewhere(
    headers: dict[str, str], victim: Browser, server: Live
) -> None:
    before = len(every(server, Session))
    form = {**victim.form("sign-in").fields, **NOOR}
    _refused(victim.http.post("/sign-in", data=form, headers=headers), server, before)


OURS = [
    row("A63", "as browsers send it", {"origin": "null", "sec-fetch-site": "same-origin"}),
    row("A63", "as old browsers send it", {}),
]


@pytest.mark.parametrize("headers", OURS)
def test_with_the_right_token_from_here(
    headers: dict[str, str], victim: Browser, server: Live
) -> None:
    form = {**victim.form("sign-in").fields, **NOOR}
    assert victim.http.post("/sign-in", data=form, headers=headers).status_code == 303
    assert cookie(victim)


def test_the_cookies_stay_away_from_other_sites_forms(server: Live) -> None:
    browser = server.browser()
    answer = browser.http.get("/sign-in")
    assert "SameSite=Lax" in answer.headers["set-cookie"]
    browser.open("/sign-in")
    answer = browser.send("sign-in", username="miko", password=PASSWORDS["miko"])
    assert "SameSite=Lax" in answer.headers["set-cookie"]


# The no on the sign-in page: another site cannot end what its user has begun.


def _still_waits(victim: Browser, answer: httpx2.Response) -> None:
    assert answer.status_code == 403
    assert error_code(answer.text) == "access_denied"
    assert "location" not in answer.headers
    assert victim.press("sign-in", username="miko", password=PASSWORDS["miko"]).status_code == 200
    assert 'id="allow"' in victim.page.text


@pytest.mark.parametrize("token", TOKENS)
def test_a_no_without_the_token(token: str | None, victim: Browser) -> None:
    victim.open(STEFAPP.path())
    data = {"action": "decline"} if token is None else {"csrf": token}
    _still_waits(victim, victim.http.post(victim.form("decline").action, data=data))


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_no_with_the_right_token_from_elsewhere(headers: dict[str, str], victim: Browser) -> None:
    victim.open(STEFAPP.path())
    form = victim.form("decline")
    _still_waits(victim, victim.http.post(form.action, data=form.fields, headers=headers))


def test_a_no_with_another_token(victim: Browser, attacker: Browser) -> None:
    attacker.open(STEFAPP.path())
    victim.open(STEFAPP.path())
    action = victim.form("decline").action
    tokens = (attacker.form("decline"), victim.form("sign-in"))
    for form in tokens:
        answer = victim.http.post(action, data=form.fields)
        assert answer.status_code == 403
    _still_waits(victim, victim.http.post(action, data=attacker.form("decline").fields))


def test_a_no_to_the_request_of_another_browser(victim: Browser, attacker: Browser) -> None:
    victim.open(STEFAPP.path())
    attacker.open(STEFAPP.path())
    mine = attacker.form("decline")
    _still_waits(victim, attacker.http.post(victim.form("decline").action, data=mine.fields))


def test_a_no_is_a_form_and_no_link(victim: Browser) -> None:
    victim.open(STEFAPP.path())
    action = victim.form("decline").action
    assert victim.http.get(action).status_code == 405
    assert victim.press("sign-in", username="miko", password=PASSWORDS["miko"]).status_code == 200
