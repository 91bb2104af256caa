"""A103: replayed, late, foreign and forged answers at the hand-off.

Attack: Somebody answers an interaction who may not, answers twice, too late or for another server,
or has the platform's page say more than is true.
Defense: Only the configured client may answer, once, in time. The server checks what it can. A
signed answer is for this server and one interaction, of this minute, and used once.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import AS_WEB, asking, change, cookie, every, find, stayed
from tests.browser import error_code
from tests.handoff import SECRETS, Platform, begin, handing_off
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.live import Live
from tests.rows import row

from valetkey.jose import jws
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Identity, Session, User

MINE = key("ES256", "the platform's")
OTHER = key("ES256", "a stranger's")
TYPE = "interaction-answer+jwt"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("a103")
    jwks = {"keys": [{**MINE.public().bare(), "kid": MINE.kid, "alg": "ES256"}]}
    with handing_off(folder, handoff={"form_post": True}, jwks=jwks) as server:
        yield server


@pytest.fixture
def platform(server: Live) -> Platform:
    return Platform(server)


# Who answers.


def test_a_client_that_may_not_answer(server: Live, platform: Platform) -> None:
    _, handle = begin(server, AS_WEB)
    plain = Platform(server, "plain")
    for answer in (
        plain.post("/interaction", interaction=handle),
        plain.accept(handle),
        plain.reject(handle),
        plain.post("/sessions/end", subject="u-1"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert not find(server, Pending, handle).confirmed


@pytest.mark.parametrize("path", ["", "/accept", "/reject"])
def test_nobody_without_authentication(path: str, server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    form = {"interaction": handle, "subject": "x", "auth_time": "1", "error": "access_denied"}
    nobody, no_right = (401, "invalid_client"), (400, "unauthorized_client")
    for more, refusal in (
        ({}, nobody),
        ({"client_id": "platform"}, nobody),
        ({"client_id": "stefapp"}, no_right),  # A public client is whoever gives its name.
        ({"client_id": "platform", "client_secret": SECRETS["other"]}, nobody),
    ):
        answer = server.http.post(f"/interaction{path}", data={**form, **more})
        assert (answer.status_code, answer.json()["error"]) == refusal, more
    assert not find(server, Pending, handle).confirmed


def test_a_self_registered_client_with_the_scope(server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    client = find(server, Client, "other")
    try:
        change(server, client, origin="registered")
        answer = _caught_up(lambda: Platform(server, "other").accept(handle), 400)
        assert answer.json()["error"] == "unauthorized_client"
    finally:
        change(server, find(server, Client, "other"), origin="declared")


def _caught_up(call: Any, status: int) -> Any:
    """The answer once the server knows the change: it may be a second behind."""
    until = time.monotonic() + 3
    while (answer := call()).status_code != status:
        assert time.monotonic() < until, answer.text
        time.sleep(0.1)
    return answer


def test_a_handle_that_another_client_has_answered(server: Live, platform: Platform) -> None:
    _, handle = begin(server, AS_WEB)
    platform.accepted(handle)
    unknown = platform.post("/interaction", interaction="0" * 26)
    other = Platform(server, "other")
    for answer in (other.post("/interaction", interaction=handle), other.accept(handle)):
        assert answer.status_code == unknown.status_code == 404
        assert answer.json() == unknown.json()


def test_a_waiting_request_is_no_interaction(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    (pending,) = [one for one in every(server, Pending) if one.handoff == handle]
    assert platform.accept(pending.id).status_code == 404
    stayed(browser.open(f"/continue/{handle}"))


# When.


def test_a_late_answer(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    change(server, find(server, Pending, handle), expires=int(time.time()))
    for answer in (platform.accept(handle), platform.reject(handle)):
        assert (answer.status_code, answer.json()["error"]) == (410, "invalid_request")
    assert cookie(browser) == ""


def test_a_replayed_answer(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    back = platform.accepted(handle)
    browser.open(back)
    mine = cookie(browser)
    browser.open("/sign-out")
    browser.press("sign-out")
    assert mine
    assert not cookie(browser)
    browser.open(back)
    assert cookie(browser) == ""


# A platform that lies.

LIES: list[Any] = [
    row("A103", "auth_time in the future", {"auth_time": "+3600"}),
    row("A103", "auth_time of 1970", {"auth_time": "0"}),
    row("A103", "auth_time negative", {"auth_time": "-1"}),
    row("A103", "auth_time no number", {"auth_time": "today"}),
    row("A103", "auth_time endless", {"auth_time": "9" * 30}),
    row("A103", "no subject", {"subject": ""}),
    row("A103", "a long subject", {"subject": "x" * 256}),
    row("A103", "a subject with a line end", {"subject": "a\nb"}),
    row("A103", "a hidden subject", {"subject": "a\u202eb"}),
    row("A103", "claims no JSON", {"claims": "{"}),
    row("A103", "claims a list", {"claims": "[]"}),
    row("A103", "claims too many", {"claims": json.dumps({"name": "x" * 9000})}),
    row("A103", "claims nested", {"claims": "[" * 50}),
    row("A103", "a claim of another type", {"claims": '{"email": 5}'}),
    row("A103", "an e-mail that is none", {"claims": '{"email": "none"}'}),
    row("A103", "remember forever", {"remember": "forever"}),
    row("A103", "remember below zero", {"remember": "-5"}),
    row("A103", "amr with more than words", {"amr": "pwd \u00e9"}),
    row("A103", "an endless session", {"sid": "x" * 256}),
]


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_can_be_seen(lie: dict[str, str], server: Live, platform: Platform) -> None:
    _, handle = begin(server, AS_WEB)
    when = lie.get("auth_time", "")
    if when.startswith("+"):
        lie = {"auth_time": str(int(time.time()) + int(when))}
    answer = platform.accept(handle, **{"subject": "u-1", **lie})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert not find(server, Pending, handle).confirmed


def test_a_level_that_nobody_allowed(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    back = platform.accepted(handle, acr="urn:valetkey:acr:password", amr="mine otp")
    browser.open(back)
    session = find(server, Session, cookie(browser).partition(".")[0])
    assert (session.acr, session.amr) == ("", ("otp",))


def test_a_session_lasts_no_longer_than_the_servers_own(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, AS_WEB)
    browser.open(platform.accepted(handle, remember="9999999999"))
    session = find(server, Session, cookie(browser).partition(".")[0])
    assert session.expires <= time.time() + server.settings.lifetimes.session


def test_the_email_of_another_account(server: Live, platform: Platform) -> None:
    """A105: an account is found by the platform's id alone."""
    browser, handle = begin(server, AS_WEB)
    claims = {"email": "miko@example.org", "email_verified": True, "preferred_username": "miko"}
    browser.open(platform.accepted(handle, "whoever", claims=claims))
    (mine,) = [one for one in every(server, Identity) if one.subject == "whoever"]
    assert mine.user != server.users["miko"].id
    assert find(server, User, server.users["miko"].id).claims == {"name": "Miko"}


def test_an_error_that_is_none_of_ours(server: Live, platform: Platform) -> None:
    _, handle = begin(server, AS_WEB)
    for error, text in (("server_error", ""), ("x", ""), ("access_denied", 'a "quote"')):
        answer = platform.reject(handle, error, error_description=text)
        assert answer.status_code == 400


# Signed answers.


def claims_of(server: Live, handle: str) -> dict[str, Any]:
    """The claims of a signed answer."""
    now = int(time.time())
    return {
        "iss": "platform",
        "aud": server.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": os.urandom(8).hex(),
        "interaction": handle,
        "subject": "u-signed",
        "auth_time": now,
        "amr": ["pwd"],
    }


def signed(server: Live, handle: str, by: Any = MINE, typ: str = TYPE, **changed: Any) -> str:
    """A signed answer, as changed. `...` leaves a claim out."""
    given = claims_of(server, handle) | changed
    claims = {name: value for name, value in given.items() if value is not ...}
    return jws.sign(json.dumps(claims).encode(), key=by, typ=typ)


def posted(server: Live, answer: str) -> Any:
    """The form as a browser sends it from the platform's site: without our cookies."""
    headers = {"origin": "https://platform.example", "sec-fetch-site": "cross-site"}
    return server.http.post("/interaction/answer", data={"answer": answer}, headers=headers)


def test_a_signed_answer(server: Live) -> None:
    browser, handle = begin(server, AS_WEB)
    reply = posted(server, signed(server, handle, claims={"name": "Signed"}))
    assert reply.status_code == 303
    assert "set-cookie" not in reply.headers
    assert "Signed" in browser.open(reply.headers["location"]).text


def test_a_signed_no(server: Live) -> None:
    browser, handle = begin(server, AS_WEB)
    reply = posted(server, signed(server, handle, error="access_denied"))
    page = browser.open(reply.headers["location"])
    assert "error=access_denied" in page.headers["location"]


def test_a_signed_answer_in_another_browser(server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    reply = posted(server, signed(server, handle))
    victim = server.browser()
    victim.open("/apps")
    assert victim.open(reply.headers["location"]).status_code == 400
    assert cookie(victim) == ""


def _now(seconds: int) -> int:
    return int(time.time()) + seconds


FORGED = [
    row("A103", "another key", lambda: {"by": OTHER}),
    row("A103", "another type", lambda: {"typ": "JWT"}),
    row("A103", "an access token's type", lambda: {"typ": "at+jwt"}),
    row("A103", "another server", lambda: {"aud": "https://other.example"}),
    row("A103", "two servers", lambda: {"aud": ["https://other.example"]}),
    row("A103", "another client", lambda: {"iss": "other"}),
    row("A103", "an unknown client", lambda: {"iss": "nobody"}),
    row("A103", "no client", lambda: {"iss": ...}),
    row("A103", "no jti", lambda: {"jti": ...}),
    row("A103", "an empty jti", lambda: {"jti": ""}),
    row("A103", "no end", lambda: {"exp": ...}),
    row("A103", "over", lambda: {"iat": _now(-200), "exp": _now(-140)}),
    row("A103", "of the future", lambda: {"iat": _now(200), "exp": _now(260)}),
    row("A103", "too long", lambda: {"exp": _now(3600)}),
    row("A103", "no interaction", lambda: {"interaction": ...}),
    row("A103", "an unknown interaction", lambda: {"interaction": "0" * 26}),
    row("A103", "no subject", lambda: {"subject": ...}),
]


@pytest.mark.parametrize("changed", FORGED)
def test_a_forged_answer(changed: Any, server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    reply = posted(server, signed(server, handle, **changed()))
    stayed(reply)
    assert error_code(reply.text)
    assert not find(server, Pending, handle).confirmed


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_a_malformed_signed_answer(bad: Bad, server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    stayed(posted(server, bad(Honest(MINE, claims_of(server, handle), TYPE))))
    assert not find(server, Pending, handle).confirmed


def test_a_piece_of_a_signed_answer(server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    pieces = [one for one in prefixes_and_suffixes(signed(server, handle)) if one]
    for piece in pieces[::9]:
        stayed(posted(server, piece))
    assert not find(server, Pending, handle).confirmed


def test_an_unsigned_answer(server: Live) -> None:
    _, handle = begin(server, AS_WEB)
    good = signed(server, handle)
    head, body, _ = good.split(".")
    for text in ("", "x", f"{head}.{body}.", "eyJhbGciOiJub25lIn0." + body + ".", "A" * 20_000):
        stayed(posted(server, text))
    assert not find(server, Pending, handle).confirmed


def test_a_signed_answer_twice(server: Live) -> None:
    browser, handle = begin(server, AS_WEB)
    answer = signed(server, handle)
    back = posted(server, answer).headers["location"]
    assert "/interaction/restart" in posted(server, answer).headers["location"]
    browser.open(back)
    assert cookie(browser)
    assert "/interaction/restart" in posted(server, signed(server, handle)).headers["location"]


def test_signed_answers_are_off_unless_set(tmp_path_factory: pytest.TempPathFactory) -> None:
    jwks = {"keys": [{**MINE.public().bare(), "kid": MINE.kid, "alg": "ES256"}]}
    with handing_off(tmp_path_factory.mktemp("off"), jwks=jwks) as server:
        _, handle = begin(server, AS_WEB)
        stayed(posted(server, signed(server, handle)))


def test_no_get_changes_anything(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, asking(AS_WEB, state="get"))
    for path in ("/interaction", "/interaction/accept", "/interaction/reject", "/sessions/end"):
        assert server.http.get(path, params={"interaction": handle}).status_code == 405, path
    before = find(server, Pending, handle)
    browser.open(f"/interaction/restart?interaction={handle}")
    assert find(server, Pending, handle) == before
    assert platform.read(handle)["interaction"] == handle
