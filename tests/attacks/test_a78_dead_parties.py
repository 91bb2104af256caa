"""A78: disabled users and clients.

Attack: A disabled user, a suspended client, or a stopped grant is used at an endpoint that forgets
to check.
Defense: Every endpoint refuses them from that moment on.

The tests are a matrix: each state of the user, the client, the grant and the family, at each
endpoint.
"""

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest
from tests.attacks.play import (
    STEFAPP,
    asking,
    call,
    change,
    claims,
    desk,
    find,
    introspected,
    redeem,
    refresh,
    userinfo,
)
from tests.browser import Asking, Browser, authorize
from tests.live import Live

from valetkey.server.model.change import Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.server.oauth.admin import removal
from valetkey.server.store.settle import settle
from valetkey.spec import names


class Story(msgspec.Struct):
    """A user with a live session, tokens, a code that is still good, and a request that waits."""

    browser: Browser
    answer: dict[str, Any]
    code: str
    waiting: Browser
    user: str
    grant: str
    family: str


@pytest.fixture
def story(server: Live) -> Story:
    """A fresh one for each state."""
    for name in ("stefapp", "spa"):
        change(server, find(server, Client, name), status="active")
    miko = server.users["miko"].id
    change(server, find(server, User, miko), status="active")
    browser, waiting = server.browser(), server.browser()
    answer = redeem(server, authorize(browser, STEFAPP)).json()
    code = authorize(browser, STEFAPP)
    waiting.open(asking(STEFAPP, prompt="consent").path())
    waiting.sign_in()
    said = claims(answer["access_token"])
    return Story(browser, answer, code, waiting, miko, said["grant_id"], said["family_id"])


def _fields(kind: type[Record], of: str, **fields: Any) -> Callable[[Live, Story], None]:
    def make(server: Live, story: Story) -> None:
        change(server, find(server, kind, getattr(story, of, of)), **fields)

    return make


def _gone(kind: type[Record], of: str) -> Callable[[Live, Story], None]:
    def make(server: Live, story: Story) -> None:
        record = find(server, kind, getattr(story, of, of))
        server.run(server.store.commit((Remove(record),)))

    return make


STATES: dict[str, Callable[[Live, Story], None]] = {
    "alive": lambda server, story: None,
    "user disabled": _fields(User, "user", status="disabled"),
    "client suspended": _fields(Client, "stefapp", status="suspended"),
    "grant paused": _fields(Grant, "grant", status="paused"),
    "grant stopped": _fields(Grant, "grant", status="stopped"),
    "grant gone": _gone(Grant, "grant"),
    "family closed": _fields(TokenFamily, "family", status="closed"),
    "family gone": _gone(TokenFamily, "family"),
}


# What each endpoint says, in few words; what `alive` does shows that the way is a way.
def _silent(server: Live, story: Story) -> str:
    page = story.browser.open(asking(STEFAPP, prompt="none").path())
    return _word(page)


def _goes_on(server: Live, story: Story) -> str:
    story.waiting.page = story.waiting.http.get(story.waiting.page.url.path)
    if 'id="allow"' not in story.waiting.page.text:
        return _word(story.waiting.page)
    return "asked"


def _says_yes(server: Live, story: Story) -> str:
    return _word(story.waiting.press("allow"))


def _redeems(server: Live, story: Story) -> str:
    return _word(redeem(server, story.code))


def _refreshes(server: Live, story: Story) -> str:
    return _word(refresh(server, story.answer["refresh_token"]))


def _introspects(server: Live, story: Story) -> str:
    return str(introspected(server, story.answer["access_token"])["active"])


def _userinfo(server: Live, story: Story) -> str:
    return _word(userinfo(server, story.answer["access_token"]))


def _exchanges(server: Live, story: Story) -> str:
    form = {
        "grant_type": names.TOKEN_EXCHANGE,
        "subject_token": story.answer["access_token"],
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
    }
    return _word(call(server, "/token", form, Asking(client_id="agent")))


def _pushes(server: Live, story: Story) -> str:
    return _word(server.http.post("/par", data=STEFAPP.parameters()))


def _own_page(server: Live, story: Story) -> str:
    page = story.browser.open(f"/apps/{story.grant}")
    return "sign-in" if page.url.path == "/sign-in" else str(page.status_code)


def _word(answer: httpx2.Response) -> str:
    if answer.headers["content-type"].startswith("application/json") if answer.content else False:
        return str(answer.json().get("error", "ok"))
    if answer.is_redirect:
        location = answer.headers["location"]
        return "code" if "code=" in location else location.partition("error=")[2].partition("&")[0]
    for word in ("sign-in", "allow"):
        if f'id="{word}"' in answer.text:
            return word
    return f"page {answer.status_code}"


EXPECTED: dict[str, dict[str, str]] = {
    "alive": {
        "silent": "interaction_required",
        "goes on": "asked",
        "redeems": "ok",
        "refreshes": "ok",
        "introspects": "True",
        "exchanges": "ok",
        "userinfo": "ok",
        "pushes": "ok",
        "own page": "200",
        "says yes": "code",
    },
    "user disabled": {
        "silent": "login_required",
        "goes on": "sign-in",
        "redeems": "invalid_grant",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "sign-in",
    },
    "client suspended": {
        "silent": "page 400",
        "goes on": "page 400",
        "redeems": "invalid_client",
        "refreshes": "invalid_client",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "invalid_client",
        "own page": "200",
    },
    "grant paused": {
        "silent": "consent_required",
        "goes on": "asked",
        "redeems": "invalid_grant",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "200",
    },
    "grant stopped": {
        "silent": "consent_required",
        "goes on": "asked",
        "redeems": "invalid_grant",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "404",
    },
    "grant gone": {
        "silent": "consent_required",
        "goes on": "asked",
        "redeems": "invalid_grant",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "404",
    },
    "family closed": {
        "silent": "interaction_required",
        "goes on": "asked",
        "redeems": "ok",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "200",
    },
    "family gone": {
        "silent": "interaction_required",
        "goes on": "asked",
        "redeems": "ok",
        "refreshes": "invalid_grant",
        "introspects": "False",
        "exchanges": "invalid_request",
        "userinfo": "invalid_token",
        "pushes": "ok",
        "own page": "200",
    },
}
WAYS: dict[str, Callable[[Live, Story], str]] = {
    "silent": _silent,
    "goes on": _goes_on,
    "redeems": _redeems,
    "refreshes": _refreshes,
    "introspects": _introspects,
    "exchanges": _exchanges,
    "userinfo": _userinfo,
    "pushes": _pushes,
    "own page": _own_page,
    "says yes": _says_yes,
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_at_every_endpoint(state: str, story: Story, server: Live) -> None:
    STATES[state](server, story)
    seen = {way: WAYS[way](server, story) for way in EXPECTED[state]}
    assert seen == EXPECTED[state]


@pytest.mark.parametrize("state,status", [("user disabled", 200), ("client suspended", 400)])
def test_a_yes_that_comes_too_late(state: str, status: int, story: Story, server: Live) -> None:
    STATES[state](server, story)
    answer = story.waiting.press("allow")
    assert answer.status_code == status
    assert "code=" not in answer.headers.get("location", "")
    assert 'id="allow"' not in answer.text


def test_a_suspended_client_cannot_act_for_itself(server: Live) -> None:
    machine = Asking(client_id="machine")
    form = {"grant_type": "client_credentials"}
    token = call(server, "/token", form, machine).json()["access_token"]
    assert introspected(server, token)["active"]
    change(server, find(server, Client, "machine"), status="suspended")
    assert call(server, "/token", form, machine).json()["error"] == "invalid_client"
    assert call(server, "/revoke", {"token": token}, machine).json()["error"] == "invalid_client"
    assert introspected(server, token) == {"active": False}
    change(server, find(server, Client, "machine"), status="active")
    assert introspected(server, token)["active"]


def test_a_disabled_user_cannot_sign_in(story: Story, server: Live) -> None:
    change(server, find(server, User, story.user), status="disabled")
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("miko")
    assert browser.page.status_code == 400
    assert "password is incorrect" in browser.page.text


def test_a_paused_grant_that_goes_on_spends_nothing_meanwhile(story: Story, server: Live) -> None:
    change(server, find(server, Grant, story.grant), status="paused")
    assert _refreshes(server, story) == "invalid_grant"
    assert _redeems(server, story) == "invalid_grant"
    change(server, find(server, Grant, story.grant), status="active")
    assert _refreshes(server, story) == "ok"


def test_a_removed_client_and_user_open_nothing_under_their_old_names(
    story: Story, server: Live
) -> None:
    """A91: who comes later under the same name inherits nothing."""
    client = find(server, Client, "stefapp")
    server.run(settle(server.store, lambda: removal.client("stefapp", desk(server))))
    gone = {**EXPECTED["client suspended"], "own page": "404"}
    assert {way: WAYS[way](server, story) for way in gone} == gone
    server.run(server.store.commit((Create(msgspec.structs.replace(client, version=0)),)))
    for way in ("redeems", "refreshes"):
        assert WAYS[way](server, story) == "invalid_grant", way
    assert _introspects(server, story) == "False"
    assert _silent(server, story) == "consent_required"
