"""A no before anybody has signed in: the app is told, and nothing else happens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.attacks.play import AS_POST, AS_WEB, STEFAPP, asking, every
from tests.browser import Asking, Browser, authorize, error_code, forms
from tests.live import Live, live
from tests.rows import row
from tests.server.pages.document import Document

from valetkey.server.model.grant import Grant
from valetkey.server.model.user import Session


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("declining")
    with live(folder, unthrottled=("127.0.0.0/8",), enable=("sign-up",)) as server:
        yield server


def outside(server: Live) -> Browser:
    return server.browser()


def inside(server: Live) -> Browser:
    """A browser in which Miko is signed in."""
    browser = server.browser()
    authorize(browser, AS_WEB)
    return browser


PAGES: list[Any] = [
    row("3.1.2.6", "signing in", outside, AS_WEB, "sign-in"),
    row("3.1.2.6", "proving it once more", inside, asking(AS_WEB, prompt="login"), "sign-in"),
    row("3.1.2.6", "choosing", inside, asking(AS_WEB, prompt="select_account"), "another"),
    row("3.1.2.6", "signing up", outside, asking(AS_WEB, prompt="create"), "sign-up"),
    row("3.1.2.6", "a native app", outside, STEFAPP, "sign-in"),
    row("3.1.2.6", "an app that nobody checked", outside, AS_POST, "sign-in"),
]


@pytest.mark.parametrize("browser, app, button", PAGES)
def test_the_app_is_told_no(
    server: Live, browser: Callable[[Live], Browser], app: Asking, button: str
) -> None:
    before = browser(server)
    grants, sessions = every(server, Grant), every(server, Session)
    before.open(app.path())
    waiting = before.page.request.url.path
    assert button in str(forms(before.page.text))
    answer = before.press("decline")
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    assert location._replace(query="").geturl() == app.redirect_uri
    assert before.answer() == {
        "error": "access_denied",
        "error_description": before.answer()["error_description"],
        "state": app.state,
        "iss": server.issuer,
    }
    assert (every(server, Grant), every(server, Session)) == (grants, sessions)
    assert before.open(waiting).status_code == 400


@pytest.mark.parametrize(
    "app, words",
    [
        row("9700 4.11.2", "a web app", AS_POST, "Cancel and go back to post.example"),
        row("9700 4.11.2", "a native app", STEFAPP, "Cancel and go back to the app"),
    ],
)
def test_it_says_where_it_leads(server: Live, app: Asking, words: str) -> None:
    page = server.browser().open(app.path())
    assert Document(page.text).one(id="decline").text == words


def test_a_no_twice_is_the_same_no(server: Live) -> None:
    browser = server.browser()
    browser.open(AS_WEB.path())
    first, second = browser.send("decline"), browser.send("decline")
    assert first.headers["location"] == second.headers["location"]
    assert browser.press("sign-in", username="miko", password="x").status_code == 400


def test_it_travels_as_the_app_asked(server: Live) -> None:
    browser = server.browser()
    browser.open(asking(AS_WEB, response_mode="form_post").path())
    page = browser.press("decline")
    (form,) = forms(page.text)
    assert form.action == AS_WEB.redirect_uri
    assert (form.fields["error"], form.fields["state"]) == ("access_denied", AS_WEB.state)
    assert form.fields["iss"] == server.issuer


def test_a_pushed_request_is_over(server: Live) -> None:
    pushed = server.http.post("/par", data=STEFAPP.parameters()).json()["request_uri"]
    path = f"/authorize?client_id=stefapp&request_uri={pushed}"
    browser = server.browser()
    browser.open(path)
    assert browser.press("decline").status_code == 303
    assert error_code(browser.open(path).text) == "invalid_request_uri"


def test_a_device_is_told_no(server: Live) -> None:
    asked = server.http.post(
        "/device_authorization", data={"client_id": "tv", "scope": "openid"}
    ).json()
    browser = server.browser()
    browser.open(asked["verification_uri_complete"])
    browser.press("continue")
    browser.press("confirm")
    page = browser.press("decline")
    assert page.status_code == 200
    assert "Not connected" in page.text
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "tv",
        "device_code": asked["device_code"],
    }
    assert server.http.post("/token", data=form).json()["error"] == "access_denied"


def test_the_users_own_pages_have_nobody_to_tell(server: Live) -> None:
    assert 'id="decline"' not in server.browser().open("/sign-in").text


def test_it_counts_before_a_password_is_looked_at(tmp_path: Path) -> None:
    """Whoever is throttled can still say no."""
    with live(tmp_path) as server:
        browser = server.browser()
        browser.open(AS_WEB.path())
        for _ in range(30):
            browser.press("sign-in", username="miko", password="wrong")
            if browser.page.status_code == 429:
                break
        assert browser.page.status_code == 429
        assert browser.press("decline").status_code == 303
