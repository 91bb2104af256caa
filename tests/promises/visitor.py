"""A user at a browser: signs in and out, and finds the app among the connected apps."""

import re

import httpx2
from tests.browser import Browser
from tests.promises.client import client, expect
from tests.promises.ledger import Ledger, Unavailable, Violation


class Profile(Browser):
    """A browser whose user takes a 503 for what it is. Raises Unavailable."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.http.close()
        self.http = client(url)

    def send(self, button: str, *, boxes: set[str] | None = None, **fields: str) -> httpx2.Response:
        return _answered(super().send(button, boxes=boxes, **fields))

    def _follow(self, response: httpx2.Response) -> httpx2.Response:
        return _answered(super()._follow(response))


class Visitor:
    """A browser profile of one user, who signs in where it is asked and sometimes out."""

    def __init__(self, name: str, word: str, *, url: str, ledger: Ledger) -> None:
        self.browser = Profile(url)
        self._name, self._word, self._ledger = name, word, ledger
        self._key = f"session of {name}"
        self._over: list[str] = []

    def signed_in(self) -> None:
        """Signs in where the page asks for it, which it does unless the browser is signed in."""
        asked = 'id="sign-in"' in self.browser.page.text
        shown = frozenset({None if asked else "open"})
        self._ledger.seen(self._key, shown, f"the page asks to sign in: {asked}")
        if not asked:
            return
        with self._ledger.asking(self._key, "sign_in", after="open"):
            reply = self.browser.send("sign-in", username=self._name, password=self._word)
            expect(reply, 303)
        self.browser.open(reply.headers["location"])

    def sign_out(self) -> None:
        """Signs out; somebody has copied the cookie before."""
        self.browser.open("/apps")
        self.signed_in()
        cookie = self.browser.http.cookies["vk_session"]
        self.browser.open("/sign-out")
        with self._ledger.asking(self._key, "sign_out", after=None):
            expect(self.browser.send("sign-out"), 303)
        self._over.append(cookie)

    def check(self) -> None:
        """Brings the copied cookies. Raises Violation where one opens a page, Unavailable where
        that is not told."""
        for cookie in self._over:
            with Browser(self.browser.url, cookie=f"vk_session={cookie}").http as thief:
                told = _answered(thief.get("/apps")).headers.get("location", "")
                if not told.startswith("/sign-in"):
                    raise Violation(f"{self._key}: it is over, and opens a page")

    def find_app(self) -> bool:
        """Opens the page of the connected app; whether there is one. Raises Violation where the
        list has it, and it has no page: nobody else changes anything."""
        self.browser.open("/apps")
        self.signed_in()
        links = re.findall(r'href="(/apps/\w+)"', self.browser.page.text)
        if links and self.browser.open(links[0]).status_code == 404:
            raise Violation(f"{links[0]} is a connected app, and then it is not")
        return bool(links)


def _answered(reply: httpx2.Response) -> httpx2.Response:
    if reply.status_code == 503:
        raise Unavailable(reply.request.url.path)
    return reply
