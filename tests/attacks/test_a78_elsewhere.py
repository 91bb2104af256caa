"""A78: disabled users and clients, with devices and backchannel requests.

Attack: An account is disabled while a request waits for its user.
Defense: The server checks the state when the app asks, when the user answers, and when the app
fetches its tokens.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.attacks.elsewhere import approve, begin, enters
from tests.attacks.play import call, change, every, find, signed_in
from tests.attacks.test_a50_backchannel import asks, comes, questions
from tests.browser import Asking, Browser
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.user import User
from valetkey.spec import names


class Way(msgspec.Struct):
    """How an app asks, how its user says yes, and how it comes for the answer."""

    client: str
    ask: Callable[[Live], tuple[str, str]]
    agree: Callable[[Live, Browser, str], None]
    fetch: Callable[[Live, str], str]
    begin: Callable[[Live], str]


def _device_ask(server: Live) -> tuple[str, str]:
    told = begin(server, "openid chirps.read")
    return told["device_code"], told["user_code"]


def _device_agree(server: Live, browser: Browser, code: str) -> None:
    approve(server, code, browser)


def _device_fetch(server: Live, handle: str) -> str:
    form = {"grant_type": names.DEVICE_CODE, "device_code": handle}
    return _code(call(server, "/token", form, Asking(client_id="tv")))


def _device_begin(server: Live) -> str:
    form = {"scope": "openid"}
    return _code(call(server, "/device_authorization", form, Asking(client_id="tv")))


def _ciba_ask(server: Live) -> tuple[str, str]:
    return asks(server)["auth_req_id"], ""


def _ciba_agree(server: Live, browser: Browser, code: str) -> None:
    browser.open(questions(browser)[0])
    browser.press("approve")
    browser.press("allow")


def _ciba_fetch(server: Live, handle: str) -> str:
    return _code(comes(server, handle))


def _ciba_begin(server: Live) -> str:
    form = {"scope": "openid", "login_hint": "miko"}
    return _code(call(server, "/backchannel", form, Asking(client_id="till")))


def _code(answer: Any) -> str:
    return str(answer.json().get("error", "ok"))


WAYS = {
    "device": Way("tv", _device_ask, _device_agree, _device_fetch, _device_begin),
    "backchannel": Way("till", _ciba_ask, _ciba_agree, _ciba_fetch, _ciba_begin),
}


def _user(server: Live, client: str) -> None:
    user = find(server, User, server.users["miko"].id)
    change(server, user, status="disabled")


def _client(server: Live, client: str) -> None:
    change(server, find(server, Client, client), status="suspended")


def _unregistered(server: Live, client: str) -> None:
    change(server, find(server, Client, client), grant_types=("refresh_token",))


def _grant(status: str) -> Callable[[Live, str], None]:
    def make(server: Live, client: str) -> None:
        for one in every(server, Grant):
            if one.client == client and one.status != "stopped":
                change(server, one, status=status)

    return make


STATES: dict[str, tuple[Callable[[Live, str], None], str, str]] = {
    "user disabled": (_user, "invalid_grant", "ok/unknown_user_id"),
    "client suspended": (_client, "invalid_client", "invalid_client"),
    "client not registered for it": (_unregistered, "unauthorized_client", "unauthorized_client"),
    "grant paused": (_grant("paused"), "invalid_grant", "ok"),
    "grant stopped": (_grant("stopped"), "invalid_grant", "ok"),
}
"""What happens, what an answered request then comes to, and what a new one does."""


@pytest.fixture(autouse=True)
def _restored(server: Live) -> Any:
    kept = {name: find(server, Client, name) for name in ("tv", "till")}
    yield
    for name, client in kept.items():
        fields = {"status": client.status, "grant_types": client.grant_types}
        change(server, find(server, Client, name), **fields)
    change(server, find(server, User, server.users["miko"].id), status="active")
    for one in every(server, Grant):
        if one.status != "stopped":
            change(server, one, status="stopped")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", STATES)
def test_between_the_yes_and_the_tokens(state: str, way: str, server: Live) -> None:
    its, (happens, refused, _) = WAYS[way], STATES[state]
    handle, code = its.ask(server)
    its.agree(server, signed_in(server), code)
    happens(server, its.client)
    assert its.fetch(server, handle) == refused


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", ["user disabled", "client suspended"])
def test_between_the_question_and_the_yes(state: str, way: str, server: Live) -> None:
    its, (happens, _, _) = WAYS[way], STATES[state]
    handle, code = its.ask(server)
    miko = signed_in(server)
    if code:
        enters(miko, code)
        miko.press("confirm")
    else:
        miko.open(questions(miko)[0])
        miko.press("approve")
    assert 'id="allow"' in miko.page.text
    happens(server, its.client)
    answer = miko.press("allow")
    assert "<h1>Connected</h1>" not in answer.text
    suspended = state == "client suspended"
    waits = "invalid_client" if suspended else "authorization_pending"
    assert its.fetch(server, handle) == waits


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", STATES)
def test_before_the_question(state: str, way: str, server: Live) -> None:
    its, (happens, _, asked) = WAYS[way], STATES[state]
    happens(server, its.client)
    either = asked.split("/")
    assert its.begin(server) == (either[0] if way == "device" else either[-1])
