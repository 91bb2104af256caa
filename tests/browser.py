"""A browser without a screen: real cookies, real forms, no script."""

import re
import ssl
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
import msgspec
from tests.installation import LOOPBACK, PASSWORDS

from valetkey.wire import pkce

PATIENCE = 60.0
"""Seconds for an answer, on a machine that is busy with other tests."""

CALLBACK = LOOPBACK.replace("127.0.0.1", "127.0.0.1:49152")


class Form(msgspec.Struct):
    """A form on a page: where it goes, what it sends by itself, its boxes and its buttons.
    `sensitive` are boxes that only the user ticks."""

    action: str
    fields: dict[str, str] = {}
    boxes: dict[str, bool] = {}
    sensitive: set[str] = set()
    buttons: dict[str, tuple[str, str]] = {}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(have.get("action", ""), {}, {}, set(), {}))
            self.inside = True
        elif self.inside and tag == "input" and have.get("type") == "checkbox":
            if "disabled" not in have:
                self.forms[-1].boxes[have["value"]] = "checked" in have
                if "data-sensitive" in have:
                    self.forms[-1].sensitive.add(have["value"])
        elif self.inside and tag == "input" and "name" in have:
            self.forms[-1].fields[have["name"]] = have.get("value", "")
        elif self.inside and tag == "button":
            key = have.get("id") or have.get("value", "")
            self.forms[-1].buttons[key] = (have.get("name", ""), have.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False


@lru_cache(maxsize=64)
def forms(html: str) -> list[Form]:
    """The forms on a page. They are shared: change none."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


class Browser:
    """One browser profile: cookies are kept, redirects are followed within the server only."""

    def __init__(self, url: str, trust: ssl.SSLContext | None = None, /, **headers: str) -> None:
        self.url = url
        # On plain http no certificate is read: that would be most of a browser's cost.
        self.http = httpx2.Client(
            base_url=url, headers=headers, verify=trust or False, timeout=PATIENCE
        )
        self.page = httpx2.Response(204)

    def open(self, path: str) -> httpx2.Response:
        """Goes there, and on through the server's own redirects. The last response is `page`."""
        return self._follow(self.http.get(urljoin(self.url, path)))

    def form(self, button: str) -> Form:
        """The form on the page that has this button, by its id or else its value."""
        found = [form for form in forms(self.page.text) if button in form.buttons]
        said = self.page.status_code, error_code(self.page.text)
        assert found, f"no button {button} at {self.page.request.url.path}, but {said}"
        return found[0]

    def press(
        self, button: str, *, boxes: set[str] | None = None, **fields: str
    ) -> httpx2.Response:
        """Fills a form in, sends it by one of its buttons, and goes where it leads. `boxes` are
        those to tick; without them, all that the page has ticked, and all that is sensitive."""
        return self._follow(self.send(button, boxes=boxes, **fields))

    def send(self, button: str, *, boxes: set[str] | None = None, **fields: str) -> httpx2.Response:
        """Fills a form in and sends it by one of its buttons; the reply itself."""
        form = self.form(button)
        ticked = boxes
        if ticked is None:
            ticked = {one for one, on in form.boxes.items() if on} | form.sensitive
        name, value = form.buttons[button]
        sent: dict[str, str | list[str]] = {**form.fields, **fields}
        if name:
            sent[name] = value
        sent["permission"] = sorted(ticked)
        return self.http.post(form.action or str(self.page.url), data=sent)

    def sign_in(self, username: str = "miko", password: str | None = None) -> httpx2.Response:
        """Fills in the sign-in form that is shown."""
        word = PASSWORDS[username] if password is None else password
        return self.press("sign-in", username=username, password=word)

    def answer(self) -> dict[str, str]:
        """The parameters with which the browser was sent back to the app."""
        location = self.page.headers["location"]
        found = parse_qs(urlsplit(location).query, strict_parsing=True)
        return {name: values[0] for name, values in found.items()}

    def _follow(self, response: httpx2.Response) -> httpx2.Response:
        hops = 0
        while response.is_redirect and self._own(response.headers["location"]):
            hops += 1
            assert hops < 20, "redirects go round in circles"
            response = self.http.get(response.headers["location"])
        self.page = response
        return response

    def _own(self, location: str) -> bool:
        return location.startswith(("/", self.url))


class Asking(msgspec.Struct):
    """What an app asks with; `verifier` is the PKCE verifier behind the challenge."""

    client_id: str = "stefapp"
    redirect_uri: str = CALLBACK
    scope: str = "openid profile chirps offline_access"
    state: str = "a state"
    nonce: str = "a nonce"
    verifier: str = pkce.verifier(b"v" * 32)
    more: dict[str, str] = {}

    def parameters(self) -> dict[str, str]:
        """The authorization request's parameters; one that is "" is left out."""
        all_ = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": pkce.challenge(self.verifier) if self.verifier else "",
            "code_challenge_method": "S256" if self.verifier else "",
            **self.more,
        }
        return {name: value for name, value in all_.items() if value}

    def path(self) -> str:
        """The address to open in the browser."""
        return f"/authorize?{urlencode(self.parameters())}"

    def redemption(self, code: str) -> dict[str, str]:
        """The form that redeems a code."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return {name: value for name, value in form.items() if value}


def authorize(browser: Browser, asking: Asking, *, username: str = "miko") -> str:
    """Plays the user through sign-in and consent, as far as each is asked; the code."""
    browser.open(asking.path())
    if 'id="sign-in"' in browser.page.text:
        browser.sign_in(username)
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    return browser.answer()["code"]


def error_code(html: str) -> str:
    """The registered code on an error page."""
    found = re.search(r'id="error-code"[^>]*>([^<]+)<', html)
    return found.group(1).strip() if found else ""
