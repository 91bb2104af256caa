"""A70: account enumeration.

Attack: An attacker learns from a response, or from its time, which accounts exist.
Defense: The response and the work are the same for unknown names.

The tests don't measure time, because a busy machine would distort it. They count the work: the same
Argon2id parameters, reads and durable writes take the same time.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.play import STEFAPP, asking, change, find
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.audit.caller import NOWHERE, current_caller
from valetkey.server.model.change import Create
from valetkey.server.model.keys import Secret, SigningKey
from valetkey.server.model.query import Many
from valetkey.server.model.user import User

GUESSES = [
    row("A70", "somebody, a wrong password", "miko", "not it"),
    row("A70", "somebody, in capitals", "MIKO", "not it"),
    row("A70", "somebody, a password without end", "miko", "x" * 2000),
    row("A70", "somebody who is disabled, the right password", "noor", PASSWORDS["noor"]),
    row("A70", "somebody without a password", "nopass", "not it"),
    row("A70", "nobody", "nobody", "not it"),
    row("A70", "nobody, a password without end", "nobody", "x" * 2000),
    row("A70", "nobody, a strange name", "'; DROP TABLE users; --", "not it"),
    row("A70", "nobody, an address", "miko@example.org", "not it"),
]
WHERE = ["/sign-in", STEFAPP.path()]


class Work:
    """What the server did for one attempt."""

    def __init__(self, server: Live, patch: pytest.MonkeyPatch) -> None:
        self.done: dict[str, int] = {"read": 0, "commit": 0}
        self.argon2: list[str] = []
        real = password.fits
        for name in self.done:
            patch.setattr(server.store, name, self._counted(name, getattr(server.store, name)))
        patch.setattr(password, "fits", lambda given, kept: self._checked(given, kept, real))

    def _counted(self, name: str, call: Any) -> Any:
        def counted(*args: Any) -> Any:
            # The slow facts are read again once a second, whatever is asked.
            # What a task of the server does beside it is no work for this attempt.
            self.done[name] += current_caller() is not NOWHERE and Many(SigningKey) not in args
            return call(*args)

        return counted

    def _checked(self, given: Secret, kept: str, real: Any) -> bool:
        used = kept or password.UNUSED_HASH
        self.argon2.append(used.rpartition("$")[0].rpartition("$")[0])
        fits: bool = real(given, kept)
        return fits


@pytest.fixture(scope="module", autouse=True)
def _people(server: Live) -> None:
    change(server, find(server, User, server.users["noor"].id), status="disabled")
    server.run(_without_password(server))


async def _without_password(server: Live) -> None:
    user = User(id="0" * 26, username="nopass")
    await server.store.commit((Create(user),))


def _attempt(
    server: Live, where: str, name: str, word: str, work: Work
) -> tuple[int, str, dict[str, int], list[str]]:
    browser = server.browser()
    browser.open(where)
    form = browser.form("sign-in")
    work.done |= {"read": 0, "commit": 0}
    work.argon2.clear()
    sent = {**form.fields, "username": name, "password": word}
    answer = browser.http.post(form.action, data=sent)
    assert name in answer.text or "'" in name
    return answer.status_code, _bare(answer.text), dict(work.done), list(work.argon2)


def _bare(html: str) -> str:
    """The page without the tokens, the name as typed, and the name of the request."""
    html = re.sub(r'name="csrf" value="[^"]*"', "", html)
    html = re.sub(r'data-puzzle="[^"]*"|name="puzzle" value="[^"]*"', "", html)
    html = re.sub(r'(name="username"[^>]*) value="[^"]*"', r"\1", html)
    return re.sub(r"/continue/\w+", "/continue", html)


@pytest.mark.parametrize("where", WHERE, ids=["at home", "for an app"])
@pytest.mark.parametrize("name, word", GUESSES)
def test_the_same_answer_for_the_same_work(
    name: str, word: str, where: str, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(server, monkeypatch)
    status, html, done, argon2 = _attempt(server, where, name, word, work)
    usual = _attempt(server, where, "nobody", "not it", work)
    assert (status, html) == (400, usual[1])
    assert "The username or password is incorrect" in html
    assert argon2 == usual[3] == ["$argon2id$v=19$m=19456,t=2,p=1"]
    assert done == usual[2]
    assert done["commit"] == 1


def test_the_right_password_does_get_in(server: Live) -> None:
    """So that the rows above guess at something."""
    browser = server.browser()
    browser.open("/sign-in")
    assert browser.send("sign-in", username="miko", password=PASSWORDS["miko"]).status_code == 303


@pytest.mark.parametrize("prompt", ["", "login", "none"])
def test_a_hint_tells_nothing(prompt: str, server: Live) -> None:
    pages = []
    for name in ("miko", "noor", "nobody"):
        answer = server.browser().open(asking(STEFAPP, login_hint=name, prompt=prompt).path())
        pages.append((answer.status_code, _bare(answer.text), answer.headers.get("location")))
    assert pages[0] == pages[1] == pages[2]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that slows guessers down."""
    folder: Path = tmp_path_factory.mktemp("strict")
    with live(folder) as server:
        yield server


def test_who_is_slowed_down_learns_nothing_either(strict: Live) -> None:
    seen: dict[str, list[tuple[int, str]]] = {}
    for name in ("miko", "nobody"):
        browser = strict.browser()
        browser.open("/sign-in")
        for _ in range(7):
            browser.press("sign-in", username=name, password="not it")
            text = re.sub(r"\d+ (second|minute)s?|PT\d+S", "some time", _bare(browser.page.text))
            seen.setdefault(name, []).append((browser.page.status_code, text))
    assert seen["miko"] == seen["nobody"]
    assert [status for status, _ in seen["miko"]] == [400] * 5 + [429] * 2


def test_the_time_to_wait_is_told(strict: Live) -> None:
    browser = strict.browser()
    browser.open("/sign-in")
    for _ in range(6):
        browser.press("sign-in", username="somebody else", password="not it")
    assert browser.page.status_code == 429
    assert 0 < int(browser.page.headers["retry-after"]) <= 900
