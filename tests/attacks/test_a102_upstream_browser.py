"""A102: somebody else's return from an upstream provider.

Attack: The attacker makes the victim's browser open the callback of the attacker's own sign-in, or
opens the victim's. Either would sign a browser in as the wrong user, who then allows an app.
Defense: Only the browser that began can come back, and only its request continues.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.play import cookie, every
from tests.live import Live
from tests.providers import (
    FakeProvider,
    away,
    begins,
    callback,
    problem,
    provider_and_server,
    query,
)

from valetkey.server.model.grant import Grant
from valetkey.server.model.user import Session


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeProvider, Live]]:
    with provider_and_server(tmp_path_factory.mktemp("upstream")) as both:
        yield both


def test_the_attackers_callback_in_the_victims_browser(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    attacker, victim = server.browser(), server.browser()
    captured = provider.signs_in(begins(attacker))
    victim.open("/sign-in")
    assert problem(victim.open(captured)) == "other_browser"
    assert not cookie(victim)
    # The attacker's own request doesn't continue there, either.
    pending = attacker.page.request.url.path.removesuffix("/with/there")
    assert victim.open(pending).status_code == 400
    # It was not used up: the browser that began still comes back.
    attacker.open(captured)
    assert 'id="allow"' in attacker.page.text


def test_the_victims_callback_in_the_attackers_browser_then_consent(
    both: tuple[FakeProvider, Live],
) -> None:
    provider, server = both
    attacker, victim = server.browser(), server.browser()
    url = begins(victim)
    pending = victim.page.request.url.path.removesuffix("/with/there")
    stolen = provider.signs_in(url)
    before = len(every(server, Grant))
    assert problem(attacker.open(stolen)) == "other_browser"
    assert attacker.open(pending).status_code == 400
    assert not cookie(attacker)
    victim.open(stolen)
    consent = victim.form("allow")
    answer = attacker.http.post(consent.action, data={**consent.fields, "action": "allow"})
    assert answer.status_code >= 400
    assert len(every(server, Grant)) == before
    victim.press("allow")
    assert len(every(server, Grant)) == before + 1


def test_a_request_of_another_browser_is_not_begun(both: tuple[FakeProvider, Live]) -> None:
    _, server = both
    attacker, victim = server.browser(), server.browser()
    begins(victim)
    assert attacker.open(victim.page.request.url.path).status_code == 400


def test_a_browser_without_cookies_hears_why(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = server.browser()
    path = provider.signs_in(begins(browser))
    browser.http.cookies.clear()
    browser.open(path)
    assert problem(browser.page) == "other_browser"
    assert "started in another browser" in browser.page.text


def test_another_user_at_the_provider_ends_the_session_before(
    both: tuple[FakeProvider, Live],
) -> None:
    provider, server = both
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("miko")
    before = cookie(browser)
    browser.open(provider.signs_in(away(browser, "/sign-in/with/there")))
    assert cookie(browser) != before
    assert not [one for one in every(server, Session) if one.user == server.users["miko"].id]


ELSEWHERE = ("https://evil.example", "//evil.example", "/\\evil.example", "/apps/../sign-out", "x")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_way_back_leads_nowhere_else(target: str, both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = server.browser()
    url = away(browser, f"/sign-in/with/there?next={target}")
    reply = browser.http.get(provider.signs_in(url))
    assert reply.headers["location"] == "/apps"


def test_the_providers_refusal_leads_back(both: tuple[FakeProvider, Live]) -> None:
    provider, server = both
    browser = server.browser()
    asked = query(begins(browser))
    browser.open(callback(asked, error="access_denied", iss=provider.issuer))
    assert 'id="sign-in"' in browser.page.text
