"""Proof Key for Code Exchange (RFC 7636), S256 only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.wire import pkce

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
OCTETS = bytes.fromhex("7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79")


def test_the_vector_of_the_standard() -> None:
    assert pkce.verifier(OCTETS) == VERIFIER
    assert pkce.challenge(VERIFIER) == CHALLENGE
    assert pkce.proves(VERIFIER, CHALLENGE)


@given(st.binary(min_size=32, max_size=32))
def test_what_we_make_we_accept(random: bytes) -> None:
    verifier = pkce.verifier(random)
    assert pkce.is_challenge(pkce.challenge(verifier))
    assert pkce.proves(verifier, pkce.challenge(verifier))


VERIFIERS = [
    row("4.6", "another", VERIFIER[:-1] + "l"),
    row("4.6", "in another case", VERIFIER.lower()),
    row("4.6", "the challenge itself: no plain", CHALLENGE),
    row("4.6", "empty", ""),
    row("4.1", "42 characters", VERIFIER[:-1]),
    row("4.1", "129 characters", "a" * 129),
    row("4.1", "padding", VERIFIER + "="),
    row("4.1", "a space", VERIFIER + " "),
    row("4.1", "a newline", VERIFIER + "\n"),
    row("4.1", "a plus", VERIFIER.replace("-", "+")),
    row("4.1", "a letter outside ASCII", VERIFIER + "é"),
]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_what_does_not_prove(verifier: str) -> None:
    assert not pkce.proves(verifier, CHALLENGE)


@pytest.mark.parametrize("verifier", [row("4.1", f"{n} long", "~" * n) for n in (42, 129)])
def test_a_verifier_of_a_wrong_length_proves_nothing_of_its_own(verifier: str) -> None:
    assert not pkce.proves(verifier, pkce.challenge(verifier))


@pytest.mark.parametrize("verifier", [row("4.1", f"{n} long", "~" * n) for n in (43, 128)])
def test_the_shortest_and_the_longest_verifier(verifier: str) -> None:
    assert pkce.proves(verifier, pkce.challenge(verifier))


CHALLENGES = [
    row("4.2", "empty", ""),
    row("4.2", "cut", CHALLENGE[:-1]),
    row("4.2", "too long", CHALLENGE + "A"),
    row("4.2", "padding", CHALLENGE + "="),
    row("4.2", "the other alphabet", CHALLENGE.replace("-", "+")),
    row("4.2", "a newline", CHALLENGE + "\n"),
    row("4.2", "hex", "ab" * 32),
]


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_what_is_no_challenge(challenge: str) -> None:
    assert not pkce.is_challenge(challenge)
