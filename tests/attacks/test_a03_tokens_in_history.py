"""A03: token in an address (RFC 9700 4.3.2).

Attack: An app puts an access token into an address, and the token ends up in a browser history or a
log.
Defense: The server and the kit refuse every token in an address.
"""

import pytest
from tests.attacks.play import STEFAPP, tokens
from tests.live import Live
from tests.rows import row

TRIES = [
    row("6750 2.3", "in the query", "/userinfo?access_token={}", "", ""),
    row("6750 2.3", "in the query, posted", "/userinfo?access_token={}", "", "x=1"),
    row("6750 2.2", "in the body", "/userinfo", "", "access_token={}"),
    row("6750 2", "in the query and in the header", "/userinfo?access_token={}", "Bearer {}", ""),
    row("6750 2", "in the body and in the header", "/userinfo", "Bearer {}", "access_token={}"),
    row("6750 2", "another one in the body", "/userinfo", "Bearer {}", "access_token=other"),
    row("6750 2", "twice in the body", "/userinfo", "Bearer {}", "access_token=a&access_token=b"),
]


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    """A token that would open it."""
    return str(tokens(server)["access_token"])


@pytest.mark.parametrize("path, header, body", TRIES)
def test_it_opens_nothing(path: str, header: str, body: str, token: str, server: Live) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if header:
        headers["authorization"] = header.format(token)
    answer = server.http.request(
        "POST" if body else "GET",
        path.format(token),
        headers=headers,
        content=body.format(token).encode(),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert token not in answer.text
    assert "sub" not in answer.text


def test_who_sends_it_in_a_form_is_told_how(token: str, server: Live) -> None:
    answer = server.http.post("/userinfo", data={"access_token": token})
    assert "Authorization header" in answer.json()["error_description"]


def test_a_form_beside_the_header_is_no_harm(token: str, server: Live) -> None:
    shown = {"authorization": f"Bearer {token}"}
    assert server.http.post("/userinfo", data={"x": "1"}, headers=shown).status_code == 200
    assert server.http.post("/userinfo", json={"access_token": "x"}, headers=shown).is_success


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_no_endpoint_takes_a_token_from_its_query(path: str, token: str, server: Live) -> None:
    answer = server.http.post(f"{path}?token={token}", data=STEFAPP.parameters())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_no_token_ever_stands_in_an_address_of_ours(token: str, server: Live) -> None:
    browser = server.browser()
    browser.open(STEFAPP.path())
    browser.sign_in()
    browser.press("allow")
    assert set(browser.answer()) == {"code", "state", "iss"}
