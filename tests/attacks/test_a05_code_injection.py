"""A05: code injection (RFC 9700 4.5).

Attack: An attacker redeems a stolen code, or puts it into their own session with the app.
Defense: The server binds a code to the client, the redirect URI and the PKCE challenge of its
request. A wrong attempt uses the code up.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.attacks.play import (
    AS_POST,
    AS_SPA,
    AS_WEB,
    STEFAPP,
    asking,
    claims,
    introspected,
    redeem,
)
from tests.browser import Asking, authorize
from tests.live import Live
from tests.rows import row

from valetkey.wire import pkce

VERIFIER = STEFAPP.verifier
CHALLENGE = pkce.challenge(VERIFIER)
OTHER = pkce.verifier(b"w" * 32)
LOOPBACK = "http://127.0.0.1"


OTHER_ADDRESS = {"redirect_uri": "https://web.example/other?x=1"}

SWAPS = [
    row("6749 4.1.3", "another public client", STEFAPP, AS_SPA, {}),
    row("6749 4.1.3", "a confidential client", STEFAPP, AS_WEB, {}),
    row("6749 4.1.3", "another confidential client", AS_WEB, AS_POST, {}),
    row("6749 4.1.3", "a public client instead", AS_WEB, AS_SPA, {}),
    row("6749 4.1.3", "another port", STEFAPP, STEFAPP, {"redirect_uri": f"{LOOPBACK}:1/callback"}),
    row("6749 4.1.3", "another registered address", AS_WEB, AS_WEB, OTHER_ADDRESS),
    row("6749 4.1.3", "a stranger's", AS_WEB, AS_WEB, {"redirect_uri": "https://evil.example/"}),
    row("7636 4.6", "another verifier", STEFAPP, STEFAPP, {"code_verifier": OTHER}),
    row("7636 4.6", "no verifier", STEFAPP, STEFAPP, {"code_verifier": ""}),
    row("7636 4.6", "the challenge itself", STEFAPP, STEFAPP, {"code_verifier": CHALLENGE}),
    row("7636 4.6", "a verifier that is cut", STEFAPP, STEFAPP, {"code_verifier": VERIFIER[:-1]}),
    row("7636 4.1", "a verifier that is too short", STEFAPP, STEFAPP, {"code_verifier": "v"}),
]


@pytest.mark.parametrize("base, thief, swapped", SWAPS)
def test_a_wrong_binding_gets_nothing_and_burns_the_code(
    base: Asking, thief: Asking, swapped: dict[str, str], server: Live
) -> None:
    code = authorize(server.browser(), base)
    bindings = {"redirect_uri": base.redirect_uri, "code_verifier": base.verifier}
    tried = redeem(server, code, thief, **{**bindings, **swapped})
    assert (tried.status_code, tried.json()["error"]) == (400, "invalid_grant")
    honest = redeem(server, code, base)
    assert (honest.status_code, honest.json()["error"]) == (400, "invalid_grant")


def test_without_pkce_the_redirect_uri_may_not_be_left_out(server: Live) -> None:
    base = asking(AS_WEB, code_challenge="", code_challenge_method="")
    code = authorize(server.browser(), base)
    tried = redeem(server, code, base, code_verifier="", redirect_uri="")
    assert tried.json()["error"] == "invalid_grant"


def test_a_second_use_ends_what_came_of_the_first(server: Live) -> None:
    code = authorize(server.browser(), STEFAPP)
    first = redeem(server, code).json()
    assert introspected(server, first["access_token"])["active"]
    assert redeem(server, code).json()["error"] == "invalid_grant"
    assert introspected(server, first["access_token"]) == {"active": False}
    again = server.http.post(
        "/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": first["refresh_token"],
            "client_id": "stefapp",
        },
    )
    assert again.json()["error"] == "invalid_grant"


def test_the_id_token_holds_the_nonce_of_this_very_request(server: Live) -> None:
    for nonce in ("one", "two"):
        base = asking(STEFAPP, nonce=nonce)
        answer = redeem(server, authorize(server.browser(), base), base).json()
        assert claims(answer["id_token"])["nonce"] == nonce


def test_a_code_that_is_not_whole_burns_nothing(server: Live) -> None:
    code = authorize(server.browser(), STEFAPP)
    assert redeem(server, code[:-1]).json()["error"] == "invalid_grant"
    assert redeem(server, code).status_code == 200


@pytest.mark.parametrize("base", [STEFAPP, AS_WEB], ids=["stefapp", "web"])
def test_eight_at_once_get_one_answer_at_most(base: Asking, server: Live) -> None:
    for _ in range(5):
        code = authorize(server.browser(), base)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _, code=code: redeem(server, code, base), range(8)))
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(200) == 1
        assert set(statuses) == {200, 400}
        # The others were replays, so what came of it is closed.
        (good,) = [answer.json() for answer in answers if answer.status_code == 200]
        assert introspected(server, good["access_token"]) == {"active": False}
