"""A02: leak through the Referer header (RFC 9700 4.2).

Attack: A page loads something from another site, and that site learns the address of the page, with
its code or state.
Defense: No page sends a referrer, and no page loads anything from another site.
"""

from urllib.parse import urljoin, urlsplit

from tests.attacks.play import STEFAPP, Tags, every_page, redeem
from tests.browser import authorize
from tests.live import Live

LOADS = {"src", "srcset", "data", "poster", "background", "manifest", "formaction", "ping"}


def test_every_page_sends_no_referrer_and_loads_nothing_from_elsewhere(server: Live) -> None:
    for name, page in every_page(server).items():
        assert page.headers["referrer-policy"] == "no-referrer", name
        tags = Tags(page.text).tags
        loaded = [
            value
            for tag, attributes in tags
            for attribute, value in attributes.items()
            if attribute in LOADS or (tag == "link" and attribute == "href")
        ]
        assert loaded, name
        for one in loaded:
            assert urlsplit(urljoin(server.url, one)).netloc == urlsplit(server.url).netloc, name
        assert all(tag != "meta" or "http-equiv" not in have for tag, have in tags), name


def test_the_redirect_to_the_app_sends_no_referrer(server: Live) -> None:
    browser = server.browser()
    authorize(browser, STEFAPP)
    assert browser.page.headers["referrer-policy"] == "no-referrer"
    assert not browser.page.content


def test_a_code_that_leaked_later_is_worth_nothing(server: Live) -> None:
    code = authorize(server.browser(), STEFAPP)
    assert redeem(server, code).status_code == 200
    assert redeem(server, code).json()["error"] == "invalid_grant"
