"""A08: PKCE downgrade (RFC 9700 4.8).

Attack: An attacker removes the challenge from a request, or uses a weaker method.
Defense: The server requires challenge and verifier together, and accepts only S256.
"""

import pytest
from tests.attacks.play import AS_POST, AS_SPA, AS_WEB, STEFAPP, asking, redeem, sent_back
from tests.browser import Asking, authorize
from tests.live import Live
from tests.rows import row

from valetkey.wire import pkce

WITHOUT = asking(AS_WEB, code_challenge="", code_challenge_method="")

PAIRS = [
    row("9700 4.8.2", "challenge and verifier", AS_WEB, AS_WEB.verifier, 200),
    row("9700 4.8.2", "challenge, no verifier", AS_WEB, "", 400),
    row("9700 4.8.2", "verifier, no challenge", WITHOUT, AS_WEB.verifier, 400),
    row("9700 4.8.2", "neither, where the policy lets it", WITHOUT, "", 200),
    row("9700 4.8.2", "public: challenge and verifier", STEFAPP, STEFAPP.verifier, 200),
    row("9700 4.8.2", "public: challenge, no verifier", STEFAPP, "", 400),
]


@pytest.mark.parametrize("base, verifier, status", PAIRS)
def test_one_without_the_other(base: Asking, verifier: str, status: int, server: Live) -> None:
    code = authorize(server.browser(), base)
    answer = redeem(server, code, base, code_verifier=verifier)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["error"] == "invalid_grant"


GOOD = pkce.challenge(STEFAPP.verifier)

CHALLENGES = [
    row("7636 4.4.1", "none", "", ""),
    row("7636 4.3", "no method, which means plain", GOOD, ""),
    row("7636 4.2", "the plain method", GOOD, "plain"),
    row("7636 4.2", "plain in full", STEFAPP.verifier, "plain"),
    row("7636 4.2", "the method in another case", GOOD, "s256"),
    row("7636 4.2", "the method with a space", GOOD, "S256 "),
    row("7636 4.2", "two methods", GOOD, "S256 plain"),
    row("7636 4.2", "a method that is none", GOOD, "S512"),
    row("7636 4.2", "a challenge that is cut", GOOD[:-1], "S256"),
    row("7636 4.2", "a challenge with padding", GOOD + "=", "S256"),
    row("7636 4.2", "a challenge in hex", "0" * 64, "S256"),
    row("7636 4.2", "a challenge of another alphabet", "+" * 43, "S256"),
    row("7636 4.4.1", "a method alone", "", "S256"),
]


@pytest.mark.parametrize("base", [STEFAPP, AS_SPA], ids=["stefapp", "spa"])
@pytest.mark.parametrize("challenge, method", CHALLENGES)
def test_a_public_client_cannot_go_without(
    challenge: str, method: str, base: Asking, server: Live
) -> None:
    more = {"code_challenge": challenge, "code_challenge_method": method}
    parameters = asking(base, **more).parameters()
    answer = server.http.get("/authorize", params=parameters)
    assert sent_back(answer)["error"] == "invalid_request"
    pushed = server.http.post("/par", data=parameters)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")


def test_a_confidential_client_goes_without_only_by_policy(server: Live) -> None:
    answer = server.browser().open(
        asking(AS_POST, code_challenge="", code_challenge_method="").path()
    )
    assert answer.status_code == 400
    assert "code_challenge is missing" in answer.text


def test_discovery_offers_s256_alone(server: Live) -> None:
    document = server.http.get("/.well-known/openid-configuration").json()
    assert document["code_challenge_methods_supported"] == ["S256"]
