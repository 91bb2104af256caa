"""A50: misuse of backchannel requests (OpenID Connect CIBA).

Attack: An app asks a user on another device in a misleading way, or takes another client's answer.
Defense: A request identifies its user exactly once, shows its message, and belongs to its client.
The server checks the account at each step.
"""

import re
from typing import Any

import httpx2
from tests.attacks.elsewhere import error
from tests.attacks.play import Tags, call, change, find, introspected, signed_in
from tests.browser import Asking, Browser
from tests.live import Live

from valetkey.server.model.user import User
from valetkey.spec import names

TILL = Asking(client_id="till")


def asks(server: Live, **more: str) -> dict[str, Any]:
    form = {"scope": "openid chirps", "login_hint": "miko", **more}
    answer = call(server, "/backchannel", form, TILL)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    return told


def comes(server: Live, handle: str, by: Asking = TILL) -> httpx2.Response:
    return call(server, "/token", {"grant_type": names.CIBA, "auth_req_id": handle}, by)


def questions(browser: Browser) -> list[str]:
    """The addresses of what waits."""
    page = browser.open("/approvals")
    return [
        attributes["href"]
        for tag, attributes in Tags(page.text).tags
        if tag == "a" and attributes.get("href", "").startswith("/approvals/")
    ]


def words(page: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", " ".join(Tags(page.text).text))


def test_the_message_is_shown_and_the_yes_is_a_consent(server: Live) -> None:
    told, miko = asks(server, binding_message="Lane 4: W4SCT"), signed_in(server)
    assert 'id="waiting" href="/approvals"' in miko.open("/apps").text
    listed = questions(miko)
    assert "Lane 4: W4SCT" in words(miko.page)
    page = miko.open(listed[0])
    for said in ("Corner shop", "Lane 4: W4SCT", "just now", "Continue only if you know why"):
        assert said in words(page), said
    miko.press("approve")
    assert 'id="allow"' in miko.page.text
    assert error(comes(server, told["auth_req_id"])) == "authorization_pending"
    miko.press("allow")
    assert "Connected" in miko.page.text
    tokens = comes(server, told["auth_req_id"])
    assert tokens.status_code == 200, tokens.text
    assert introspected(server, tokens.json()["access_token"])["sub"] == server.users["miko"].id
    assert questions(miko) == []


def test_a_message_is_text_and_nothing_else(server: Live) -> None:
    asks(server, binding_message='<b onclick="x">&amp; "pay"')
    miko = signed_in(server)
    for place in (questions(miko)[0], "/approvals"):
        page = miko.open(place)
        assert '<b onclick="x">' not in page.text
        assert '<b onclick="x">&amp; "pay"' in words(page)
    miko.open(questions(miko)[0])
    miko.press("deny")


def test_another_user_never_sees_it(server: Live) -> None:
    asks(server)
    miko, noor, nobody = signed_in(server), signed_in(server, "noor"), server.browser()
    (place, *_) = questions(miko)
    assert questions(noor) == []
    assert noor.open(place).status_code == 404
    assert nobody.open(place).url.path == "/sign-in"
    miko.open(place)
    sent = {**miko.form("approve").fields, "action": "approve"}
    assert noor.http.post(place, data=sent).status_code == 404
    miko.press("deny")


def test_a_forged_answer(server: Live) -> None:
    told, miko = asks(server), signed_in(server)
    (place, *_) = questions(miko)
    for form in ({"action": "approve"}, {"action": "approve", "csrf": "AAAA"}):
        assert miko.http.post(place, data=form).status_code == 403
    miko.open(place)
    csrf = miko.form("approve").fields["csrf"]
    assert miko.http.post(place, data={"csrf": csrf, "action": "yes"}).status_code == 400
    assert miko.http.post("/approvals", data={"csrf": csrf}).status_code == 405
    assert error(comes(server, told["auth_req_id"])) == "authorization_pending"
    miko.press("deny")
    assert error(comes(server, told["auth_req_id"])) == "access_denied"


def test_who_is_disabled_between_start_and_token(server: Live) -> None:
    told, miko = asks(server), signed_in(server)
    miko.open(questions(miko)[0])
    miko.press("approve")
    miko.press("allow")
    user = find(server, User, server.users["miko"].id)
    change(server, user, status="disabled")
    assert error(comes(server, told["auth_req_id"])) == "invalid_grant"
    refused = call(server, "/backchannel", {"scope": "openid", "login_hint": "miko"}, TILL)
    assert error(refused) == "unknown_user_id"
    change(server, find(server, User, user.id), status="active")


def test_an_unknown_user_is_told_like_a_disabled_one(server: Live) -> None:
    noor = find(server, User, server.users["noor"].id)
    change(server, noor, status="disabled")
    answers = [
        call(server, "/backchannel", {"scope": "openid", "login_hint": name}, TILL)
        for name in ("noor", "nobody")
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].status_code == answers[1].status_code == 400
    change(server, find(server, User, noor.id), status="active")


def test_who_proves_nothing_asks_nobody(server: Live) -> None:
    form = {"scope": "openid", "login_hint": "miko", "client_id": "till"}
    answer = server.http.post("/backchannel", data=form)
    assert (answer.status_code, error(answer)) == (401, "invalid_client")
