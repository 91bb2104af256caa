"""A44: a request in a request (RFC 9126 2.1).

Attack: A pushed or signed request contains another request or an address of one.
Defense: The server refuses it.

A46: fetching a request from inside (RFC 9101 10.4).

Attack: A client names an internal address from which the server should fetch a request.
Defense: The server fetches only registered public addresses, and only if this feature is enabled.

A47: parameters next to a signed request (RFC 9101 6.3).

Attack: An attacker adds parameters next to a signed request.
Defense: Only the parameters inside the signed request count.
"""

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.attacks.signing import REDIRECT, asserted, proof, pushed, register, requested
from tests.live import Live
from tests.rows import row


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


OUTSIDE = {
    "state": "outside",
    "nonce": "outside",
    "scope": "openid chirps",
    "redirect_uri": "https://evil.example/cb",
    "response_type": "token",
}


def test_what_stands_outside_does_not_count(server: Live) -> None:
    form = {"request": requested(server).token(), **OUTSIDE, **proof(asserted(server).token())}
    answer = server.http.post("/par", data=form)
    assert answer.status_code == 201, answer.text
    browser = server.browser()
    uri = answer.json()["request_uri"]
    browser.open(f"{server.url}/authorize?client_id=signer&request_uri={uri}&state=outside")
    browser.sign_in("miko")
    browser.press("allow")
    location = browser.page.headers["location"]
    assert location.startswith(REDIRECT)
    assert parse_qs(urlsplit(location).query)["state"] == ["inside"]


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_a_request_within_a_request(server: Live, name: str) -> None:
    """A44."""
    text = requested(server, **{name: "https://evil.example/request"}).token()
    assert pushed(server, text) == (400, "invalid_request_object")


def test_a_request_uri_is_not_pushed(server: Live) -> None:
    form = {"request_uri": "https://evil.example/r", **proof(asserted(server).token())}
    answer = server.http.post("/par", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "uri",
    [
        row("A46", "loopback", "https://127.0.0.1/"),
        row("A46", "a cloud's metadata", "http://169.254.169.254/latest/meta-data/"),
        row("A46", "a file", "file:///etc/passwd"),
        row("A46", "anywhere", "https://evil.example/request"),
    ],
)
def test_no_address_is_fetched(server: Live, uri: str) -> None:
    """A46: off by default, so the app is told so and nothing goes out."""
    parameters = {"client_id": "signer", "redirect_uri": REDIRECT, "request_uri": uri}
    answer = server.http.get("/authorize", params=parameters)
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["error"] == ["request_uri_not_supported"]
