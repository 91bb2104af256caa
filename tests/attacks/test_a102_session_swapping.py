"""A102: login CSRF and session swapping at the hand-off.

Attack: An attacker signs in at the platform, and has the victim's browser finish that sign-in. Or
the victim signs in, and the attacker's browser finishes.
Defense: The browser that comes back is the browser that began: it needs the secret of the answer
and its cookie. A wrong browser ends the interaction.
"""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.attacks.play import AS_POST, AS_WEB, asking, cookie, every, find, stayed
from tests.browser import Browser, error_code
from tests.handoff import LOGOUT, Platform, handing_off, handle_of
from tests.live import Live
from tests.rows import row

from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session
from valetkey.server.oauth.authorize.request_stages import forget
from valetkey.server.store.settle import settle


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with handing_off(tmp_path_factory.mktemp("a102"), password=True) as server:
        yield server


@pytest.fixture
def platform(server: Live) -> Platform:
    return Platform(server)


@pytest.fixture
def victim(server: Live) -> Browser:
    """A browser that was here before: it has a cookie of its own."""
    browser = server.browser()
    browser.open("/sign-in")
    return browser


def to_platform(server: Live, browser: Browser, path: str) -> str:
    """The handle that a browser brings to the platform, where the password is a way too."""
    page = browser.open(path)
    (link,) = [one for one in page.text.split('"') if "/with/platform" in one]
    return handle_of(browser.open(link))


def refused(page: httpx2.Response, browser: Browser, server: Live, before: int) -> None:
    assert page.status_code == 400
    assert "Start again in this browser" in page.text
    assert cookie(browser) == ""
    assert len(every(server, Session)) == before


def test_the_attackers_answer_in_the_victims_browser(
    server: Live, platform: Platform, victim: Browser
) -> None:
    attacker = server.browser()
    handle = to_platform(server, attacker, AS_WEB.path())
    back = platform.accepted(handle, "the attacker")
    before = len(every(server, Session))
    refused(victim.open(back), victim, server, before)
    # It is burned: the attacker can't finish it either, and no answer is left in the database.
    attacker.open(back)
    assert cookie(attacker) == ""
    assert b"the attacker" not in find(server, Pending, handle).contents


def test_the_victims_answer_in_the_attackers_browser(
    server: Live, platform: Platform, victim: Browser
) -> None:
    """A captured address, opened in another browser before the victim's own."""
    handle = to_platform(server, victim, AS_WEB.path())
    back = platform.accepted(handle, "the victim")
    attacker = server.browser()
    to_platform(server, attacker, AS_WEB.path())
    before = len(every(server, Session))
    refused(attacker.open(back), attacker, server, before)
    assert platform.accept(handle, "the victim").status_code == 410


def test_the_victims_handle_answered_by_the_attacker(
    server: Live, platform: Platform, victim: Browser
) -> None:
    """The attacker opens the platform's page with a handle of the victim. The platform answers with
    the attacker's account; only the victim's browser could use it, and the secret is elsewhere."""
    handle = to_platform(server, victim, AS_WEB.path())
    back = platform.accepted(handle, "the attacker")
    attacker = server.browser()
    refused(attacker.open(back), attacker, server, len(every(server, Session)))
    victim.open(f"/interaction/restart?interaction={handle}")
    assert cookie(victim) == ""


def test_a_browser_without_cookies(server: Live, platform: Platform, victim: Browser) -> None:
    handle = to_platform(server, victim, AS_WEB.path())
    back = platform.accepted(handle, "the victim")
    app = server.browser()
    refused(app.open(back), app, server, len(every(server, Session)))
    page = app.open(f"/interaction/restart?interaction={handle}")
    assert 'id="sign-in"' in page.text


SECRETS = [
    row("A102", "none", ""),
    row("A102", "empty", "."),
    row("A102", "short", ".A"),
    row("A102", "another", "." + "A" * 43),
    row("A102", "not ASCII", ".\u00e9" + "A" * 42),
    row("A102", "long", "." + "A" * 5000),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_right_browser_without_the_secret(
    secret: str, server: Live, platform: Platform, victim: Browser
) -> None:
    handle = to_platform(server, victim, AS_WEB.path())
    back = platform.accepted(handle, "the victim")
    page = victim.http.get("/interaction/return", params={"answer": handle + secret})
    stayed(page)
    assert cookie(victim) == ""
    # A guess burns nothing.
    victim.open(back)
    assert cookie(victim)


def test_the_secret_of_another_interaction(
    server: Live, platform: Platform, victim: Browser
) -> None:
    one = to_platform(server, victim, AS_WEB.path())
    two = to_platform(server, victim, AS_WEB.path())
    platform.accepted(one, "one")
    secret = platform.accepted(two, "two").rpartition(".")[2]
    stayed(victim.http.get("/interaction/return", params={"answer": f"{one}.{secret}"}))


def test_another_user_ends_the_session_before(
    server: Live, platform: Platform, victim: Browser
) -> None:
    platform_page = to_platform(server, victim, AS_WEB.path())
    victim.open(platform.accepted(platform_page, "the victim", claims={"name": "Victim"}))
    mine = cookie(victim)
    victim.open(asking(AS_WEB, prompt="select_account").path())
    victim.press("another")
    (link,) = [one for one in victim.page.text.split('"') if "/with/platform" in one]
    back = platform.accepted(handle_of(victim.open(link)), "other", claims={"name": "Other"})
    assert "Other" in victim.open(back).text
    assert cookie(victim).partition(".")[0] != mine.partition(".")[0]
    thief = server.browser(cookie=f"vk_session={mine}")
    assert thief.open("/apps").request.url.path == "/sign-in"


def test_no_row_of_the_database_has_the_secret(
    server: Live, platform: Platform, victim: Browser
) -> None:
    handle = to_platform(server, victim, AS_WEB.path())
    secret = platform.accepted(handle, "the victim").rpartition(".")[2]
    assert secret not in str(find(server, Pending, handle))


# Nobody is led elsewhere by what comes back (A12, A69).


def test_a_silent_request_is_no_open_redirector(server: Live, platform: Platform) -> None:
    browser = server.browser()
    browser.open("/sign-in")
    handle = handle_of(browser.open(asking(AS_POST, prompt="none").path()))
    page = browser.open(platform.reject(handle, "login_required").json()["redirect_to"])
    stayed(page)
    assert error_code(page.text) == "login_required"
    handle = handle_of(browser.open(asking(AS_POST, prompt="none").path()))
    page = browser.open(platform.accepted(handle, "who never said yes"))
    stayed(page)
    assert error_code(page.text) == "consent_required"


def test_a_silent_answer_in_another_browser(
    server: Live, platform: Platform, victim: Browser
) -> None:
    """The app gets an error that anyone could send it, and nobody is signed in."""
    attacker = server.browser()
    attacker.open("/sign-in")
    handle = handle_of(attacker.open(asking(AS_WEB, prompt="none").path()))
    page = victim.open(platform.accepted(handle, "the attacker"))
    assert parse_qs(urlsplit(page.headers["location"]).query)["error"] == ["login_required"]
    assert cookie(victim) == ""


@pytest.mark.parametrize(
    "path",
    [
        row("A69", "a foreign address", "/signed-out?logout=https://evil.example"),
        row("A69", "base64", "/signed-out?logout=" + "A" * 200),
        row("A69", "endless", "/signed-out?logout=" + "A" * 9000),
        row("A69", "an unknown handle", "/interaction/restart?interaction=https://evil.example"),
        row("A69", "no handle", "/interaction/restart"),
        row("A69", "nothing", "/interaction/return"),
        row("A69", "an address", "/interaction/return?answer=https://evil.example"),
    ],
)
def test_no_address_leads_elsewhere(path: str, victim: Browser) -> None:
    page = victim.open(path)
    assert "evil.example" not in page.headers.get("location", "")
    assert page.request.url.path == "/signed-out" or page.status_code == 400


def test_a_ticket_of_another_browser_leads_nowhere(
    server: Live, platform: Platform, victim: Browser
) -> None:
    attacker = server.browser()
    handle = to_platform(server, attacker, "/sign-in")
    attacker.open(platform.accepted(handle, "the attacker"))
    attacker.open("/sign-out")
    away = attacker.press("sign-out").headers["location"]
    assert away.startswith(LOGOUT)
    ticket = parse_qs(urlsplit(away).query)["logout"][0]
    page = victim.open(f"/signed-out?logout={ticket}")
    assert page.request.url == f"{server.url}/signed-out"


def test_visitors_cannot_fill_the_store(server: Live) -> None:
    """Interactions of visitors count in the quota: one that nobody answered may go."""
    _, handle = begin_here(server)
    server.run(settle(server.store, lambda: forget(handle)))
    with pytest.raises(AssertionError):
        find(server, Pending, handle)
    _, handle = begin_here(server)
    Platform(server).accepted(handle, "someone")
    server.run(settle(server.store, lambda: forget(handle)))
    assert find(server, Pending, handle).confirmed


def begin_here(server: Live) -> tuple[Browser, str]:
    browser = server.browser()
    return browser, to_platform(server, browser, AS_WEB.path())
