"""A45: algorithm tricks in signed requests (RFC 8725 2.1).

Attack: An attacker signs a request with no algorithm, or with a public key as a secret.
Defense: The server accepts only the algorithms that the client may use.

A59: key confusion (RFC 8725 2.1, 2.6).

Attack: A JWT brings its own key, or names a key by an unusual `kid`.
Defense: The server checks the algorithm first, and never takes a key from a header.

A60: unknown extensions and duplicate members (RFC 8725 2.4).

Attack: A JWT has a critical header that the server doesn't know, or a JSON member twice.
Defense: The server refuses it.

A61: bombs (RFC 8725 2.4).

Attack: A JWT makes the server unpack or compute a lot.
Defense: The server limits sizes before it parses, and unpacks nothing.
"""

import time
from collections.abc import Callable

import pytest
from tests.attacks.play import STEFAPP, tokens
from tests.attacks.signing import (
    REDIRECT,
    asserted,
    at_token,
    pushed,
    register,
    requested,
    shared_asserted,
)
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.live import Live
from tests.rows import row

from valetkey.server.http.front import MAX_HEADERS


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    register(server)


def as_assertion(server: Live, bad: Bad) -> None:
    text = bad(asserted(server))
    if text:
        assert at_token(server, text) == (401, "invalid_client")


def as_shared_assertion(server: Live, bad: Bad) -> None:
    text = bad(shared_asserted(server))
    if text:
        assert at_token(server, text) == (401, "invalid_client")


def as_pushed_request(server: Live, bad: Bad) -> None:
    text = bad(requested(server))
    if text:
        assert pushed(server, text) == (400, "invalid_request_object")


def as_request(server: Live, bad: Bad) -> None:
    text = bad(requested(server))
    if not text:
        return
    answer = server.http.get("/authorize", params={"client_id": "signer", "request": text})
    # The app has one address, so it is the app that is told (RFC 9101 7).
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{REDIRECT}?error=invalid_request_object&")


PLACES = [
    row("7523", "assertion", as_assertion),
    row("9126", "pushed request", as_pushed_request),
    row("9101", "request", as_request),
]


@pytest.mark.parametrize("bad", BAD)
def test_what_nobody_honest_makes_with_a_secret(server: Live, bad: Bad) -> None:
    as_shared_assertion(server, bad)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_what_nobody_honest_signs(
    server: Live, place: Callable[[Live, Bad], None], bad: Bad
) -> None:
    began = time.process_time()
    place(server, bad)
    # The server runs in this process: what it takes to refuse is bounded (A61).
    assert time.process_time() - began < 2


def test_honest_ones_are_taken(server: Live) -> None:
    """Else the rows above would be refused for another reason."""
    assert at_token(server, asserted(server).token()) == (200, "")
    assert at_token(server, shared_asserted(server).token()) == (200, "")
    assert pushed(server, requested(server).token())[0] == 201


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_an_access_token(server: Live, bad: Bad) -> None:
    """Signed by a key of the app's, or by nobody: at userinfo and at introspection."""
    now = int(time.time())
    claims = {"iss": server.issuer, "aud": [server.issuer], "sub": "x", "iat": now, "exp": now + 60}
    text = bad(Honest(asserted(server).key, claims, "at+jwt"))
    if not text or "\n" in text or text != text.strip():
        return  # No header can carry it.
    answer = server.http.get("/userinfo", headers={"authorization": f"Bearer {text}"})
    if len(text) > MAX_HEADERS - 512:
        assert answer.status_code == 431
        return
    assert answer.status_code == 401
    # RFC 6750 3.1: an error is named where there is a token; JSON is none (2.1).
    told = "" if text.startswith("{") else 'error="invalid_token"'
    assert told in answer.headers["www-authenticate"]
    assert ("error=" in answer.headers["www-authenticate"]) == bool(told)


def test_pieces_of_a_token(server: Live) -> None:
    token = tokens(server, STEFAPP)["access_token"]
    for piece in list(prefixes_and_suffixes(token))[::17]:
        if piece:
            answer = server.http.get("/userinfo", headers={"authorization": f"Bearer {piece}"})
            assert answer.status_code == 401, piece
