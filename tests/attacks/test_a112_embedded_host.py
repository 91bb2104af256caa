"""A112: the word of an embedded server's host on its users is ignored, or stops everybody.

Attack: A user whose account the host has disabled goes on with their tokens, or a host that fails
makes the server allow or forget them.
Defense: The host is asked when tokens are issued and checked. Without an answer the server refuses
for now, and apps keep what they have.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from tests.attacks.play import AS_WEB
from tests.embedded.inside import Inside, inside
from tests.embedded.test_host_way import ask
from tests.installation import SECRETS
from tests.rows import row

from valetkey.embedded import SignedInUser
from valetkey.server.settings.outside import HOST_SECONDS

ASKED: list[str] = []
SAYS: dict[str, Callable[[], Any]] = {}


async def still_allowed(subject: str) -> Any:
    """What the test says."""
    ASKED.append(subject)
    return SAYS.get(subject, lambda: True)()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(tmp_path_factory.mktemp("inside"), still_allowed=still_allowed) as running:
        yield running


class Connected:
    """An app with tokens of a user, and a code that is still good."""

    def __init__(self, host: Inside, subject: str) -> None:
        self.host, self.subject = host, subject
        self.tokens: dict[str, Any] = self._post(AS_WEB.redemption(self._code())).json()
        self._next = self._code()

    def _code(self) -> str:
        browser = ask(self.host, SignedInUser(subject=self.subject))
        if 'id="allow"' in browser.page.text:
            browser.press("allow")
        return browser.answer()["code"]

    def _post(self, form: dict[str, str], path: str = "/token") -> httpx2.Response:
        return self.host.http.post(path, data=form, auth=("web", SECRETS["web"]))

    def host_says(self, answer: Callable[[], Any]) -> None:
        """From now on; older answers count no more."""
        SAYS[self.subject] = answer
        time.sleep(HOST_SECONDS + 0.1)

    def seen(self) -> dict[str, str]:
        """What each endpoint answers."""
        access = self.tokens["access_token"]
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        refreshed = self._post(form)
        if refreshed.is_success:
            self.tokens = refreshed.json()
        known = self.host.http.post(
            "/introspect", data={"token": access}, auth=("chirp", SECRETS["chirp"])
        )
        info = self.host.http.get("/userinfo", headers={"authorization": f"Bearer {access}"})
        return {
            "code": _word(self._post(AS_WEB.redemption(self._next))),
            "refresh": _word(refreshed),
            "introspection": str(known.json()["active"]) if known.is_success else _word(known),
            "userinfo": _word(info),
        }

    def renew_code(self) -> None:
        self._next = self._code()


def _word(answer: httpx2.Response) -> str:
    document = answer.json()
    return f"{document.get('error', 'ok')} {document.get('reason', '')}".strip()


ALLOWED = {"code": "ok", "refresh": "ok", "introspection": "True", "userinfo": "ok"}
REFUSED = {
    "code": "invalid_grant account_disabled",
    "refresh": "invalid_grant account_disabled",
    "introspection": "False",
    "userinfo": "invalid_token",
}
SILENT = dict.fromkeys(ALLOWED, "temporarily_unavailable")


def test_who_is_disabled_at_the_host_is_refused_and_comes_back(host: Inside) -> None:
    miko, noor = Connected(host, "101"), Connected(host, "102")
    miko.host_says(lambda: False)
    assert miko.seen() == REFUSED
    assert noor.seen() == ALLOWED
    miko.host_says(lambda: True)
    miko.renew_code()
    assert miko.seen() == ALLOWED


def fail() -> bool:
    raise OSError("the host's database is down")


@pytest.mark.parametrize(
    "answer",
    [
        row("A112", "it fails", fail),
        row("A112", "nothing", lambda: None),
        row("A112", "a text", lambda: "yes"),
        row("A112", "a number", lambda: 1),
    ],
)
def test_without_an_answer_it_refuses_for_now(host: Inside, answer: Callable[[], Any]) -> None:
    miko = Connected(host, "103")
    miko.host_says(answer)
    assert miko.seen() == SILENT
    miko.host_says(lambda: True)
    miko.renew_code()
    assert miko.seen() == ALLOWED


def test_a_stranger_cannot_make_it_ask(host: Inside) -> None:
    miko = Connected(host, "104")
    time.sleep(HOST_SECONDS + 0.1)
    ASKED.clear()
    access = miko.tokens["access_token"]
    host.http.post("/introspect", data={"token": access})
    host.http.get("/userinfo", headers={"authorization": f"Bearer {access[:-4]}AAAA"})
    host.http.post("/token", data={"grant_type": "refresh_token", "refresh_token": "x" * 40})
    assert ASKED == []
