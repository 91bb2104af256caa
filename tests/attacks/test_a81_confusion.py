"""A81: one kind of handle in place of another.

Attack: An attacker presents a code as a token, or a state as a code.
Defense: Each endpoint accepts only its own kind. The tests try every kind at every endpoint.
"""

from collections.abc import Callable

import httpx2
import pytest
from tests.attacks.play import (
    AS_WEB,
    STEFAPP,
    call,
    cookie,
    every,
    introspected,
    redeem,
    refresh,
    tokens,
    userinfo,
)
from tests.browser import Asking, authorize
from tests.live import Live

from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.pending import Pending
from valetkey.spec.names import REQUEST_URI_PREFIX

LARGE = Asking(nonce="\U0001f511" * 500)
"""A request that does not fit into a code."""


@pytest.fixture(scope="module")
def handles(server: Live) -> dict[str, str]:
    """One of everything that is handed out, all of it good."""
    browser = server.browser()
    code, mine = authorize(browser, STEFAPP), tokens(server)
    pushed = call(server, "/par", STEFAPP.parameters()).json()["request_uri"]
    waiting = server.browser()
    waiting.open(STEFAPP.path())
    large = authorize(server.browser(), LARGE)
    (kept,) = [one for one in every(server, Pending) if one.kind == "code"]
    family = max(every(server, TokenFamily), key=lambda one: one.key)
    name, _, secret = cookie(browser).partition(".")
    return {
        "code": code,
        "large code": large,
        "what a large code names": kept.id,
        "refresh token": mine["refresh_token"],
        "access token": mine["access_token"],
        "ID token": mine["id_token"],
        "request_uri": pushed,
        "name of a pushed request": pushed.removeprefix(REQUEST_URI_PREFIX),
        "name of a waiting request": waiting.page.url.path.rpartition("/")[2],
        "session cookie": cookie(browser),
        "session's name": name,
        "session's secret": secret,
        "browser's name": cookie(browser, "vk_browser"),
        "form token": waiting.form("sign-in").fields["csrf"],
        "family": family.id,
        "grant": family.grant,
        "user": family.user,
        "state": STEFAPP.state,
        "verifier": STEFAPP.verifier,
        "machine's token": call(
            server, "/token", {"grant_type": "client_credentials"}, Asking(client_id="machine")
        ).json()["access_token"],
    }


def _bad(answer: httpx2.Response) -> bool:
    return 400 <= answer.status_code < 500 and "location" not in answer.headers


def _asked_to_sign_in(answer: httpx2.Response) -> bool:
    return answer.headers.get("location", "").startswith("/sign-in")


DOORS: dict[str, tuple[set[str], Callable[[Live, str], bool]]] = {
    "a code at the token endpoint": (
        {"code", "large code"},
        lambda server, text: _bad(redeem(server, text)),
    ),
    "a refresh token at the token endpoint": (
        {"refresh token"},
        lambda server, text: _bad(refresh(server, text)),
    ),
    "a token at userinfo": (
        {"access token"},
        lambda server, text: _bad(userinfo(server, text)),
    ),
    "a token at introspection": (
        {"access token", "machine's token"},
        lambda server, text: introspected(server, text) == {"active": False},
    ),
    "a request_uri": (
        {"request_uri"},
        lambda server, text: _bad(
            server.http.get("/authorize", params={"client_id": "stefapp", "request_uri": text})
        ),
    ),
    "a name behind the prefix of a request_uri": (
        {"name of a pushed request"},
        lambda server, text: _bad(
            server.http.get(
                "/authorize",
                params={"client_id": "stefapp", "request_uri": REQUEST_URI_PREFIX + text},
            )
        ),
    ),
    "a waiting request": (
        set(),  # Even the right one: it is another browser's.
        lambda server, text: _bad(server.http.get(f"/continue/{text[:200]}")),
    ),
    "a session": (
        {"session cookie"},
        lambda server, text: _asked_to_sign_in(
            server.http.get("/apps", headers={"cookie": f"vk_session={text}"})
        ),
    ),
    "a session's secret": (
        set(),
        lambda server, text: _asked_to_sign_in(
            server.http.get("/apps", headers={"cookie": f"vk_session={text}.{text}"})
        ),
    ),
    "a grant": (
        set(),
        lambda server, text: (
            server.http.get(f"/apps/{text[:200]}").headers["location"].startswith("/sign-in")
        ),
    ),
    "a form token": (
        set(),
        lambda server, text: _bad(
            server.http.post("/sign-in", data={"username": "miko", "password": "x", "csrf": text})
        ),
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_only_what_was_made_for_it_opens_a_door(
    door: str, handles: dict[str, str], server: Live
) -> None:
    fits, refused = DOORS[door]
    for name, text in handles.items():
        if name not in fits:
            assert refused(server, text), (name, door)


def test_nothing_of_it_was_spent_by_the_tries(handles: dict[str, str], server: Live) -> None:
    """Every handle still opens its own door."""
    assert introspected(server, handles["access token"])["active"]
    assert userinfo(server, handles["access token"]).status_code == 200
    assert redeem(server, handles["code"]).status_code == 200
    assert redeem(server, handles["large code"], LARGE).status_code == 200
    assert refresh(server, handles["refresh token"]).status_code == 200
    answer = server.http.get("/apps", headers={"cookie": f"vk_session={handles['session cookie']}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["code", "ID token", "session cookie", "family", "grant", "user"])
def test_revocation_ends_nothing_by_what_is_no_token(
    name: str, handles: dict[str, str], server: Live
) -> None:
    before = [one for one in every(server, TokenFamily) if one.status == "open"]
    assert call(server, "/revoke", {"token": handles[name]}).status_code == 200
    assert [one for one in every(server, TokenFamily) if one.status == "open"] == before


def test_a_large_code_is_single_use_too(server: Live) -> None:
    code = authorize(server.browser(), LARGE)
    first = redeem(server, code, LARGE)
    assert first.status_code == 200
    assert redeem(server, code, LARGE).json()["error"] == "invalid_grant"
    assert introspected(server, first.json()["access_token"]) == {"active": False}


def test_the_markers_of_single_use_are_kept_apart(server: Live) -> None:
    """A pushed request's name is no token's, though both are remembered in one table."""
    mine = call(server, "/token", {"grant_type": "client_credentials"}, Asking(client_id="machine"))
    token = mine.json()["access_token"]
    pushed = call(server, "/par", AS_WEB.parameters(), AS_WEB).json()["request_uri"]
    browser = server.browser()
    browser.open(f"/authorize?client_id=web&request_uri={pushed}")
    browser.sign_in()
    browser.press("allow")
    assert introspected(server, token)["active"]
    call(server, "/revoke", {"token": token}, Asking(client_id="machine"))
    assert introspected(server, token) == {"active": False}
