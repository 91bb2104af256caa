"""A13: form content in a redirect (RFC 9700 4.12).

Attack: A redirect makes the browser post a password again, to another address.
Defense: After a form, the server redirects with 303, so the browser drops the form.
"""

import httpx2
from tests.attacks.play import AS_WEB, STEFAPP, asking
from tests.browser import Browser
from tests.live import Live


class Watched:
    """A browser, and what each form that it sent was answered with."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.posts: dict[str, int] = {}
        browser.http.event_hooks = {"response": [self._seen]}

    def _seen(self, response: httpx2.Response) -> None:
        request = response.request
        if request.method == "POST" and response.status_code < 400:
            self.posts[request.url.path.rpartition("/")[2]] = response.status_code
            assert "location" in response.headers or response.status_code == 200
        if response.is_redirect:
            assert response.status_code == 303, request.url


def test_every_form_is_answered_by_303(server: Live) -> None:
    watched = Watched(server.browser())
    browser = watched.browser
    browser.open("/sign-in")
    browser.sign_in()
    browser.open("/sign-out")
    browser.press("sign-out")
    assert watched.posts == {"sign-in": 303, "sign-out": 303}

    watched.posts.clear()
    browser.open(STEFAPP.path())
    browser.sign_in()
    browser.press("allow")
    assert "code=" in browser.page.headers["location"]
    browser.open(AS_WEB.path())
    browser.press("cancel")
    assert "access_denied" in browser.page.headers["location"]
    assert watched.posts == {"sign-in": 303, "consent": 303}

    watched.posts.clear()
    posted = browser.http.post("/authorize", data=AS_WEB.parameters())
    assert posted.status_code == 303
    browser.open(posted.headers["location"])
    browser.http.post(browser.form("").action, data=browser.form("").fields)
    assert browser.http.cookies.get("vk_session") is None
    refused = browser.http.post("/authorize", data=asking(AS_WEB, scope="no.such").parameters())
    assert "invalid_scope" in refused.headers["location"]
    assert watched.posts == {"authorize": 303, "switch": 303}


def test_every_button_of_an_app_is_answered_by_303(server: Live) -> None:
    watched = Watched(server.browser())
    browser = watched.browser
    browser.open(STEFAPP.path())
    browser.sign_in("noor")
    browser.press("allow")
    browser.open("/apps")
    (grant,) = {link for link in browser.page.text.split('"') if link.startswith("/apps/")}
    watched.posts.clear()
    for button in ("save", "pause", "resume", "stop"):
        browser.open(grant)
        browser.press(button)
        assert watched.posts == {grant.rpartition("/")[2]: 303}, button
    assert browser.page.url.path == f"{grant}/stop"
    browser.press("stop")
    assert watched.posts["stop"] == 303


def test_no_endpoint_for_machines_redirects(server: Live) -> None:
    for path in ("/token", "/par", "/introspect", "/revoke", "/userinfo"):
        assert not server.http.post(path, data=STEFAPP.parameters()).is_redirect
