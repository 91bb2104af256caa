"""Bearer tokens in a header, and the challenge that refuses one (RFC 6750)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.wire.bearer import Challenge, read_challenge, read_header

HEADERS = [
    row("2.1", "plain", "Bearer abc", "abc"),
    row("2.1", "every character of b64token", "Bearer aZ0-._~+/==", "aZ0-._~+/=="),
    row("7235 2.1", "the scheme in lower case", "bearer abc", "abc"),
    row("7235 2.1", "the scheme in capitals", "BEARER abc", "abc"),
    row("7235 2.1", "several spaces", "Bearer   abc", "abc"),
    row("2.1", "no header", "", None),
    row("2.1", "no token", "Bearer", None),
    row("2.1", "a space for a token", "Bearer ", None),
    row("2.1", "another scheme", "Basic abc", None),
    row("2.1", "a DPoP token is no bearer token", "DPoP abc", None),
    row("2.1", "a scheme that ends like it", "XBearer abc", None),
    row("2.1", "no space", "Bearerabc", None),
    row("2.1", "two tokens", "Bearer abc def", None),
    row("2.1", "two headers in one", "Bearer abc, Bearer def", None),
    row("2.1", "quotes", 'Bearer "abc"', None),
    row("2.1", "an equals sign inside", "Bearer a=b", None),
    row("2.1", "a tab", "Bearer\tabc", None),
    row("2.1", "a newline inside", "Bearer abc\ndef", None),
    row("2.1", "a letter outside ASCII", "Bearer abcé", None),
]


@pytest.mark.parametrize("value,expected", HEADERS)
def test_the_token_in_a_header(value: str, expected: str | None) -> None:
    found = read_header(value)
    assert found == (None if expected is None else ("Bearer", expected))


SCHEMES = [
    row("RFC 9449 7.1", "a bound token", "DPoP abc", ("DPoP", "abc")),
    row("RFC 9110 11.1", "whose scheme has no case", "dpop abc", ("DPoP", "abc")),
    row("RFC 6750 2.1", "a bearer token", "BEARER abc", ("Bearer", "abc")),
    row("RFC 9110 11.1", "an unknown scheme", "Basic abc", None),
]


@pytest.mark.parametrize("value, expected", SCHEMES)
def test_the_scheme_of_a_token(value: str, expected: tuple[str, str] | None) -> None:
    assert read_header(value, schemes=("Bearer", "DPoP")) == expected


CHALLENGES = [
    row("3", "nothing to say", Challenge(), "Bearer"),
    row("3", "a realm", Challenge(realm="chirp"), 'Bearer realm="chirp"'),
    row(
        "3.1",
        "what is missing",
        Challenge(error="insufficient_scope", scope="posts:read posts:write"),
        'Bearer error="insufficient_scope", scope="posts:read posts:write"',
    ),
    row(
        "9728 5.1",
        "where to learn more",
        Challenge(error="invalid_token", resource_metadata="https://chirp.example/.well-known/x"),
        'Bearer error="invalid_token", resource_metadata="https://chirp.example/.well-known/x"',
    ),
]


@pytest.mark.parametrize("challenge,header", CHALLENGES)
def test_a_challenge_goes_out_and_comes_back(challenge: Challenge, header: str) -> None:
    assert challenge.header() == header
    assert read_challenge(header) == challenge


def test_challenges_in_a_row_are_read_as_one() -> None:
    both = 'Bearer realm="chirp", DPoP algs="ES256", error="invalid_token"'
    read = read_challenge(both, schemes=("Bearer", "DPoP"))
    assert read == Challenge(realm="chirp", algs="ES256", error="invalid_token")
    bound_token = Challenge(error="use_dpop_nonce", algs="ES256", scheme="DPoP")
    assert bound_token.header() == 'DPoP error="use_dpop_nonce", algs="ES256"'
    assert read_challenge(bound_token.header(), schemes=("DPoP",)) == bound_token
    assert read_challenge(bound_token.header()) is None


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\')))
def test_any_description_of_the_standards_characters_comes_back(text: str) -> None:
    challenge = Challenge(error="invalid_token", error_description=text)
    assert read_challenge(challenge.header()) == challenge


@given(st.text())
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    """RFC 6750 3 has fewer characters than HTTP: what does not fit is left out."""
    header = Challenge(error="x", error_description=text, scope="s").header()
    assert header.isascii()
    assert header.isprintable()
    read = read_challenge(header)
    assert read is not None
    assert (read.error, read.scope) == ("x", "s")


OTHERS = [
    row("7235 2.1", "another scheme", 'Basic realm="x"', None),
    row("7235 2.1", "no header", "", None),
    row("7235 2.1", "another case", 'bEARER REALM="x"', Challenge(realm="x")),
    row("7235 2.1", "no spaces", 'Bearer realm="x",error="y"', Challenge(realm="x", error="y")),
    row(
        "7235 2.1",
        "a space before the comma",
        'Bearer realm="x" , error="y"',
        Challenge(realm="x", error="y"),
    ),
    row("7235 2.1", "unknown parameters", 'Bearer error="y", nonce="1"', Challenge(error="y")),
    row("7235 2.1", "a comma in quotes", 'Bearer scope="a, b"', Challenge(scope="a, b")),
]


@pytest.mark.parametrize("header,expected", OTHERS)
def test_a_challenge_that_others_wrote(header: str, expected: Challenge | None) -> None:
    assert read_challenge(header) == expected
