"""A token is proved once; what may change between two calls is checked at each."""

from typing import Any

import pytest
from tests.jose.test_jwt import API, ES, KEYS, NOW, PAYLOADS, REFUSED, token_with
from tests.keys import key
from tests.rows import row

from valetkey.jose import jwt
from valetkey.jose.jws import BadSignature, read_header
from valetkey.jose.jwt import BadToken
from valetkey.wire import access_token, dpop
from valetkey.wire.access_token import VerifiedTokens

OTHERS = (key("ES256", "another").public(),)


def verify(proofs: VerifiedTokens, token: str, **changed: Any) -> access_token.AccessToken:
    asked: dict[str, Any] = {"keys": KEYS, "audience": API, "now": NOW} | changed
    return proofs.verify(token, **asked).claims


@pytest.fixture
def proofs() -> VerifiedTokens:
    return VerifiedTokens("https://as.example")


def test_a_token_is_proved_once(proofs: VerifiedTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token, proved = token_with(), list[str]()
    whole = jwt.prove

    def prove(token: str, *args: Any, **named: Any) -> Any:
        proved.append(token)
        return whole(token, *args, **named)

    monkeypatch.setattr(jwt, "prove", prove)
    assert verify(proofs, token) is verify(proofs, token)
    assert proved == [token]


def end_changed(token: str) -> str:
    signed, _, end = token.rpartition(".")
    return f"{signed}.{'B' if end[0] == 'A' else 'A'}{end[1:]}"


CHANGED = [
    row("RFC 9068 4", "for another API", {"audience": "https://mint.example"}),
    row("RFC 7519 4.1.4", "over", {"now": NOW + 300 + jwt.LEEWAY}),
    row("RFC 7519 4.1.6", "the clock went back", {"now": NOW - jwt.LEEWAY - 1}),
    row("RFC 9068 4", "its key is no key any more", {"keys": OTHERS}),
    row("RFC 9068 4", "no key is known any more", {"keys": ()}),
]


@pytest.mark.parametrize("changed", CHANGED)
def test_what_changes_counts_at_once(proofs: VerifiedTokens, changed: dict[str, Any]) -> None:
    token = token_with()
    verify(proofs, token)
    with pytest.raises(BadToken):
        verify(proofs, token, **changed)


def test_a_signature_that_is_changed_is_another_token(proofs: VerifiedTokens) -> None:
    token = token_with()
    verify(proofs, token)
    with pytest.raises(BadToken):
        verify(proofs, end_changed(token))


def test_keys_that_come_back_have_proved_nothing_yet(proofs: VerifiedTokens) -> None:
    verify(proofs, token_with())
    with pytest.raises(BadToken):
        verify(proofs, token_with(), keys=OTHERS)
    assert len(proofs) == 0


@pytest.mark.parametrize("token", [*REFUSED, *PAYLOADS])
def test_what_proves_nothing_is_not_remembered(proofs: VerifiedTokens, token: str) -> None:
    for _ in range(2):
        with pytest.raises(BadToken):
            verify(proofs, token)
    assert len(proofs) == 0


def test_there_is_an_end_to_what_is_remembered(
    proofs: VerifiedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_token, "MOST", 3)
    for number in range(8):
        verify(proofs, token_with(jti=str(number)))
        assert len(proofs) <= 3


def test_nothing_of_a_token_is_kept(proofs: VerifiedTokens) -> None:
    token = token_with()
    verify(proofs, token)
    names = list(proofs._cache[1])
    assert all(token not in name and len(name) == 43 for name in names)


def test_a_header_that_was_read_once_is_still_refused_elsewhere() -> None:
    """A proof brings its own key; a token may not, though its header was read before."""
    by = key("ES256", "of an app")
    text = dpop.make(by, method="GET", address=API, now=NOW, jti="one")
    dpop.check(text, method="GET", addresses=(API,), now=NOW)
    with pytest.raises(BadSignature, match="jwk"):
        read_header(text)


def test_a_header_that_was_read_cannot_be_written() -> None:
    header: Any = read_header(token_with())
    with pytest.raises(TypeError):
        header["kid"] = "another"
    assert read_header(token_with())["kid"] == ES.kid
