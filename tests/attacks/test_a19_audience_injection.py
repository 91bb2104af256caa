"""A19: audience injection (draft-ietf-oauth-security-topics-update).

Attack: Somebody presents a client assertion that was made for another server, or for several.
Defense: The server accepts only assertions made for itself.
"""

from typing import Any

import pytest
from tests.attacks.signing import BANK, asserted, at_token, proof, register
from tests.live import Live
from tests.rows import row


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


AUDIENCES: list[Any] = [
    row("A19", "the endpoint of something else", lambda issuer: f"{issuer}/userinfo"),
    row("A19", "an attacker's token endpoint", lambda issuer: "https://evil.example/token"),
    row("A19", "an attacker in a list", lambda issuer: ["https://evil.example"]),
    row(
        "A19",
        "the token endpoint and an attacker",
        lambda issuer: [f"{issuer}/token", "https://evil.example"],
    ),
    row("A19", "the issuer and an attacker", lambda issuer: [issuer, "https://evil.example"]),
    row("A19", "an attacker", lambda issuer: "https://evil.example"),
    row("A19", "the issuer with a slash", lambda issuer: f"{issuer}/"),
    row("A19", "the issuer and more", lambda issuer: f"{issuer} https://evil.example"),
    row("A19", "nobody", lambda issuer: ...),
]


ENDPOINTS: list[Any] = [
    row("A19", "the token endpoint", lambda issuer: f"{issuer}/token"),
    row("A19", "the PAR endpoint", lambda issuer: f"{issuer}/par"),
    row("A19", "the issuer in a list", lambda issuer: [issuer]),
    row("A19", "both in a list", lambda issuer: [issuer, f"{issuer}/token"]),
]
"""FAPI 2.0 Security Profile 5.3.2.1: whoever holds these could be any server that says so."""

PATHS = ["/token", "/par", "/introspect", "/revoke"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_for_another_place(server: Live, audience: Any, path: str) -> None:
    refused(server, asserted(server, aud=audience(server.issuer)).token(), path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("audience", [*AUDIENCES, *ENDPOINTS])
def test_under_fapi_the_issuer_alone(server: Live, audience: Any, path: str) -> None:
    text = asserted(server, iss=BANK.id, sub=BANK.id, aud=audience(server.issuer)).token()
    refused(server, text, path)


def test_under_fapi_for_the_issuer(server: Live) -> None:
    """The other side of the table above: it is the audience that is refused there."""
    form = {"token": "x", **proof(asserted(server, iss=BANK.id, sub=BANK.id).token())}
    assert server.http.post("/revoke", data=form).status_code == 200


def refused(server: Live, text: str, path: str) -> None:
    form = {"grant_type": "client_credentials", "token": "x", **proof(text)}
    answer = server.http.post(path, data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "evil" not in answer.text


def test_for_this_one_once(server: Live) -> None:
    text = asserted(server).token()
    assert at_token(server, text) == (200, "")
    assert at_token(server, text) == (401, "invalid_client")
