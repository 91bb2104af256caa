"""A19: an assertion that was made for another place, or for several, is carried to this server."""

from typing import Any

import pytest
from tests.attacks.signing import asserted, at_token, proof, register
from tests.live import Live
from tests.rows import row


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


AUDIENCES: list[Any] = [
    row("A19", "the token endpoint", lambda issuer: f"{issuer}/token"),
    row("A19", "the PAR endpoint", lambda issuer: f"{issuer}/par"),
    row("A19", "the issuer in a list", lambda issuer: [issuer]),
    row("A19", "the issuer and an attacker", lambda issuer: [issuer, "https://evil.example"]),
    row("A19", "an attacker", lambda issuer: "https://evil.example"),
    row("A19", "the issuer with a slash", lambda issuer: f"{issuer}/"),
    row("A19", "the issuer and more", lambda issuer: f"{issuer} https://evil.example"),
    row("A19", "nobody", lambda issuer: ...),
]


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_for_another_place(server: Live, audience: Any, path: str) -> None:
    text = asserted(server, aud=audience(server.issuer)).token()
    form = {"grant_type": "client_credentials", "token": "x", **proof(text)}
    answer = server.http.post(path, data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "evil" not in answer.text


def test_for_this_one_once(server: Live) -> None:
    text = asserted(server).token()
    assert at_token(server, text) == (200, "")
    assert at_token(server, text) == (401, "invalid_client")
