"""A73: a second factor is bypassed.

Attack: Someone who has the password uses a code again, guesses codes, skips the second stage,
removes the factor, or replays a device that is trusted.
Defense: A code counts once. Guesses are limited. There is no session before all stages. A change of
factors takes a fresh proof at their level, and ends other sessions and all trust.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pyotp
import pytest
from tests.attacks.play import asking, change, cookie, every
from tests.browser import Browser
from tests.live import Live, live

from valetkey.server.model.factor import Factor
from valetkey.server.model.user import Session, User

NAME = "noor"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as server:
        yield server


class Enrolled(NamedTuple):
    """An authenticator, its first code, which is used, and the recovery codes."""

    totp: pyotp.TOTP
    used: str
    codes: list[str]


def enrolled(server: Live, browser: Browser) -> Enrolled:
    """Signs the user in, and sets up an authenticator."""
    browser.open("/sign-in")
    browser.sign_in(NAME)
    browser.open("/security/authenticator")
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret is not None
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    used = totp.now()
    page = browser.press("confirm", code=used, name="Phone").text
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    assert len(codes) == 10
    return Enrolled(totp, used, codes)


def forget(server: Live) -> None:
    """Lets the codes of now count again: a test doesn't wait for the next ones."""
    for factor in every(server, Factor):
        if factor.kind == "totp":
            change(server, factor, counter=0)


def is_signed_in(browser: Browser) -> bool:
    return "Sign out" in browser.open("/apps").text


def sessions(server: Live) -> list[Session]:
    return [one for one in every(server, Session) if one.user == server.users[NAME].id]


def at_second_stage(server: Live) -> Browser:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in(NAME)
    assert 'id="code"' in browser.page.text
    return browser


def removal(browser: Browser) -> httpx2.Response:
    """Sends the form that removes the authenticator."""
    page = browser.open("/security").text
    name = re.search(r'name="factor" value="([^"]+)"', page)
    token = re.search(r'action="/security/remove">\s*<input[^>]*value="([^"]+)"', page)
    assert name is not None
    assert token is not None
    return browser.http.post("/security/remove", data={"csrf": token[1], "factor": name[1]})


def test_a_code_counts_once(server: Live) -> None:
    mine = enrolled(server, server.browser())
    thief = at_second_stage(server)
    assert thief.press("continue", code=mine.used).status_code == 400
    assert not is_signed_in(thief)
    forget(server)
    owner, code = at_second_stage(server), mine.totp.now()
    owner.press("continue", code=code)
    assert is_signed_in(owner)
    again = at_second_stage(server)
    assert again.press("continue", code=code).status_code == 400


def test_there_is_no_session_before_all_stages(server: Live) -> None:
    mine = server.browser()
    enrolled(server, mine)
    before = len(sessions(server))
    thief = at_second_stage(server)
    assert len(sessions(server)) == before
    assert "vk_session" not in thief.http.cookies
    assert not is_signed_in(thief)
    thief.open(asking().path())
    thief.sign_in(NAME)
    assert 'id="code"' in thief.page.text
    pending = thief.form("continue").fields["stage"]
    assert pending
    assert 'id="allow"' not in thief.open(str(thief.page.url)).text


def test_a_stage_belongs_to_its_browser(server: Live) -> None:
    codes = enrolled(server, server.browser()).codes
    stolen = at_second_stage(server).form("continue").fields["stage"]
    other = at_second_stage(server)
    other.press("continue", stage=stolen, code=codes[0])
    assert not is_signed_in(other)


def test_a_stage_ends_with_the_password(server: Live) -> None:
    codes = enrolled(server, server.browser()).codes
    thief = at_second_stage(server)
    (user,) = [one for one in every(server, User) if one.username == NAME]
    change(server, user, password=user.password[:-4] + "AAAA")
    thief.press("continue", code=codes[0])
    assert not is_signed_in(thief)


def test_guesses_are_limited_and_a_recovery_code_is_the_way_through(server: Live) -> None:
    codes = enrolled(server, server.browser()).codes
    thief = at_second_stage(server)
    answers = [thief.press("continue", code=f"{guess:06}").status_code for guess in range(12)]
    assert answers[:9] == [400] * 9
    assert 429 in answers
    owner = at_second_stage(server)
    assert owner.press("continue", code="123456").status_code == 429
    owner.press("continue", code=codes[0].upper())
    assert is_signed_in(owner)
    again = at_second_stage(server)
    assert again.press("continue", code=codes[0]).status_code == 400


def test_a_factor_goes_only_with_its_own_proof(server: Live) -> None:
    mine = server.browser()
    codes = enrolled(server, mine).codes
    (session,) = sessions(server)
    # A session that has proved a password only, as one from before.
    change(server, session, amr=("pwd",), acr="")
    answer = removal(mine)
    assert answer.headers["location"] == "/sign-in?next=/security&again=1"
    assert {one.kind for one in every(server, Factor)} == {"totp", "recovery"}
    mine.open(answer.headers["location"])
    mine.press("continue", code=codes[0])
    removal(mine)
    assert not every(server, Factor)


def test_trust_is_no_proof_and_ends_with_the_factors(server: Live) -> None:
    mine = server.browser()
    codes = enrolled(server, mine).codes
    device = at_second_stage(server)
    device.press("continue", code=codes[0], trust="1")
    assert is_signed_in(device)
    trusted = cookie(device, "vk_trusted")
    device.open("/sign-out")
    device.press("sign-out")
    device.open("/sign-in")
    device.sign_in(NAME)
    assert is_signed_in(device), "a trusted device asks for no code"
    assert 'id="code"' in device.open("/security/authenticator").text, "but is no proof"
    # In another browser the same cookie is worth nothing.
    thief = server.browser()
    thief.http.cookies.set("vk_trusted", trusted)
    thief.open("/sign-in")
    thief.sign_in(NAME)
    assert 'id="code"' in thief.page.text
    # Nor here after a change of factors.
    other = at_second_stage(server)
    other.press("continue", code=codes[1])
    other.open("/security/authenticator")
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', other.page.text)
    assert secret is not None
    code = pyotp.TOTP(secret[1].replace(" ", "")).at(int(time.time()))
    other.press("confirm", code=code, name="Second")
    assert not is_signed_in(device), "the other sessions ended"
    device.open("/sign-in")
    device.sign_in(NAME)
    assert 'id="code"' in device.page.text


def test_an_enrolment_takes_a_code_and_a_fresh_proof(server: Live) -> None:
    mine = server.browser()
    mine.open("/sign-in")
    mine.sign_in(NAME)
    mine.open("/security/authenticator")
    assert mine.press("confirm", code="000000").status_code == 400
    assert not every(server, Factor)
    (session,) = sessions(server)
    change(server, session, auth_time=session.auth_time - 601)
    assert 'id="sign-in"' in mine.open("/security/authenticator").text
