"""A28: repeated parameters (RFC 6749 3.1).

Attack: A request contains a parameter twice, so that two programs read different values.
Defense: The server refuses the request.
"""

from urllib.parse import urlencode

import httpx2
import pytest
from tests.attacks.play import (
    AS_WEB,
    STEFAPP,
    asking,
    introspected,
    redeem,
    refresh,
    stayed,
    tokens,
)
from tests.browser import authorize, error_code
from tests.installation import SECRETS
from tests.live import Live
from tests.rows import row

AUTHORIZE = asking(
    STEFAPP,
    response_mode="query",
    prompt="login",
    max_age="60",
    login_hint="miko",
    ui_locales="de",
    acr_values="1",
    claims="{}",
    unknown="x",
).parameters()
TOKEN = {**STEFAPP.redemption("vk_code_x"), "scope": "openid", "unknown": "x"}
REFRESH = {
    "grant_type": "refresh_token",
    "refresh_token": "vk_rt_x",
    "client_id": "stefapp",
    "scope": "openid",
}
SECRET = {
    "grant_type": "refresh_token",
    "refresh_token": "vk_rt_x",
    "client_id": "post",
    "client_secret": SECRETS["post"],
}
ASKED = {
    "token": "x",
    "token_type_hint": "access_token",
    "client_id": "post",
    "client_secret": SECRETS["post"],
}

FORMS = {
    "pushed": ("/par", AUTHORIZE),
    "code": ("/token", TOKEN),
    "refresh": ("/token", REFRESH),
    "secret": ("/token", SECRET),
    "introspection": ("/introspect", ASKED),
    "revocation": ("/revoke", ASKED),
}
MACHINES = [
    row("A28", f"{what}: {name}", path, form, name)
    for what, (path, form) in FORMS.items()
    for name in form
]


@pytest.mark.parametrize("same", [True, False], ids=["the same value", "another value"])
@pytest.mark.parametrize("path, form, name", MACHINES)
def test_twice_in_the_body(
    path: str, form: dict[str, str], name: str, same: bool, server: Live
) -> None:
    second = (name, form[name] if same else "another")
    for pairs in ([*form.items(), second], [second, *form.items()]):
        _refused(_posted(server, path, pairs))


@pytest.mark.parametrize("path, form, name", MACHINES)
def test_once_in_the_query_and_once_in_the_body(
    path: str, form: dict[str, str], name: str, server: Live
) -> None:
    for left in (form, {one: value for one, value in form.items() if one != name}):
        _refused(_posted(server, f"{path}?{urlencode({name: form[name]})}", list(left.items())))


@pytest.mark.parametrize("same", [True, False], ids=["the same value", "another value"])
@pytest.mark.parametrize("name", AUTHORIZE)
def test_twice_at_the_authorization_endpoint(name: str, same: bool, server: Live) -> None:
    second = (name, AUTHORIZE[name] if same else "another")
    pairs = [*AUTHORIZE.items(), second]
    for answer in (
        server.http.get(f"/authorize?{urlencode(pairs)}"),
        server.http.get(f"/authorize?{urlencode(pairs[::-1])}"),
        _posted(server, "/authorize", pairs),
        _posted(server, f"/authorize?{urlencode([second])}", list(AUTHORIZE.items())),
    ):
        stayed(answer)
        assert answer.status_code == 400
        assert error_code(answer.text) == "invalid_request"


def test_an_empty_one_counts_as_one_too(server: Live) -> None:
    pairs = [*AUTHORIZE.items(), ("state", "")]
    stayed(server.http.get(f"/authorize?{urlencode(pairs)}"))
    _refused(_posted(server, "/par", pairs))


def test_an_escaped_name_is_the_same_name(server: Live) -> None:
    stayed(server.http.get(f"/authorize?{urlencode(AUTHORIZE)}&%73tate=x"))
    stayed(server.http.get(f"/authorize?{urlencode(AUTHORIZE)}&s%74ate=x"))


def test_a_refused_one_spends_nothing(server: Live) -> None:
    code = authorize(server.browser(), STEFAPP)
    form = STEFAPP.redemption(code)
    for name in form:
        _refused(_posted(server, "/token", [*form.items(), (name, form[name])]))
    mine = redeem(server, code)
    assert mine.status_code == 200
    token = mine.json()["refresh_token"]
    pairs = [("token", token), ("token", token), ("client_id", "stefapp")]
    _refused(_posted(server, "/revoke", pairs))
    assert refresh(server, token).status_code == 200


def test_resource_alone_may_stand_several_times(server: Live) -> None:
    pairs = [
        *asking(AS_WEB, scope="openid chirps photos.read").parameters().items(),
        ("resource", "https://chirp.example"),
        ("resource", "https://photos.example"),
    ]
    browser = server.browser()
    browser.open(f"/authorize?{urlencode(pairs)}")
    browser.sign_in()
    browser.press("allow")
    mine = redeem(server, browser.answer()["code"], AS_WEB).json()
    told = introspected(server, mine["access_token"])
    assert told["aud"] == ["https://chirp.example", "https://photos.example"]


def test_two_headers_that_authenticate(server: Live) -> None:
    token = tokens(server)["access_token"]
    twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    answer = server.http.get("/userinfo", headers=httpx2.Headers(twice))
    assert answer.status_code == 400
    assert "sub" not in answer.text


def _posted(server: Live, path: str, pairs: list[tuple[str, str]]) -> httpx2.Response:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return server.http.post(path, content=urlencode(pairs).encode(), headers=headers)


def _refused(answer: httpx2.Response) -> None:
    stayed(answer)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.headers["cache-control"] == "no-store"
