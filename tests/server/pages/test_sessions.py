"""The browsers in which a user is signed in: listed, ended from elsewhere, ended by time."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.attacks.play import every, signed_in
from tests.browser import Browser, forms
from tests.live import Live, live
from tests.server.pages.document import Document

from valetkey.server.accounts.sign_in import see_session
from valetkey.server.accounts.whereabouts import Whereabouts
from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.user import SEEN_STEP, Session
from valetkey.server.pages.account.sessions import SESSIONS
from valetkey.server.store.settle import settle

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("sessions"), unthrottled=("127.0.0.1",)) as running:
        yield running


@pytest.fixture
def miko(server: Live) -> Browser:
    return signed_in(server, "miko")


def page(browser: Browser) -> Document:
    return Document(browser.http.get(SESSIONS).text)


def ended_from(browser: Browser, session: str = "") -> int:
    (form,) = [one for one in forms(browser.http.get(SESSIONS).text) if one.action == SESSIONS]
    data = {"csrf": form.fields["csrf"]} | ({"session": session} if session else {})
    return browser.http.post(SESSIONS, data=data).status_code


def sessions_of(server: Live, username: str) -> list[Session]:
    user = server.users[username].id
    return sorted((one for one in every(server, Session) if one.user == user), key=lambda s: s.id)


def is_signed_in(browser: Browser) -> bool:
    return browser.http.get(SESSIONS).status_code == 200


def test_the_list_has_this_browser_first_and_says_where(server: Live, miko: Browser) -> None:
    other = server.browser()
    other.http.headers["user-agent"] = FIREFOX
    other.open("/sign-in")
    other.sign_in("miko")
    names = [one.text for one in page(other).find("h2")]
    assert names[0] == "Firefox on Linux"
    text = page(other).one("main").text
    assert "This browser" in text
    assert "127.0.0.0/24" in text
    assert [one for one in page(other).find("button") if "session" in one.attributes.values()]


def test_a_session_ends_from_another_browser(server: Live, miko: Browser) -> None:
    other = signed_in(server, "miko")
    name = sessions_of(server, "miko")[-1].id
    assert ended_from(miko, name) == 303
    assert (is_signed_in(miko), is_signed_in(other)) == (True, False)


def test_all_others_end_at_once(server: Live, miko: Browser) -> None:
    others = [signed_in(server, "miko") for _ in range(2)]
    noor = signed_in(server, "noor")
    assert ended_from(miko) == 303
    assert [is_signed_in(one) for one in (miko, *others, noor)] == [True, False, False, True]
    notes = [one.note for one in every(server, Event) if one.kind == "signed-out"]
    assert "elsewhere" in notes


def test_the_session_of_another_user_does_not_end(server: Live, miko: Browser) -> None:
    noor = signed_in(server, "noor")
    assert ended_from(miko, sessions_of(server, "noor")[-1].id) == 303
    assert is_signed_in(noor)


def test_a_session_that_nobody_uses_ends(tmp_path: Path) -> None:
    with live(tmp_path, lifetimes=Lifetimes(session_idle=1)) as server:
        browser = signed_in(server, "miko")
        time.sleep(1.1)
        assert not is_signed_in(browser)


def test_a_session_ends_when_it_is_idle_and_in_any_case() -> None:
    env = Env(1_800_000_000, os.urandom)
    name = ids.owned_id(env, owner=ids.user_id(env))
    one = Session(id=name, digest="", user="", auth_time=0, expires=env.now + 1000)
    used = replace(one, last_active=env.now + 50)
    over = [one.is_over(env.now + 99, idle=100), one.is_over(env.now + 100, idle=100)]
    assert over == [False, True]
    assert [used.is_over(env.now + 149, idle=100), used.is_over(env.now + 150, idle=100)] == over
    assert [one.is_over(env.now + n, idle=10**6) for n in (999, 1000)] == over


def test_its_last_use_is_written_once_in_some_minutes(server: Live) -> None:
    signed_in(server, "miko")
    session = sessions_of(server, "miko")[-1]
    after = session
    where = Whereabouts(device="Chrome on Android", network="192.0.2.0/24")
    for second, seen in ((SEEN_STEP - 1, 0), (SEEN_STEP, SEEN_STEP), (SEEN_STEP + 9, SEEN_STEP)):
        env = Env(session.began + second, os.urandom)
        server.run(settle(server.store, partial(see_session, session.id, where, env)))
        after = next(one for one in sessions_of(server, "miko") if one.id == session.id)
        assert after.last_active - session.began == seen or (after.last_active, seen) == (0, 0)
    assert (after.device, after.network) == ("Chrome on Android", "192.0.2.0/24")
    assert after.version == 2
