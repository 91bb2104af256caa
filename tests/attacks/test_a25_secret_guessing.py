"""A25: client secret guessing (RFC 6819).

Attack: An attacker tries many client secrets.
Defense: A generated secret has 256 random bits, and wrong attempts lock nobody out.
"""

import base64

import pytest
from tests.attacks.play import AS_POST, AS_WEB, call, tokens
from tests.browser import Asking
from tests.installation import SECRETS
from tests.live import Live

from valetkey.jose import base64url
from valetkey.wire import opaque

TIMES = 1000
MACHINE = Asking(client_id="machine")


def test_a_thousand_wrong_ones_lock_nobody_out(server: Live) -> None:
    form = {"grant_type": "client_credentials", "scope": "chirps.read"}
    seen = set()
    for number in range(TIMES):
        guess = opaque.write("cs", number.to_bytes(32, "big"))
        answer = server.http.post("/token", data=form, auth=("machine", guess))
        seen.add((answer.status_code, answer.json()["error"]))
        assert answer.headers["cache-control"] == "no-store"
    assert seen <= {(401, "invalid_client"), (429, "temporarily_unavailable")}
    assert call(server, "/token", form, MACHINE).status_code == 200


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par"])
def test_almost_right_is_wrong(path: str, server: Live) -> None:
    right = SECRETS["web"]
    raw = bytearray(opaque.read("cs", right))
    raw[0] ^= 1
    almost = (
        right[:-1],
        right[1:],
        right + "A",
        right.swapcase(),
        right.removeprefix("vk_cs_"),
        opaque.write("cs", bytes(raw)),
        base64url.encode(opaque.read("cs", right)),
        base64.b64encode(right.encode()).decode(),
        " " + right,
        SECRETS["post"],
    )
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    for guess in almost:
        answer = server.http.post(path, data=form, auth=("web", guess))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), guess


def test_a_wrong_secret_and_an_unknown_client_look_alike(server: Live) -> None:
    form = {"grant_type": "client_credentials"}
    unknown = server.http.post("/token", data=form, auth=("nobody", SECRETS["web"]))
    wrong = server.http.post("/token", data=form, auth=("machine", SECRETS["web"]))
    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)
    first, second = dict(unknown.headers), dict(wrong.headers)
    for name in ("date", "request-id"):
        assert first.pop(name)
        assert second.pop(name)
    assert first == second


def test_the_owners_of_tokens_notice_nothing(server: Live) -> None:
    held = tokens(server, AS_POST)
    for _ in range(20):
        form = {"client_id": "post", "client_secret": SECRETS["web"], "token": "x"}
        assert server.http.post("/revoke", data=form).status_code == 401
    renewed = call(
        server,
        "/token",
        {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]},
        AS_POST,
    )
    assert renewed.status_code == 200
    assert tokens(server, AS_WEB)["access_token"]
