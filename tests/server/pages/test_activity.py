"""What happened in an account, in words for people: every kind of event, in every language."""

import os
import time
from collections.abc import Iterator
from typing import get_args

import pytest
from tests.attacks.play import signed_in
from tests.live import Live, live
from tests.server.pages.document import Document
from tests.server.pages.preview import document

from valetkey.server.model.environment import Env
from valetkey.server.model.event import Kind, event
from valetkey.server.pages.account import activity
from valetkey.server.pages.account.activity import ACTIVITY
from valetkey.server.pages.locales import LOCALES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("activity"), unthrottled=("127.0.0.1",)) as running:
        yield running


@pytest.mark.parametrize("tag", LOCALES)
def test_every_kind_of_event_has_words(tag: str) -> None:
    page = document("activity-every-kind", tag=tag)
    words = [one.text for one in page.find("b")]
    assert len(words) == len(get_args(Kind))
    lacking = LOCALES[tag].translations.gettext("Something else happened")
    missing = [kind for kind, text in zip(get_args(Kind), words, strict=True) if text == lacking]
    assert missing == [], "templates/activity/words.html"


def items(page: Document) -> list[str]:
    return [one.text for one in page.find("li") if one.parent and one.parent.tag == "ol"]


def test_sign_ins_and_refusals_are_counted_by_the_day(server: Live) -> None:
    browser = signed_in(server, "miko")
    wrong = server.browser()
    wrong.open("/sign-in")
    for _ in range(3):
        wrong.press("sign-in", username="miko", password="not it")
    shown = items(Document(browser.http.get(f"{ACTIVITY}?show=sign-ins").text))
    (refused,) = [one for one in shown if one.startswith("Sign-in refused")]
    assert "3 times that day" in refused
    assert [one for one in shown if one.startswith("Signed in") and "New browser" in one]


def test_a_page_leads_to_the_next(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "PAGE", 3)
    user = server.users["noor"].id
    for n in range(8):
        at = Env(int(time.time()) - 1000 + n, os.urandom)
        one = event(at, "paused", by="user", user=user, client="stefapp", reason=f"number {n}")
        server.run(server.store.commit([], [one]))
    browser, found, address = signed_in(server, "noor"), [], f"{ACTIVITY}?show=apps"
    while address:
        page = Document(browser.http.get(address).text)
        found += [one for one in items(page) if "number" in one]
        address = next((one.attributes["href"] for one in page.find("a", id="more")), "")
    numbers = [int(one.partition("number ")[2][:1]) for one in found]
    assert numbers == [7, 6, 5, 4, 3, 2, 1, 0]


def test_nobody_sees_what_happened_to_others(server: Live) -> None:
    signed_in(server, "noor")
    miko = signed_in(server, "miko")
    assert "number" not in miko.http.get(f"{ACTIVITY}?show=apps").text
    assert miko.http.get(f"{ACTIVITY}?from=../../etc").status_code == 400
