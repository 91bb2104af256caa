"""Step-up: an app asks for more than a session has, and the user proves only what is missing."""

import re
import time
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

import pyotp
import pytest
from msgspec.structs import replace
from tests.attacks.play import STEFAPP, asking, change, claims, every, find, redeem, sent_back
from tests.browser import Browser
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.assurance import PASSWORD, PHISHING_RESISTANT, TWO_FACTORS
from valetkey.server.model.change import Remove
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import Session

Page: TypeAlias = Literal["password", "code", "consent", "app"]
"""What the user sees: the sign-in page, the page for a second factor alone, the consent page, or
the app again."""

ESSENTIAL: Final = '{"id_token": {"acr": {"essential": true, "value": "%s"}}}'
LONG_AGO: Final = 3600
PLAIN, SENSITIVE = "openid chirps", "openid chirps.read dms.send"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("step-up"), unthrottled=("127.0.0.1",)) as server:
        yield server


class People(NamedTuple):
    """Noor has an authenticator, of which this is the key; miko has none."""

    totp: pyotp.TOTP


@pytest.fixture(scope="module")
def people(server: Live) -> People:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("noor")
    browser.open("/security/authenticator")
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret is not None
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    browser.press("confirm", code=totp.now(), name="Phone")
    return People(totp)


def code(server: Live, people: People) -> str:
    """The code of now, which counts again: a test doesn't wait for the next one."""
    for factor in every(server, Factor):
        if factor.kind == "totp":
            change(server, factor, counter=0)
    return people.totp.now()


def signed_in(server: Live, people: People, name: str) -> Browser:
    """A browser with the only session, after all stages. No app has anything."""
    rows = (*every(server, Session), *every(server, Grant))
    server.run(server.store.commit([Remove(one) for one in rows]))
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in(name)
    if 'id="code"' in browser.page.text:
        browser.press("continue", code=code(server, people))
    assert "Sign out" in browser.page.text
    return browser


def only_session(server: Live) -> Session:
    (session,) = every(server, Session)
    return session


def page_of(browser: Browser) -> Page:
    html = browser.page.text
    if 'id="password"' in html:
        return "password"
    if 'id="code"' in html:
        return "code"
    return "consent" if 'id="allow"' in html else "app"


# Who, the age of the session, its level, what the app sends, which scope, and the pages in order.
ROWS = [
    row("RFC 9470 5", "two factors, and that is asked", "noor", 0, "", {"acr_values": TWO_FACTORS},
        PLAIN, ["consent"]),
    row("RFC 9470 5", "a password, and two factors are liked", "noor", 0, PASSWORD,
        {"acr_values": TWO_FACTORS}, PLAIN, ["code", "consent"]),
    row("RFC 9470 5", "an old password, and two factors are liked", "noor", LONG_AGO, PASSWORD,
        {"acr_values": TWO_FACTORS}, PLAIN, ["code", "consent"]),
    row("Core 5.5.1.1", "a password, and two factors are essential", "noor", 0, PASSWORD,
        {"claims": ESSENTIAL % TWO_FACTORS}, PLAIN, ["code", "consent"]),
    row("Core 5.5.1.1", "a level out of reach is no dead end", "noor", 0, "",
        {"claims": ESSENTIAL % PHISHING_RESISTANT}, PLAIN, ["password"]),
    row("Core 5.5.1.1", "essential, and no factor to prove", "miko", 0, "",
        {"claims": ESSENTIAL % TWO_FACTORS}, PLAIN, ["password"]),
    row("Core 3.1.2.1", "max_age, and two factors of long ago", "noor", LONG_AGO, "",
        {"max_age": "60"}, PLAIN, ["code", "consent"]),
    row("Core 3.1.2.1", "max_age, and a password of long ago", "miko", LONG_AGO, "",
        {"max_age": "60"}, PLAIN, ["password", "consent"]),
    row("Core 3.1.2.1", "max_age that is met", "noor", 30, "", {"max_age": "60"}, PLAIN,
        ["consent"]),
    row("Core 3.1.2.1", "max_age of nothing is a new sign-in", "noor", 0, "", {"max_age": "0"},
        PLAIN, ["password", "code", "consent"]),
    row("Core 3.1.2.1", "so is prompt=login", "noor", LONG_AGO, "", {"prompt": "login"}, PLAIN,
        ["password", "code", "consent"]),
    row("PEOPLE 4", "a sensitive permission, two factors just now", "noor", 0, "", {}, SENSITIVE,
        ["consent"]),
    row("PEOPLE 4", "a sensitive permission, two factors of long ago", "noor", LONG_AGO, "", {},
        SENSITIVE, ["code", "consent"]),
    row("PEOPLE 4", "a sensitive permission, a password on a trusted device", "noor", 0, PASSWORD,
        {}, SENSITIVE, ["code", "consent"]),
    row("PEOPLE 4", "a sensitive permission, a password of long ago", "miko", LONG_AGO, "", {},
        SENSITIVE, ["password", "consent"]),
    row("PEOPLE 4", "a sensitive permission, a password just now", "miko", 0, "", {}, SENSITIVE,
        ["consent"]),
    row("PEOPLE 4", "an ordinary permission, a session of long ago", "noor", LONG_AGO, "", {},
        PLAIN, ["consent"]),
]  # fmt: skip


@pytest.mark.parametrize("name,age,level,sends,scope,pages", ROWS)
def test_only_what_is_missing(
    name: str,
    age: int,
    level: str,
    sends: dict[str, str],
    scope: str,
    pages: list[Page],
    server: Live,
    people: People,
) -> None:
    browser = signed_in(server, people, name)
    session = only_session(server)
    aged = {"auth_time": session.auth_time - age}
    only = {"amr": ("pwd",), "acr": ""} if level == PASSWORD else {}
    change(server, session, **aged, **only)
    request = replace(STEFAPP, scope=scope, more={"prompt": "consent"} | sends)
    asked_at = int(time.time())
    browser.open(request.path())
    seen = [page_of(browser)]
    while seen[-1] in {"password", "code"} and len(seen) < len(pages):
        if seen[-1] == "password":
            browser.sign_in(name)
        else:
            browser.press("continue", code=code(server, people))
        seen.append(page_of(browser))
    assert seen == pages
    if pages[-1] != "consent":
        return
    browser.press("allow")
    answer = redeem(server, sent_back(browser.page)["code"]).json()
    said = claims(answer["id_token"])
    if "max_age" in sends and len(pages) > 1:
        assert said["auth_time"] >= asked_at
    if "code" in pages:
        assert said["acr"] == TWO_FACTORS
        assert {"pwd", "otp", "mfa"} <= {*said["amr"]}


def stepping_up(server: Live, people: People) -> Browser:
    """Noor's browser at the page that asks for her code alone."""
    browser = signed_in(server, people, "noor")
    session = only_session(server)
    change(server, session, amr=("pwd",), acr="")
    browser.open(asking(acr_values=TWO_FACTORS).path())
    assert page_of(browser) == "code"
    return browser


def test_the_password_is_a_click_away(server: Live, people: People) -> None:
    browser = stepping_up(server, people)
    (again,) = re.findall(r'id="restart" href="([^"]+)"', browser.page.text)
    browser.open(again)
    assert page_of(browser) == "password"
    browser.sign_in("noor")
    browser.press("continue", code=code(server, people))
    assert page_of(browser) in {"consent", "app"}


def test_a_session_that_has_ended_proves_nothing(server: Live, people: People) -> None:
    """A73: what a session proved counts for as long as it lives."""
    browser = stepping_up(server, people)
    for one in every(server, Session):
        server.run(server.store.commit([Remove(one)]))
    browser.press("continue", code=code(server, people))
    assert page_of(browser) == "password"
    assert every(server, Session) == ()


def test_a_wrong_code_changes_nothing(server: Live, people: People) -> None:
    browser = stepping_up(server, people)
    session = only_session(server)
    assert browser.press("continue", code="000000").status_code == 400
    assert find(server, Session, session.id).acr == ""
    assert page_of(browser) == "code"


def test_the_step_up_replaces_the_session_and_trusts_no_device(
    server: Live, people: People
) -> None:
    browser = stepping_up(server, people)
    before = only_session(server)
    form = browser.form("continue")
    assert form.boxes == {}
    answer = browser.http.post(
        form.action, data=form.fields | {"code": code(server, people), "trust": "1"}
    )
    assert answer.status_code == 303
    assert not any("trusted" in name for name in browser.http.cookies)
    after = only_session(server)
    assert (after.id != before.id, after.sid, after.acr) == (True, before.sid, TWO_FACTORS)
    assert before.id not in {one.id for one in every(server, Session)}


@pytest.mark.parametrize("sends", [{"max_age": "60"}, {"claims": ESSENTIAL % TWO_FACTORS}])
def test_a_silent_request_gets_no_page(sends: dict[str, str], server: Live, people: People) -> None:
    browser = signed_in(server, people, "noor")
    session = only_session(server)
    change(server, session, auth_time=session.auth_time - LONG_AGO, amr=("pwd",), acr="")
    browser.open(replace(STEFAPP, more={"prompt": "none", **sends}).path())
    assert sent_back(browser.page)["error"] == "login_required"


# Who, the level of the session, the page with the risk, and the pages in order.
OWN_PAGES = [
    ("noor", "", "/security/password", ["code"]),
    ("noor", PASSWORD, "/security/authenticator", ["code"]),
    ("miko", "", "/security/password", ["password"]),
]


@pytest.mark.parametrize("name,level,path,pages", OWN_PAGES)
def test_the_own_pages_ask_for_no_more(
    name: str, level: str, path: str, pages: list[Page], server: Live, people: People
) -> None:
    browser = signed_in(server, people, name)
    before = only_session(server)
    only = {"amr": ("pwd",), "acr": ""} if level == PASSWORD else {}
    change(server, before, auth_time=before.auth_time - LONG_AGO, **only)
    browser.open(path)
    assert page_of(browser) == pages[0]
    if pages == ["code"]:
        browser.press("continue", code=code(server, people))
    else:
        assert "readonly" in browser.page.text
        browser.sign_in(name)
    assert browser.page.url.path == path
    session = only_session(server)
    assert session.id != before.id
    assert session.auth_time >= before.auth_time
    assert (session.amr, session.acr) == (before.amr, before.acr)


def test_the_own_pages_take_a_whole_sign_in_instead(server: Live, people: People) -> None:
    browser = signed_in(server, people, "noor")
    change(server, only_session(server), auth_time=int(time.time()) - LONG_AGO)
    browser.open("/security/password")
    (again,) = re.findall(r'id="restart" href="([^"]+)"', browser.page.text)
    browser.open(again.replace("&amp;", "&"))
    assert page_of(browser) == "password"
    browser.sign_in("noor")
    browser.press("continue", code=code(server, people))
    assert browser.page.url.path == "/security/password"


def test_a_stage_of_an_own_page_ends_with_its_session(server: Live, people: People) -> None:
    """A73: whoever signs out meanwhile, or is signed out elsewhere, has proved nothing."""
    browser = signed_in(server, people, "noor")
    change(server, only_session(server), auth_time=int(time.time()) - LONG_AGO)
    browser.open("/security/password")
    server.run(server.store.commit([Remove(one) for one in every(server, Session)]))
    browser.press("continue", code=code(server, people))
    assert page_of(browser) == "password"
    assert every(server, Session) == ()
