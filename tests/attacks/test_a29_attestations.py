"""A29, A39: stolen client attestation (draft-ietf-oauth-attestation-based-client-auth).

Attack: A thief presents the attestation of a genuine copy of an app, or repeats its proof.
Defense: An attestation is useless without its key, and the server accepts each proof once.
"""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx2
import pytest
from tests.live import Live, live
from tests.server.oauth.clients.test_attestation import ATTESTER, COPY, OTHER, WALLET

from valetkey.server.model.change import Create
from valetkey.wire import client_attestation as wire

_NAMES = count()


@pytest.fixture(scope="module")
def attesting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder, on = tmp_path_factory.mktemp("attesting"), ("client attestation",)
    with live(folder, enable=on) as server:
        server.run(server.store.commit([Create(WALLET)]))
        yield server


def challenge(server: Live) -> str:
    """As the draft has it: a POST without anything in it."""
    answer = server.http.post("/attestation-challenge")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["attestation_challenge"])


def headers(server: Live, *, by: Any = COPY, of: Any = COPY, at: str = "") -> dict[str, str]:
    now = int(time.time())
    one = wire.write("wallet", of.public(), key=ATTESTER, now=now, seconds=60)
    proof = wire.write_pop(
        issuer=at or server.issuer,
        key=by,
        jti=f"jti {next(_NAMES)}",
        now=now,
        challenge=challenge(server),
    )
    return {wire.HEADER: one, wire.POP_HEADER: proof}


def ask(server: Live, sent: dict[str, str]) -> httpx2.Response:
    return server.http.post("/introspect", data={"token": "x"}, headers=sent)


def test_a_copy_that_holds_its_key_is_let_in(attesting: Live) -> None:
    answer = ask(attesting, headers(attesting))
    assert (answer.status_code, answer.json()) == (200, {"active": False})
    assert answer.headers[wire.CHALLENGE_HEADER] == challenge(attesting)


def test_a_stolen_attestation_is_worth_nothing(attesting: Live) -> None:
    answer = ask(attesting, headers(attesting, by=OTHER))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_proof_that_was_overheard_is_worth_nothing(attesting: Live) -> None:
    sent = headers(attesting)
    assert ask(attesting, sent).status_code == 200
    assert ask(attesting, sent).json()["error"] == "invalid_client"


def test_a_proof_for_another_server_is_worth_nothing(attesting: Live) -> None:
    sent = headers(attesting, at="https://other.example")
    assert ask(attesting, sent).json()["error"] == "invalid_client"


def test_a_refusal_that_wants_a_challenge_brings_one(attesting: Live) -> None:
    now = int(time.time())
    proof = wire.write_pop(issuer=attesting.issuer, key=COPY, jti="none", now=now)
    answer = ask(attesting, {**headers(attesting), wire.POP_HEADER: proof})
    assert (answer.status_code, answer.json()["error"]) == (400, "use_attestation_challenge")
    fresh = answer.headers[wire.CHALLENGE_HEADER]
    again = wire.write_pop(issuer=attesting.issuer, key=COPY, jti="with", now=now, challenge=fresh)
    answer = ask(attesting, {**headers(attesting), wire.POP_HEADER: again})
    assert answer.status_code == 200


def test_discovery_says_so(attesting: Live, server: Live) -> None:
    told = attesting.http.get("/.well-known/oauth-authorization-server").json()
    assert wire.METHOD in told["token_endpoint_auth_methods_supported"]
    assert told["challenge_endpoint"] == f"{attesting.issuer}/attestation-challenge"
    assert "ES256" in told["client_attestation_signing_alg_values_supported"]
    assert server.http.post("/attestation-challenge").status_code == 404
    plain = server.http.get("/.well-known/oauth-authorization-server").json()
    assert "attest" not in str(plain)
