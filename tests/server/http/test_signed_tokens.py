"""The server knows its own tokens without checking their signatures, and no others."""

import os

import pytest
from tests.keys import key
from tests.rows import row

from valetkey.jose import jws
from valetkey.server.http.signed_tokens import SignedTokens

KEY, OTHER = key("ES256", "ours"), key("ES256", "another")
TYPE = "at+jwt"


def signed(number: int = 0) -> str:
    return jws.sign(b'{"n":%d}' % number, key=KEY, typ=TYPE)


def read(token: str, known: SignedTokens, *, published: bool = True) -> bytes:
    keys = [KEY.public()] if published else [OTHER.public()]
    return jws.verify(token, keys, algorithms=["ES256"], typ=[TYPE], signed_here=known.has)


def remembered(token: str) -> SignedTokens:
    known = SignedTokens(slots=256)
    known.add(token)
    return known


def test_its_signature_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed()
    known = remembered(token)
    monkeypatch.setattr(jws, "_checked", None)
    assert read(token, known) == b'{"n":0}'


@pytest.mark.parametrize(
    "changed",
    [
        row("RFC 7515 5.2", "another signature", lambda token: token[:-8] + "AAAAAAAA"),
        row("RFC 7515 5.2", "no signature", lambda token: token.rpartition(".")[0] + "."),
        row(
            "RFC 7515 5.2",
            "another payload",
            lambda token: token.replace(token.split(".")[1], "eyJuIjoxfQ"),
        ),
    ],
)
def test_another_text_is_another_token(changed: object) -> None:
    token = signed()
    assert callable(changed)
    with pytest.raises(jws.BadSignature):
        read(changed(token), remembered(token))


def test_a_key_that_is_gone_opens_nothing_though_the_token_is_known() -> None:
    token = signed()
    with pytest.raises(jws.BadSignature, match="no key"):
        read(token, remembered(token), published=False)


def test_a_token_of_elsewhere_is_proved_by_its_signature() -> None:
    assert read(signed(), SignedTokens(slots=256)) == b'{"n":0}'


def test_a_newer_token_takes_the_place_of_an_older_one() -> None:
    known, tokens = SignedTokens(slots=16), [signed(number) for number in range(200)]
    for token in tokens:
        known.add(token)
    assert 1 <= sum(map(known.has, tokens)) <= 16
    assert known.has(tokens[-1])


def test_workers_share_it() -> None:
    known, token = SignedTokens(slots=256), signed()
    pid = os.fork()
    if pid == 0:
        known.add(token)
        os._exit(0)
    os.waitpid(pid, 0)
    assert known.has(token)
