"""A43: theft of a pushed request (RFC 9126 2.2, 4).

Attack: Another client uses the `request_uri` of a pushed request, or uses it again.
Defense: A `request_uri` works once, for its own client, for a short time.
"""

import pytest
from tests.attacks.play import AS_POST, AS_WEB, STEFAPP, call, change, every, stayed
from tests.browser import Asking, Browser, error_code
from tests.live import Live

from valetkey.server.model.pending import Pending
from valetkey.spec.names import REQUEST_URI_PREFIX


def pushed(server: Live, by: Asking = AS_WEB) -> str:
    answer = call(server, "/par", by.parameters(), by)
    assert answer.status_code == 201, answer.text
    assert 5 <= answer.json()["expires_in"] <= 90
    return str(answer.json()["request_uri"])


def opened(browser: Browser, uri: str, client: str) -> None:
    browser.open(f"/authorize?client_id={client}&request_uri={uri}")


def refused(browser: Browser) -> None:
    """An error page: nobody is sent anywhere."""
    stayed(browser.page)
    assert error_code(browser.page.text) == "invalid_request_uri"


@pytest.mark.parametrize("thief", ["stefapp", "post", "spa", "nobody"])
def test_of_another_client(thief: str, server: Live) -> None:
    uri, browser = pushed(server), server.browser()
    opened(browser, uri, thief)
    refused(browser)
    opened(browser, uri, "web")
    browser.sign_in()
    assert browser.page.status_code == 200, "what a thief tried spent nothing"


def test_after_its_time(server: Live) -> None:
    uri = pushed(server)
    (row,) = (one for one in every(server, Pending) if REQUEST_URI_PREFIX + one.id == uri)
    change(server, row, expires=row.created)
    browser = server.browser()
    opened(browser, uri, "web")
    refused(browser)


def test_twice(server: Live) -> None:
    """Once it is answered, it is over; before, its browser may come back to it."""
    uri, browser = pushed(server, AS_POST), server.browser()
    opened(browser, uri, "post")
    opened(browser, uri, "post")
    browser.sign_in()
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    assert "code" in browser.answer()
    for other in (browser, server.browser()):
        opened(other, uri, "post")
        refused(other)


def test_made_up(server: Live) -> None:
    uri = pushed(server)
    browser = server.browser()
    name = uri.removeprefix(REQUEST_URI_PREFIX)
    for cut in (*range(1, len(name), 5), len(name) - 1):
        for guess in (name[:cut], name[cut:], name[:cut] + "A" + name[cut + 1 :]):
            if guess != name:
                opened(browser, REQUEST_URI_PREFIX + guess, "web")
                refused(browser)


def test_what_stands_beside_it_does_not_count(server: Live) -> None:
    uri, browser = pushed(server), server.browser()
    more = "&redirect_uri=https://evil.example/&scope=openid%20email&state=evil"
    browser.open(f"/authorize?client_id=web&request_uri={uri}{more}")
    browser.sign_in()
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    location = str(browser.page.headers["location"])
    assert location.startswith(AS_WEB.redirect_uri)
    assert browser.answer()["state"] == AS_WEB.state


def test_one_of_a_public_client_is_its_own_as_well(server: Live) -> None:
    uri, browser = pushed(server, STEFAPP), server.browser()
    opened(browser, uri, "web")
    refused(browser)
