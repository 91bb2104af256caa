"""A156: a sign-in from a country that is new to the account.

Attack: A thief has the password, and perhaps every cookie of a device that the user trusts, and
signs in from far away; or pretends by a header to be near; or teaches the account their country by
failed attempts. An operator's file of countries has hostile texts.
Defense: A trusted device asks for the second factor after all. The user is told, and reads the
country in the history. Only configured proxies say where somebody is, and only whole sign-ins
count. Pages and mails display no text of the file, but names of countries that the server knows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.play import change, every, find
from tests.attacks.test_a73_second_factor import NAME, enrolled, is_signed_in
from tests.browser import Browser
from tests.live import Live, live
from tests.mail_server import mailbox, text
from tests.mmdb import countries
from tests.server.test_notices import until

from valetkey.server.model.event import Event
from valetkey.server.model.user import User
from valetkey.server.settings.accounts import AccountSettings

HOME, AWAY = "203.0.113.7", "198.51.100.7"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return countries(tmp_path / "countries.mmdb", DE="203.0.113.0/24", FR="198.51.100.0/24")


def running(folder: Path, file: Path, **more: Any) -> Iterator[Live]:
    more = {"trusted_proxies": ("127.0.0.1",), "unthrottled": ("0.0.0.0/0",)} | more
    accounts = AccountSettings(countries_file=file, **more.pop("accounts", {}))
    with live(folder, accounts=accounts, **more) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path, file: Path) -> Iterator[Live]:
    yield from running(tmp_path, file)


def at(server: Live, address: str) -> Browser:
    return server.browser(**{"x-forwarded-for": address})


def trusting(server: Live) -> Browser:
    """The user's browser at home, which is trusted, and signed out."""
    mine = at(server, HOME)
    codes = enrolled(server, mine).codes
    mine.open("/sign-out")
    mine.press("sign-out")
    mine.open("/sign-in")
    mine.sign_in(NAME)
    mine.press("continue", code=codes[0], trust="1")
    assert is_signed_in(mine)
    mine.open("/sign-out")
    mine.press("sign-out")
    return mine


def thief_of(browser: Browser, server: Live, address: str = AWAY) -> Browser:
    """Another browser with all cookies of this one."""
    thief = at(server, address)
    for name in ("vk_browser", "vk_known", "vk_trusted"):
        thief.http.cookies.set(name, browser.http.cookies[name])
    thief.open("/sign-in")
    thief.sign_in(NAME)
    return thief


def signs_in(browser: Browser) -> None:
    browser.open("/sign-in")
    browser.sign_in(NAME)


def sign_ins(server: Live, name: str = NAME) -> list[tuple[str, bool]]:
    user = server.users[name].id
    rows = [one for one in every(server, Event) if one.user == user and one.kind == "signed-in"]
    return [(one.country, one.new_country) for one in sorted(rows, key=lambda one: one.at)]


def test_a_stolen_trusted_device_asks_for_the_second_factor(server: Live) -> None:
    mine = trusting(server)
    assert not is_signed_in(thief_of(mine, server)), "it asks for the second factor"
    assert is_signed_in(thief_of(mine, server, HOME)), "the country is what makes the difference"
    signs_in(mine)
    assert is_signed_in(mine), "and its owner is not bothered"
    assert "FR" not in find(server, User, server.users[NAME].id).countries


def test_where_the_operator_wants_a_notice_alone(tmp_path: Path, file: Path) -> None:
    for server in running(tmp_path, file, accounts={"new_country": "notice"}):
        assert is_signed_in(thief_of(trusting(server), server))
        assert ("FR", True) in sign_ins(server)


def test_the_user_is_told_and_reads_it(tmp_path: Path, file: Path) -> None:
    with mailbox() as box:
        for server in running(tmp_path, file, mail=box.settings):
            change(
                server, find(server, User, server.users[NAME].id), email_verified=True, created=1
            )
            mine = at(server, HOME)
            signs_in(mine)
            mine.http.headers["x-forwarded-for"] = AWAY
            for _ in range(2):
                mine.open("/sign-out")
                mine.press("sign-out")
                signs_in(mine)
            until(lambda: len(box.mails) >= 2)
            subjects = [mail["subject"] for mail in box.mails]
            assert subjects == [
                "New sign-in to your valetkey account",
                "Sign-in to your valetkey account from another country",
            ], "once, as it is known then"
            assert "Country: Germany" in text(box.mails[0])
            assert "Country: France" in text(box.mails[1])
            activity = mine.open("/activity?show=sign-ins").text
            assert "France" in activity
            assert activity.count("New country") == 1
            assert "France" in mine.open("/security/sessions").text
            for shown in (activity, *(str(mail) for mail in box.mails)):
                assert "Nowhere" not in shown
                assert "evil.example" not in shown
            assert sorted(sign_ins(server)) == [("DE", False), ("FR", False), ("FR", True)]


def test_a_header_of_a_stranger_says_nothing(tmp_path: Path, file: Path) -> None:
    for server in running(tmp_path, file, trusted_proxies=()):
        signs_in(at(server, HOME))
        assert sign_ins(server) == [("", False)]


def test_the_nearest_proxy_says_where_somebody_is(server: Live) -> None:
    signs_in(at(server, HOME))
    signs_in(at(server, f"{HOME}, {AWAY}"))
    assert sorted(sign_ins(server)) == [("DE", False), ("FR", True)]


def test_failed_attempts_teach_nothing(server: Live) -> None:
    signs_in(at(server, HOME))
    thief = at(server, AWAY)
    for _ in range(3):
        thief.open("/sign-in")
        thief.press("sign-in", username=NAME, password="not it")
    assert list(find(server, User, server.users[NAME].id).countries) == ["DE"]
    assert all(
        one.country == "" for one in every(server, Event) if one.kind == "sign-in-refused"
    ), "nothing about a stranger belongs to the user"


@pytest.mark.parametrize("content", [b"", b"no database", b"\xab\xcd\xefMaxMind.com"])
def test_a_broken_file_costs_no_sign_in(content: bytes, server: Live, file: Path) -> None:
    file.write_bytes(content)
    mine = at(server, HOME)
    signs_in(mine)
    assert is_signed_in(mine)
    assert sign_ins(server) == [("", False)]
