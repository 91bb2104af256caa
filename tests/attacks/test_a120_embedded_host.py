"""A120: a way back from the host's sign-in page that was tampered with.

Attack: The address to which the host sends the browser back leads to another site, was made for
another browser or request, or says that nobody was signed in.
Defense: The address is a path of the server. A tag binds it to the browser, to what waits there,
and to the time. Without the tag, a sign-in that is not known to be new is not one.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from tests.attacks.test_a69_open_redirect import TARGETS
from tests.embedded.hosts import PATH
from tests.embedded.inside import Inside, inside
from tests.embedded.test_host_way import MIKO, ask, login_query

from valetkey.embedded import SignedInUser


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(tmp_path_factory.mktemp("inside")) as running:
        yield running


def test_a_host_that_asks_leads_nowhere_else(host: Inside) -> None:
    """`Valetkey.way_back`."""
    for target in (*TARGETS, "/oauth", "/oauthx/apps", "/oauth/\\evil", "/oauth/\r\nx", None):
        assert host.vk.way_back(target) == "/", target
    assert host.vk.way_back("/oauth/apps", default="/home") == "/oauth/apps"
    assert host.vk.way_back("//evil.example", default="/home") == "/home"


@pytest.mark.parametrize(
    "tampered",
    [
        lambda way: way.replace(".0.", ".1."),
        lambda way: way[:-1] + ("A" if way[-1] != "A" else "B"),
        lambda way: way.partition("?")[0],
        lambda way: way.partition("hop=")[0] + "hop=",
        lambda way: way.partition("hop=")[0] + "hop=9.1.é",
        lambda way: way.replace("hop=1", "hop=2"),
    ],
    ids=["nobody", "tag", "none", "empty", "no ASCII", "time"],
)
def test_a_tag_that_is_not_ours_proves_no_sign_in(host: Inside, tampered: object) -> None:
    """Miko is signed in at the host all the time; nothing says since when."""
    browser = ask(host, MIKO, max_age="0")
    way = login_query(browser)["next"]
    browser.open(tampered(way))  # type: ignore[operator]
    # The browser is sent to the sign-in page again, as one that comes by itself.
    assert login_query(browser)["prompt"] == "login"
    browser.open(way)
    assert browser.answer()["error"] == "login_required"


def test_a_way_back_is_good_in_its_browser_and_for_its_request(host: Inside) -> None:
    """The attacker's own way back, from nobody on, in the victim's browser."""
    mine = login_query(ask(host, None, max_age="0"))["next"]
    theirs = ask(host, MIKO, max_age="0")
    way = login_query(theirs)["next"]
    theirs.open(mine)
    assert theirs.page.status_code == 400
    # The tag of another request.
    tag = mine.partition("hop=")[2]
    theirs.open(f"{way.partition('hop=')[0]}hop={tag}")
    assert login_query(theirs)["prompt"] == "login"


def test_the_target_of_a_way_back_stays_ours(host: Inside) -> None:
    host.user = SignedInUser(subject="17", auth_time=time.time())
    browser = host.browser()
    for target in TARGETS:
        browser.open(f"{PATH}/sign-in/with/host?{urlencode({'next': target})}")
        assert str(browser.page.url).startswith(f"{host.url}{PATH}/apps"), target
