"""The hand-off: a platform signs its users in at its own page."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest
from click.testing import CliRunner
from tests.attacks.play import (
    AS_POST,
    AS_WEB,
    STEFAPP,
    asking,
    change,
    claims,
    every,
    find,
    redeem,
    sent_back,
)
from tests.browser import Browser, error_code
from tests.handoff import GOLD, LOGOUT, Platform, begin, handing_off, handle_of
from tests.installation import SECRETS
from tests.live import Live, live
from tests.rows import row

from valetkey.cli.root import valetkey
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import PLATFORM, Session, User

ANOTHER = ""
"""The button for another account, which has no name."""

ESSENTIAL = '{"id_token":{"acr":{"essential":true,"values":["urn:platform:gold"]}}}'
SILENT = asking(AS_WEB, prompt="none")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with handing_off(tmp_path_factory.mktemp("handoff")) as server:
        yield server


@pytest.fixture
def platform(server: Live) -> Platform:
    return Platform(server)


def id_token(server: Live, code: str) -> dict[str, Any]:
    return claims(redeem(server, code, AS_WEB).json()["id_token"])


def session_of(server: Live, browser: Browser) -> Session:
    return find(server, Session, browser.http.cookies["vk_session"].partition(".")[0])


def at_the_app(page: httpx2.Response) -> dict[str, str]:
    """What the app is told; the browser was sent to it."""
    assert page.headers["location"].startswith("https://web.example/callback"), page.text
    return sent_back(page)


def signed_in(server: Live, platform: Platform, subject: str, **more: Any) -> Browser:
    """A browser in which the user has signed in for the web app, and said yes."""
    browser, _ = begin(server, AS_WEB)
    platform.sign_in(browser, subject, **more)
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    assert "code" in at_the_app(browser.page)
    return browser


# The way there and back.


def test_a_user_signs_in_at_the_platform(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, asking(AS_WEB, login_hint="miko", ui_locales="de"))
    asked = platform.read(handle)
    assert asked.pop("expires") > asked.pop("created")
    assert asked == {
        "interaction": handle,
        "page": "authorization",
        "client": {"client_id": "web", "name": "Web app", "verified": True},
        "prompt": [],
        "acr_values": [],
        "login_hint": "miko",
        "ui_locales": "de",
    }
    when = int(time.time()) - 600
    person = {"name": "Miko at the platform", "email": "m@platform.example"}
    back = platform.accepted(handle, "u-17", auth_time=str(when), claims=person, sid="s-17")
    assert back.startswith(f"{server.issuer}/interaction/return?answer=")
    page = browser.open(back)
    assert "Miko at the platform" in page.text
    browser.press("allow")
    told = id_token(server, browser.answer()["code"])
    assert (told["auth_time"], told["amr"]) == (when, ["pwd"])
    # From now on the browser is signed in: no hop.
    assert "code" in at_the_app(browser.open(AS_WEB.path()))


def test_an_imported_user_is_known_by_the_id_of_the_platform(
    server: Live, platform: Platform, tmp_path: Path
) -> None:
    """By APIs, like a user who is made at the first sign-in."""
    (tmp_path / "users").write_text('{"username": "moved", "id": "u-4711"}\n')
    words = ("import", "users", str(tmp_path / "users"), "--format", "ndjson")
    where = ("--source", PLATFORM, "--database", str(server.database))
    result = CliRunner().invoke(valetkey, (*words, *where))
    assert result.exit_code == 0, result.output
    for subject in ("u-4711", "u-4712"):
        browser = signed_in(server, platform, subject)
        token = redeem(server, browser.answer()["code"], AS_WEB).json()["access_token"]
        assert claims(token)["sub_id"] == {"format": "opaque", "id": subject}


def test_a_page_of_the_users_own(server: Live, platform: Platform) -> None:
    browser = server.browser()
    handle = handle_of(browser.open("/apps"))
    asked = platform.read(handle)
    assert (asked["page"], "client" in asked) == ("account", False)
    page = browser.open(platform.accepted(handle, "u-18", claims={"name": "Own pages"}))
    assert (page.status_code, page.request.url.path) == (200, "/apps")
    assert "Own pages" in page.text


def test_a_no_at_the_platform(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    answer = platform.reject(handle, "access_denied", error_description="the user said no")
    told = at_the_app(browser.open(answer.json()["redirect_to"]))
    assert (told["error"], told["error_description"]) == ("access_denied", "the user said no")
    handle = handle_of(browser.open("/apps"))
    page = browser.open(platform.reject(handle).json()["redirect_to"])
    assert page.request.url.path == "/signed-out"


def test_claims_are_refreshed_and_stay_without_any(server: Live, platform: Platform) -> None:
    for told, name in (({"name": "One"}, "One"), ({"name": "Two"}, "Two"), ({}, "Two")):
        browser, handle = begin(server, asking(AS_WEB, prompt="consent"))
        more = {"claims": told} if told else {}
        assert name in browser.open(platform.accepted(handle, "u-19", **more)).text
    assert [one.claims for one in every(server, User) if one.claims.get("name") == "Two"]


def test_two_tabs_each_finish_at_their_own_app(server: Live, platform: Platform) -> None:
    browser, one = begin(server, asking(AS_WEB, state="one"))
    _, two = begin(server, asking(STEFAPP, state="two"), browser)
    assert one != two
    browser.open(platform.accepted(two, "u-20"))
    browser.press("allow")
    assert (browser.answer()["state"], "127.0.0.1" in browser.page.headers["location"]) == (
        "two",
        True,
    )
    browser.open(platform.accepted(one, "u-20"))
    browser.press("allow")
    assert at_the_app(browser.page)["state"] == "one"


def test_a_reload_keeps_the_interaction(server: Live) -> None:
    browser, handle = begin(server, AS_WEB)
    (pending,) = [one for one in every(server, Pending) if one.handoff == handle]
    assert handle_of(browser.open(f"/continue/{pending.id}")) == handle
    assert find(server, Pending, pending.id).handoffs == 1


# Double clicks, the back button, a tab that was left.


def test_the_same_answer_again(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    back = platform.accepted(handle, "u-21")
    later = str(int(time.time()) - 5)
    assert platform.accepted(handle, "u-21", auth_time=later, claims={"name": "X"}) == back
    answer = platform.accept(handle, "u-22")
    assert (answer.status_code, answer.json()["error"]) == (409, "invalid_request")
    assert handle in answer.json()["restart"]
    first, second = browser.http.get(back), browser.http.get(back)
    assert first.headers["location"].startswith("/continue/")
    assert second.headers["location"].startswith("/interaction/restart")
    assert 'id="allow"' in browser.open(back).text
    for answer in (
        platform.accept(handle, "u-21"),
        platform.post("/interaction", interaction=handle),
    ):
        assert answer.status_code == 410
        assert 'id="allow"' in browser.open(answer.json()["restart"]).text


def test_a_tab_that_was_left_restarts_its_own_request(server: Live, platform: Platform) -> None:
    asked = asking(AS_WEB, state="left", resource="https://chirp.example", scope="openid chirps")
    browser, handle = begin(server, asked)
    (pending,) = [one for one in every(server, Pending) if one.handoff == handle]
    for one in (handle, pending.id):
        change(server, find(server, Pending, one), expires=int(time.time()) - 1)
    answer = platform.accept(handle, "u-23")
    assert answer.status_code == 410
    again = handle_of(browser.open(answer.json()["restart"]))
    assert again != handle
    platform_page = browser.open(platform.accepted(again, "u-23"))
    assert platform_page.status_code == 200
    browser.press("allow")
    assert at_the_app(browser.page)["state"] == "left"


def test_a_lapsed_answer_restarts(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    back = platform.accepted(handle, "u-24")
    change(server, find(server, Pending, handle), expires=int(time.time()) - 1)
    again = handle_of(browser.open(back))
    assert again != handle
    assert 'id="allow"' in browser.open(platform.accepted(again, "u-24")).text


def test_a_pushed_request_restarts_at_its_app(server: Live, platform: Platform) -> None:
    reply = server.http.post("/par", data=AS_WEB.parameters(), auth=("web", SECRETS["web"]))
    uri = reply.json()["request_uri"]
    browser = server.browser()
    handle = handle_of(browser.open(f"/authorize?client_id=web&request_uri={uri}"))
    assert "location" in browser.open(f"/interaction/restart?interaction={handle}").headers
    (pending,) = [one for one in every(server, Pending) if one.handoff == handle]
    change(server, pending, expires=int(time.time()) - 1)
    page = browser.open(f"/interaction/restart?interaction={handle}")
    assert page.headers["location"] == "https://web.example"


def test_a_loop_ends_at_the_app(server: Live, platform: Platform) -> None:
    browser, _handle = begin(server, asking(AS_WEB, state="loop"))
    for _ in range(5):
        platform.sign_in(browser, "u-25")
        browser.press(ANOTHER)
    told = at_the_app(browser.page)
    assert (told["error"], told["state"]) == ("login_required", "loop")


# What the app wants of the sign-in.

WANTS = [
    row("3.1.2.1", "nothing", {}, {}, 3600, "code"),
    row("3.1.2.1", "login, just now", {"prompt": "login"}, {}, 0, "code"),
    row("3.1.2.1", "login, clocks differ", {"prompt": "login"}, {}, 8, "code"),
    row("3.1.2.1", "login, before", {"prompt": "login"}, {}, 60, "login_required"),
    row("3.1.2.1", "max_age, kept", {"max_age": "100"}, {}, 90, "code"),
    row("3.1.2.1", "max_age, exceeded", {"max_age": "100"}, {}, 160, "login_required"),
    row("3.1.2.1", "max_age=0, before", {"max_age": "0"}, {}, 60, "login_required"),
    row("5.5.1.1", "acr, met", {"claims": ESSENTIAL}, {"acr": GOLD}, 60, "code"),
    row(
        "5.5.1.1",
        "acr, another",
        {"claims": ESSENTIAL},
        {"acr": "urn:x"},
        60,
        "unmet_authentication_requirements",
    ),
    row("5.5.1.1", "acr, voluntary", {"acr_values": GOLD}, {"acr": "urn:x"}, 60, "code"),
]


@pytest.mark.parametrize("asked, told, ago, comes", WANTS)
def test_what_the_app_wants(
    asked: dict[str, str],
    told: dict[str, str],
    ago: int,
    comes: str,
    server: Live,
    platform: Platform,
) -> None:
    browser, handle = begin(server, asking(AS_WEB, **asked))
    answer = platform.accept(handle, "u-26", auth_time=str(int(time.time()) - ago), **told)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("error", "code") == comes
    browser.open(answer.json()["redirect_to"])
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    found = at_the_app(browser.page)
    assert found.get("error", "code") == comes
    if comes == "code" and told.get("acr") == GOLD:
        assert id_token(server, found["code"])["acr"] == GOLD
    if told.get("acr") == "urn:x" and comes == "code":
        assert id_token(server, found["code"])["acr"] != "urn:x"


@pytest.mark.parametrize(
    "asked",
    [
        row("9470 5", "acr_values", {"acr_values": GOLD}),
        row("5.5.1.1", "an essential claim", {"claims": ESSENTIAL}),
    ],
)
def test_step_up(asked: dict[str, str], server: Live, platform: Platform) -> None:
    """An app that needs a higher level than that of the session gets it from the platform."""
    browser = signed_in(server, platform, "u-27")
    handle = handle_of(browser.open(asking(AS_WEB, **asked).path()))
    question = platform.read(handle)
    assert question["acr_values"] == [GOLD]
    assert question.get("acr_essential", False) is ("claims" in asked)
    page = browser.open(platform.accepted(handle, "u-27", acr=GOLD, amr="pwd otp made-up"))
    told = id_token(server, at_the_app(page)["code"])
    assert told["acr"] == GOLD
    assert told["amr"] == ["pwd", "otp"]
    # The session has the level now.
    assert "code" in at_the_app(browser.open(asking(AS_WEB, **asked).path()))
    assert at_the_app(browser.open(asking(SILENT, **asked).path()))["code"]


def test_the_user_whom_the_app_means(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-28")
    token = redeem(server, browser.answer()["code"], AS_WEB).json()["id_token"]
    fresh = server.browser()
    _, handle = begin(server, asking(AS_WEB, id_token_hint=token), fresh)
    assert platform.read(handle)["subject"] == "u-28"
    told = at_the_app(fresh.open(platform.accepted(handle, "u-29")))
    assert told["error"] == "login_required"
    assert "vk_session" not in fresh.http.cookies
    _, handle = begin(server, asking(AS_WEB, id_token_hint=token), fresh)
    assert "code" in at_the_app(fresh.open(platform.accepted(handle, "u-28")))


@pytest.mark.parametrize("sub", ["nobody", "x" * 900, "0" * 26, "\u20ac", "' OR 1=1"])
def test_a_user_whom_nobody_knows(sub: str, server: Live, platform: Platform) -> None:
    """The app means somebody who was never here: whoever signs in is not the one."""
    wanted = json.dumps({"id_token": {"sub": {"value": sub}}})
    browser, handle = begin(server, asking(AS_WEB, claims=wanted))
    assert "subject" not in platform.read(handle)
    told = at_the_app(browser.open(platform.accepted(handle, "u-44")))
    assert told["error"] == "login_required"


def test_select_account_is_up_to_the_platform_once(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-30", claims={"name": "Thirty"})
    before = session_of(server, browser)
    handle = handle_of(browser.open(asking(AS_WEB, prompt="select_account consent").path()))
    assert platform.read(handle)["prompt"] == ["select_account"]
    page = browser.open(platform.accepted(handle, "u-31", claims={"name": "Thirty-one"}))
    assert "Thirty-one" in page.text
    after = session_of(server, browser)
    assert (after.id != before.id, after.sid != before.sid) == (True, True)
    assert before.id not in {one.id for one in every(server, Session)}


def test_not_you(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    browser.open(platform.accepted(handle, "u-32", claims={"name": "Not me"}))
    assert "Not me" in browser.page.text
    browser.press(ANOTHER)
    handle = handle_of(browser.page)
    assert platform.read(handle)["prompt"] == ["select_account"]
    assert (
        "It is me"
        in browser.open(platform.accepted(handle, "u-33", claims={"name": "It is me"})).text
    )
    browser.press("allow")
    assert "code" in at_the_app(browser.page)


# Silent requests.


def test_a_silent_request_goes_by_the_platform(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-34")
    browser.http.cookies.delete("vk_session")
    handle = handle_of(browser.open(SILENT.path()))
    assert platform.read(handle)["silent"] is True
    told = at_the_app(browser.open(platform.accepted(handle, "u-34")))
    assert "code" in told
    # Signed in here again: no hop.
    assert "code" in at_the_app(browser.open(SILENT.path()))


def test_a_silent_request_without_a_user(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-35")
    browser.http.cookies.delete("vk_session")
    handle = handle_of(browser.open(SILENT.path()))
    answer = platform.reject(handle, "login_required")
    assert at_the_app(browser.open(answer.json()["redirect_to"]))["error"] == "login_required"


def test_a_silent_request_never_shows_a_page(server: Live, platform: Platform) -> None:
    """The user of the platform never said yes to the app."""
    browser = signed_in(server, platform, "u-36")
    browser.http.cookies.delete("vk_session")
    handle = handle_of(browser.open(SILENT.path()))
    told = at_the_app(browser.open(platform.accepted(handle, "u-new")))
    assert told["error"] == "consent_required"


def test_a_silent_answer_is_about_a_sign_in_of_before(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-37")
    browser.http.cookies.delete("vk_session")
    handle = handle_of(browser.open(SILENT.path()))
    change(server, find(server, Pending, handle), created=int(time.time()) - 60)
    answer = platform.accept(handle, "u-37").json()
    assert answer["error"] == "login_required"
    assert at_the_app(browser.open(answer["redirect_to"]))["error"] == "login_required"


def test_in_a_frame_of_another_site_there_is_no_hop(server: Live) -> None:
    """No cookie came along, and none will: the browser could not be recognized."""
    framed = server.browser(**{"sec-fetch-dest": "iframe"})
    assert at_the_app(framed.open(SILENT.path()))["error"] == "login_required"
    whole = server.browser(**{"sec-fetch-dest": "document"})
    handle_of(whole.open(SILENT.path()))


def test_a_silent_answer_leaves_the_end_of_the_session(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-38", remember="5000")
    before = session_of(server, browser)
    change(server, before, auth_time=int(time.time()) - 500)
    handle = handle_of(browser.open(asking(SILENT, max_age="100").path()))
    ago = str(int(time.time()) - 50)
    back = platform.accepted(handle, "u-38", auth_time=ago, remember="60")
    assert "code" in at_the_app(browser.open(back))
    after = session_of(server, browser)
    assert (after.expires, after.sid, after.auth_time) == (before.expires, before.sid, int(ago))


# How long answers count.


def test_remember_a_number_of_seconds(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-39", remember="300")
    assert 290 <= session_of(server, browser).expires - time.time() <= 301


def test_remember_nothing_here(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-40", remember="platform", sid="p-40")
    for _ in range(2):
        handle = handle_of(browser.open(AS_WEB.path()))
        back = platform.accepted(handle, "u-40", remember="platform", sid="p-40")
        assert "code" in at_the_app(browser.open(back))
    (session,) = [one for one in every(server, Session) if one.source_sid == "p-40"]
    assert session.per_request
    # Pages of the user's own are open for a while.
    assert browser.open("/apps").status_code == 200
    earlier = _older(server, session, browser)
    handle_of(earlier.open("/apps"))
    assert platform.post("/sessions/end", sid="p-40").json() == {"ended": 1}


def _older(server: Live, session: Session, browser: Browser) -> Browser:
    """The same session, made longer ago than a request may wait."""
    raw = ids.to_bytes(session.id)
    name = ids.to_text(ids.time_prefix(int(time.time()) - 4000) + raw[ids.TIME :])
    older = msgspec.structs.replace(session, id=name, version=0)
    server.run(server.store.commit((Remove(session),)))
    server.run(server.store.commit((Create(older),)))
    secret = browser.http.cookies["vk_session"].partition(".")[2]
    browser.http.cookies.delete("vk_session")
    browser.http.cookies.set("vk_session", f"{name}.{secret}")
    return browser


# Signing out, here and there.


def test_sign_out_at_the_platform(server: Live, platform: Platform) -> None:
    one = signed_in(server, platform, "u-41", sid="s-1")
    two = signed_in(server, platform, "u-41", sid="s-2")
    assert platform.post("/sessions/end", sid="s-1").json() == {"ended": 1}
    handle_of(one.open("/apps"))
    assert two.open("/apps").status_code == 200
    assert platform.post("/sessions/end", subject="u-nobody", sid="s-2").json() == {"ended": 0}
    assert platform.post("/sessions/end", subject="u-41").json() == {"ended": 1}
    assert platform.post("/sessions/end", subject="u-41").json() == {"ended": 0}
    handle_of(two.open("/apps"))
    assert platform.post("/sessions/end", x="").status_code == 400


def test_sign_out_here_goes_by_the_platform(server: Live, platform: Platform) -> None:
    browser = signed_in(server, platform, "u-42")
    browser.open("/sign-out")
    away = browser.press("sign-out").headers["location"]
    assert away.startswith(f"{LOGOUT}?logout=")
    ticket = parse_qs(urlsplit(away).query)["logout"][0]
    assert "platform" not in ticket
    page = browser.open(f"/signed-out?logout={ticket}")
    assert (page.status_code, page.request.url.path) == (200, "/signed-out")
    handle_of(browser.open("/apps"))


def test_sign_out_of_an_app_goes_by_the_platform(server: Live, platform: Platform) -> None:
    client = find(server, Client, "web")
    change(server, client, post_logout_redirect_uris=("https://web.example/bye",))
    browser = signed_in(server, platform, "u-43")
    token = redeem(server, browser.answer()["code"], AS_WEB).json()["id_token"]
    bye = "https://web.example/bye"
    path = f"/logout?id_token_hint={token}&post_logout_redirect_uri={bye}&state=s"
    away = browser.open(path).headers["location"]
    ticket = parse_qs(urlsplit(away).query)["logout"][0]
    page = browser.open(f"/signed-out?logout={ticket}")
    assert page.headers["location"] == f"{bye}?state=s"
    change(server, find(server, Client, "web"), post_logout_redirect_uris=())


def test_an_app_that_nobody_verified_gets_no_redirect_unseen(
    server: Live, platform: Platform
) -> None:
    browser, handle = begin(server, AS_POST)
    page = browser.open(platform.reject(handle).json()["redirect_to"])
    assert (page.status_code, error_code(page.text)) == (403, "access_denied")
    assert "https://post.example/callback" in page.text


def test_the_password_form_is_off(server: Live) -> None:
    form = {"username": "miko", "password": "x"}
    assert server.browser().http.post("/sign-in", data=form).status_code == 403


def test_discovery_names_the_levels(server: Live) -> None:
    found = server.http.get("/.well-known/openid-configuration").json()
    assert GOLD in found["acr_values_supported"]


def test_it_is_off_without_its_setting(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        assert server.http.post("/interaction", data={}).status_code == 404
        assert server.http.get("/interaction/return").status_code == 404
