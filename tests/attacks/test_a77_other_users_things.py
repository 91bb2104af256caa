"""A77: other parties' records.

Attack: A user, a client or an API reads or changes what belongs to another.
Defense: Every route checks the owner for every method. The tests try two users, two clients and two
APIs at all routes.
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.attacks.play import (
    AS_POST,
    AS_SPA,
    AS_WEB,
    STEFAPP,
    call,
    change,
    claims,
    every,
    find,
    introspected,
    redeem,
    refresh,
    signed_in,
    tokens,
)
from tests.browser import Asking, Browser, authorize, error_code
from tests.live import Live, live

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.pending import Approval
from valetkey.server.model.receipt import Receipt
from valetkey.server.oauth.shards.claim import PAGE as PARTS
from valetkey.server.pages.apps import ACTIONS

DONE = (*ACTIONS, "stop", "", "delete")
"""What an app's page does, what leads on from it, and what it does not do."""

LIMITS = ("save", "end", "", "delete")


class Owned(msgspec.Struct):
    """What one user has: a browser, a grant, a device, and what the app got."""

    browser: Browser
    grant: str
    family: str
    answer: dict[str, Any]


def _owned(server: Live, username: str) -> Owned:
    browser = server.browser()
    answer = redeem(server, authorize(browser, STEFAPP, username=username)).json()
    said = claims(answer["access_token"])
    return Owned(browser, said["grant_id"], said["family_id"], answer)


@pytest.fixture(scope="module")
def miko(server: Live) -> Owned:
    """The victim."""
    return _owned(server, "miko")


@pytest.fixture(scope="module")
def noor(server: Live) -> Owned:
    """The one who tries."""
    return _owned(server, "noor")


def _csrf(browser: Browser, path: str) -> str:
    """The token of the user's own form."""
    page = browser.http.get(path).text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, path
    return found.group(1)


def _state(server: Live, owned: Owned) -> tuple[Grant, TokenFamily]:
    return find(server, Grant, owned.grant), find(server, TokenFamily, owned.family)


ROUTES = [
    ("GET", "/apps/{}", ""),
    ("HEAD", "/apps/{}", ""),
    ("GET", "/apps/{}/stop", ""),
    ("POST", "/apps/{}/stop", "stop"),
    *(("POST", "/apps/{}", action) for action in DONE),
    ("GET", "/apps/{}/limits", ""),
    ("HEAD", "/apps/{}/limits", ""),
    *(("POST", "/apps/{}/limits", action) for action in LIMITS),
]
ELSEWHERE = (
    *("/continue/{pending}", "/approvals/{approval}", PARTS),
    *("/forgot/{request}", "/security/email/{request}", "/security/phone/{request}"),
    "/sign-in/email/{request}",
)
"""Tried by `another_users_request` and `another_users_question` below, in
`test_a15_stolen_shards`, in `test_a106_recovery`, in `test_a152_mail_codes`, and in
`test_a153_phone_codes`."""

NOBODYS = ("/sign-in/with/{way}", "/linked/with/{way}", "/static/brand/{name}")
"""Names of ways to sign in and of the brand's files: nothing of a user."""


STAFF = "/console/"
"""Staff see what is others': `test_a160_console` tries who may."""


def test_no_page_with_a_name_in_its_path_is_left_out(tmp_path: Path) -> None:
    """A page that is added is tried below, or is said to be tried elsewhere."""
    with live(tmp_path) as server:
        front: Any = server._app
        paths = {getattr(one, "path", "") for one in front._pages.make().routes}
    others = (*ELSEWHERE, *NOBODYS, STAFF)
    named = {one for one in paths if "{" in one and not one.startswith(others)}
    assert {path.format("{grant}") for _, path, _ in ROUTES} == named
    assert paths >= {f"{ELSEWHERE[0]}/consent", *ELSEWHERE[1:]}


@pytest.mark.parametrize("method, path, action", ROUTES)
def test_another_users_grant_is_no_grant(
    method: str, path: str, action: str, miko: Owned, noor: Owned, server: Live
) -> None:
    before = _state(server, miko)
    form = {
        "csrf": _csrf(noor.browser, f"/apps/{noor.grant}"),
        "action": action,
        "device": miko.family,
        "hand": "client:agent",
        "permission": "openid",
        "more": "chirps.read",
    }
    data = form if method == "POST" else None
    theirs = noor.browser.http.request(method, path.format(miko.grant), data=data)
    absent = noor.browser.http.request(method, path.format("0" * 26), data=data)
    assert (theirs.status_code, _bare(theirs)) == (absent.status_code, _bare(absent))
    assert theirs.status_code == 404
    assert _state(server, miko) == before


@pytest.mark.parametrize("method, path, action", ROUTES)
def test_nobody_signed_in_is_asked_to_sign_in(
    method: str, path: str, action: str, miko: Owned, server: Live
) -> None:
    before = _state(server, miko)
    form = {"action": action, "device": miko.family, "permission": "openid", "csrf": "x"}
    data = form if method == "POST" else None
    answer = server.browser().http.request(method, path.format(miko.grant), data=data)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert _state(server, miko) == before


@pytest.mark.parametrize("token", ["", "A" * 43, "of another page", "of another user"])
@pytest.mark.parametrize("method, path, action", [one for one in ROUTES if one[0] == "POST"])
def test_the_owners_browser_does_nothing_for_another_sites_form(
    method: str, path: str, action: str, token: str, miko: Owned, noor: Owned, server: Live
) -> None:
    before = _state(server, miko)
    other = "/apps/{}" if path.endswith("/stop") else "/apps/{}/stop"
    made = {
        "of another page": lambda: _csrf(miko.browser, other.format(miko.grant)),
        "of another user": lambda: _csrf(noor.browser, path.format(noor.grant)),
    }
    csrf = made[token]() if token in made else token
    form = {"action": action, "device": miko.family, "permission": "openid", "csrf": csrf}
    answer = miko.browser.http.post(path.format(miko.grant), data=form)
    assert answer.status_code == 403
    assert error_code(answer.text) == "access_denied"
    assert _state(server, miko) == before


def test_another_users_device_under_ones_own_grant(miko: Owned, noor: Owned, server: Live) -> None:
    before = _state(server, miko)
    path = f"/apps/{noor.grant}"
    for device in (miko.family, "0" * 26, "x", miko.grant):
        form = {"csrf": _csrf(noor.browser, path), "action": "stop-device", "device": device}
        assert noor.browser.http.post(path, data=form).status_code == 404
    assert _state(server, miko) == before


def test_another_users_app_is_not_among_the_unused(miko: Owned, noor: Owned, server: Live) -> None:
    """However long it was left alone, and whoever names it."""
    old = find(server, Grant, miko.grant)
    change(server, old, created=1)
    for family in every(server, TokenFamily):
        if family.grant == miko.grant:
            change(server, family, used=1)
    before = _state(server, miko)
    assert miko.grant not in noor.browser.http.get("/unused").text
    csrf = _csrf(miko.browser, "/unused")
    own = _csrf(noor.browser, f"/apps/{noor.grant}")
    for token in ("", "A" * 43, csrf, own):
        form = {"csrf": token, "app": [miko.grant, noor.grant]}
        assert noor.browser.http.post("/unused", data=form).status_code == 403
    assert _state(server, miko) == before
    assert miko.grant in miko.browser.http.get("/unused").text


@pytest.mark.parametrize(
    "method, path", [("GET", "/unused"), ("POST", "/unused"), ("GET", "/export")]
)
def test_nobody_signed_in_gets_no_list_and_no_export(
    method: str, path: str, miko: Owned, server: Live
) -> None:
    data = {"app": miko.grant, "csrf": "x"} if method == "POST" else None
    answer = server.browser().http.request(method, path, data=data)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert miko.grant not in answer.text


def test_an_export_has_nothing_of_another_user(miko: Owned, noor: Owned, server: Live) -> None:
    theirs = {miko.grant, miko.family, server.users["miko"].id}
    theirs |= {one.id for one in every(server, Receipt) if one.grant == miko.grant}
    for query in ("", f"?user={server.users['miko'].id}", f"?grant={miko.grant}"):
        text = noor.browser.http.get(f"/export{query}").text
        assert not [one for one in theirs if one in text]
        assert noor.grant in text


def test_a_place_in_anothers_list_is_a_place_in_ones_own(miko: Owned, noor: Owned) -> None:
    """ATTACKS A86: whatever place is named, the rows are the asker's."""
    for name in (miko.grant, "v" * 26, noor.grant):
        text = noor.browser.http.get("/apps", params={"from": name}).text
        assert f"/apps/{miko.grant}" not in text
    shown = noor.browser.http.get("/apps", params={"from": "v" * 26}).text
    assert f"/apps/{noor.grant}" in shown
    told = noor.browser.http.get("/apps", params={"stopped": miko.grant}).text
    assert "no longer has access" not in told


def test_a_receipt_is_shown_to_its_user_alone(miko: Owned, noor: Owned, server: Live) -> None:
    (mine,) = [one for one in every(server, Receipt) if one.grant == miko.grant]
    assert mine.user == server.users["miko"].id
    assert 'aria-labelledby="receipts"' in miko.browser.http.get(f"/apps/{miko.grant}").text
    assert noor.browser.http.get(f"/apps/{miko.grant}").status_code == 404
    for path in (f"/apps/{mine.id}", f"/apps/{noor.grant}/{mine.id}"):
        assert noor.browser.http.get(path).status_code == 404


def test_the_lists_show_ones_own(miko: Owned, noor: Owned) -> None:
    for one, other in ((miko, noor), (noor, miko)):
        page = one.browser.open("/apps").text
        assert one.grant in page
        assert other.grant not in page
        detail = one.browser.open(f"/apps/{one.grant}").text
        assert other.family not in detail


def test_another_users_request_is_not_gone_on_with(miko: Owned, noor: Owned) -> None:
    miko.browser.open(AS_WEB.path())
    here = miko.browser.page.url.path
    assert noor.browser.open(here).status_code == 400
    for stage in ("sign-in", "consent", "switch"):
        assert noor.browser.http.post(f"{here}/{stage}", data={"csrf": "x"}).status_code == 403


def _question(server: Live, owned: Owned) -> Approval:
    """What an app asks the user, a yes to a use above a limit."""
    env = Env(int(time.time()), os.urandom)
    one = Approval(
        id=ids.owned_id(env, owner=find(server, Grant, owned.grant).user),
        user=find(server, Grant, owned.grant).user,
        client="stefapp",
        grant=owned.grant,
        permission="chirps.write",
        created=env.now,
        expires=env.now + 300,
    )
    server.run(server.store.commit([Create(one)]))
    return find(server, Approval, one.id)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST approve", "POST deny"])
def test_another_users_question_is_no_question(
    method: str, miko: Owned, noor: Owned, server: Live
) -> None:
    before = _question(server, miko)
    verb, _, action = method.partition(" ")
    form = {"csrf": _csrf(noor.browser, f"/apps/{noor.grant}"), "action": action}
    data = form if verb == "POST" else None
    theirs = noor.browser.http.request(verb, f"/approvals/{before.id}", data=data)
    absent = noor.browser.http.request(verb, f"/approvals/{'0' * 26}", data=data)
    assert (theirs.status_code, _bare(theirs)) == (absent.status_code, _bare(absent))
    assert theirs.status_code == 404
    assert before.id not in noor.browser.http.get("/approvals").text
    assert find(server, Approval, before.id) == before
    assert miko.browser.http.get(f"/approvals/{before.id}").status_code == 200


CLIENTS = [
    pytest.param(AS_SPA, id="a public client"),
    pytest.param(AS_WEB, id="a confidential client"),
    pytest.param(AS_POST, id="another one"),
]


@pytest.mark.parametrize("thief", CLIENTS)
def test_another_clients_things(thief: Asking, server: Live) -> None:
    mine = tokens(server, STEFAPP)
    said = claims(mine["access_token"])
    assert refresh(server, mine["refresh_token"], thief).json()["error"] == "invalid_grant"
    for token in (mine["refresh_token"], mine["access_token"]):
        answer = call(server, "/revoke", {"token": token}, thief)
        assert (answer.status_code, answer.content) == (200, b"")
    assert find(server, TokenFamily, said["family_id"]).status == "open"
    if thief is not AS_SPA:
        told = call(server, "/introspect", {"token": mine["access_token"]}, thief)
        assert told.json() == {"active": False}
    assert introspected(server, mine["access_token"])["active"]
    pushed = call(server, "/par", STEFAPP.parameters(), STEFAPP).json()["request_uri"]
    answer = server.http.get(
        "/authorize", params={"client_id": thief.client_id, "request_uri": pushed}
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_another_apis_token(server: Live) -> None:
    """Each API is told of its own tokens, and of its own permissions in them."""
    mine = tokens(server, STEFAPP)["access_token"]
    assert introspected(server, mine, by="chirp")["active"]
    assert introspected(server, mine, by="photos") == {"active": False}
    both = tokens(server, _both(server))["access_token"]
    of_chirp = introspected(server, both, by="chirp")["scope"]
    of_photos = introspected(server, both, by="photos")["scope"]
    assert of_chirp.split() == ["chirps.read", "chirps.write", "chirps"]
    assert of_photos == "photos.read"


def _both(server: Live) -> Asking:
    return Asking(
        client_id="web",
        redirect_uri=AS_WEB.redirect_uri,
        scope="openid email chirps photos.read",
        more={"prompt": "consent"},
    )


def test_a_client_sees_no_other_user_than_its_own(miko: Owned, noor: Owned, server: Live) -> None:
    for owned, name in ((miko, "miko"), (noor, "noor")):
        headers = {"authorization": f"Bearer {owned.answer['access_token']}"}
        told = server.http.get("/userinfo", headers=headers).json()
        assert told["sub"] == server.users[name].id
        assert told["preferred_username"] == name


def test_one_users_stop_leaves_the_others_key(server: Live) -> None:
    one, two = _owned(server, "miko"), _owned(server, "noor")
    browser = signed_in(server, "miko")
    browser.open(f"/apps/{one.grant}")
    browser.press("stop")
    browser.press("stop")
    assert introspected(server, one.answer["access_token"]) == {"active": False}
    assert introspected(server, two.answer["access_token"])["active"]
    live = {grant.user for grant in every(server, Grant) if grant.status == "active"}
    assert server.users["noor"].id in live


def _bare(answer: httpx2.Response) -> str:
    """The page without the reference and the time that are its own."""
    return re.sub(r"<dl.*?</dl>", "", answer.text, flags=re.DOTALL)
