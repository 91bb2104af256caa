"""A34: wrong method or content type (RFC 6749 3.2).

Attack: A caller sends a request by another method, or a form as another type, to avoid a check.
Defense: Each endpoint accepts only its own methods, and forms only as forms.
"""

from urllib.parse import urlencode

import pytest
from tests.attacks.play import STEFAPP, every, find, redeem
from tests.browser import authorize
from tests.live import Live

from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.pending import Pending

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")

TAKEN = {
    "/token": {"POST", "OPTIONS"},
    "/par": {"POST", "OPTIONS"},
    "/introspect": {"POST", "OPTIONS"},
    "/revoke": {"POST", "OPTIONS"},
    "/userinfo": {"GET", "POST", "OPTIONS"},
    "/jwks": {"GET", "HEAD", "OPTIONS"},
    "/.well-known/oauth-authorization-server": {"GET", "HEAD", "OPTIONS"},
    "/.well-known/openid-configuration": {"GET", "HEAD", "OPTIONS"},
    "/healthz": {"GET", "HEAD"},
    "/authorize": {"GET", "HEAD", "POST"},
    "/sign-in": {"GET", "HEAD", "POST"},
    "/sign-out": {"GET", "HEAD", "POST"},
    "/signed-out": {"GET", "HEAD"},
    "/apps": {"GET", "HEAD"},
    "/apps/x": {"GET", "HEAD", "POST"},
    "/apps/x/stop": {"GET", "HEAD", "POST"},
    "/continue/x": {"GET", "HEAD"},
    "/continue/x/sign-in": {"POST"},
    "/continue/x/consent": {"POST"},
    "/continue/x/switch": {"POST"},
    "/": {"GET", "HEAD"},
}


@pytest.mark.parametrize("path", TAKEN)
@pytest.mark.parametrize("method", METHODS)
def test_another_method_is_refused(method: str, path: str, server: Live) -> None:
    answer = server.http.request(method, path)
    if method in TAKEN[path]:
        assert answer.status_code not in {405, 500, 501}
        return
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == TAKEN[path]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", METHODS[:-1])
def test_what_is_not_there_takes_no_method(method: str, server: Live) -> None:
    """RFC 9110 15.5.5: a 405 would say that there is something, and that it takes others."""
    for path in ("/nothing-here", "/apps/x/y/z", "/token/x"):
        answer = server.http.request(method, path)
        assert answer.status_code == 404
        assert "allow" not in answer.headers


def test_a_code_in_the_query_of_a_get_is_not_spent(server: Live) -> None:
    code = authorize(server.browser(), STEFAPP)
    before = every(server, TokenFamily)
    form = urlencode(STEFAPP.redemption(code))
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        server.http.request(method, f"/token?{form}")
    server.http.post(f"/token?{form}")
    assert every(server, TokenFamily) == before
    assert redeem(server, code).status_code == 200


TYPES = (
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded-evil",
    "application/xml",
    "text/html",
    "application/x-www-form-urlencoded, application/json",
    "*/*",
    "",
)
FORMS = ("/token", "/par", "/introspect", "/revoke", "/authorize", "/sign-in")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("path", FORMS)
def test_another_content_type_is_refused(path: str, kind: str, server: Live) -> None:
    before = every(server, Pending)
    body = urlencode({**STEFAPP.parameters(), "token": "x", "grant_type": "refresh_token"})
    headers = {"content-type": kind} if kind else {}
    answer = server.http.post(path, content=body.encode(), headers=headers)
    assert answer.status_code == 415
    assert "location" not in answer.headers
    assert every(server, Pending) == before


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
    ],
)
def test_the_right_type_in_its_spellings(kind: str, server: Live) -> None:
    body = urlencode(STEFAPP.parameters()).encode()
    answer = server.http.post("/par", content=body, headers={"content-type": kind})
    assert answer.status_code == 201
    assert find(server, Pending, answer.json()["request_uri"].rpartition(":")[2]).kind == "pushed"


ENCODINGS = (b"%", b"%4", b"%zz", b"%80", b"%c0%af", b"%ed%a0%80", b"\xff", b"%00", b"%u0041")


@pytest.mark.parametrize("raw", ENCODINGS)
@pytest.mark.parametrize("path", FORMS)
def test_a_bad_encoding_is_refused(path: str, raw: bytes, server: Live) -> None:
    body = urlencode(STEFAPP.parameters()).encode() + b"&token=x&x=" + raw
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = server.http.post(path, content=body, headers=headers)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    if path == "/authorize" and raw != b"\xff":
        query = body.decode()
        assert server.http.get(f"/authorize?{query}").status_code == 400
