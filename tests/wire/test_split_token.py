"""Split access tokens: what is no half, and what does not join."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.attacks.play import claims
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row

from valetkey.jose import jwt
from valetkey.wire import opaque, split_token
from valetkey.wire.access_token import TYPE, AccessToken, Confirmation, VerifiedTokens
from valetkey.wire.split_token import OF_API, NotHalf, join, of_api, prove, read, write

ES, OTHER = key("ES256"), key("ES256", "another")
KEYS = (ES.public(), key("RS256").public())
NOW = 1_700_000_000
API = "https://chirp.example"
ISSUER = "https://id.example"
SEALED = bytes(range(200))
APP = write(SEALED, exp=NOW + 300, key=ES)
TOKEN = AccessToken(
    iss=ISSUER,
    iat=NOW,
    exp=NOW + 300,
    sub="miko",
    aud=(API,),
    client_id="app",
    jti="1",
    scope="chirps.read",
    cnf=Confirmation(jkt="j" * 43),
)


def proved(text: str) -> split_token.AppHalf:
    half = read(text)
    prove(half, KEYS)
    return half


def api_half(text: str = APP, token: AccessToken = TOKEN) -> AccessToken:
    return jwt.prove(
        of_api(token, text, key=ES), AccessToken, keys=KEYS, typ=(OF_API.lower(),), issuer=ISSUER
    )


def test_what_is_in_an_apps_half() -> None:
    half = proved(APP)
    assert (half.exp, half.sealed) == (NOW + 300, SEALED)
    assert "sealed" not in repr(half)


def test_both_halves_are_the_token() -> None:
    told = join(APP, api_half())
    assert replace(told, ath="") == TOKEN


def _raw(text: str) -> bytes:
    return opaque.read("at", text)


def _again(raw: bytes) -> str:
    """With a checksum that fits, as whoever reads this file can make it."""
    return opaque.write("at", raw)


def _resigned(text: str) -> str:
    return write(read(text).sealed, exp=NOW + 300, key=OTHER)


FORGED: list[Any] = [
    row("-", "nothing", lambda: ""),
    row("-", "its prefix alone", lambda: "vk_at_"),
    row("-", "no bytes", lambda: _again(b"")),
    row("-", "a key's name and no more", lambda: _again(_raw(APP)[:17])),
    row("-", "no contents", lambda: _again(_raw(APP)[: 17 + 64])),
    row("-", "an end and no contents", lambda: _again(_raw(APP)[: 17 + 64 + 8])),
    row("-", "the name of a key that is no text", lambda: _again(b"\x02\xff\xfe" + _raw(APP)[17:])),
    row("-", "by another key", lambda: _resigned(APP)),
    row("-", "by no key", lambda: _again(b"\x00" + _raw(APP)[17:])),
    row("-", "another kind's prefix", lambda: APP.replace("vk_at_", "vk_rt_")),
    row("-", "in front of something else", lambda: APP + "A"),
    row("-", "twice", lambda: APP + APP),
    row("-", "longer than any", lambda: "vk_at_" + "A" * split_token.MAX_LENGTH),
    row("-", "a whole token", lambda: jwt.sign(TOKEN, key=ES, typ=TYPE)),
    row("-", "the API's half", lambda: of_api(TOKEN, APP, key=ES)),
]


@pytest.mark.parametrize("make", FORGED)
def test_what_is_no_apps_half(make: Callable[[], str]) -> None:
    with pytest.raises(NotHalf):
        proved(make())


def test_no_part_of_an_apps_half_is_one() -> None:
    """Every beginning, and every end, with and without a checksum that fits."""
    raw = _raw(APP)
    parts = [APP[:end] for end in range(len(APP))] + [APP[start:] for start in range(1, len(APP))]
    parts += [_again(raw[:end]) for end in range(len(raw))]
    parts += [_again(raw[start:]) for start in range(1, len(raw))]
    assert [one for one in parts if _is_one(one)] == []


def test_no_bit_of_an_apps_half_can_be_changed() -> None:
    raw = _raw(APP)
    changed = [
        raw[:at] + bytes((raw[at] ^ 1 << bit,)) + raw[at + 1 :]
        for at in range(len(raw))
        for bit in (0, 7)
    ]
    assert [one for one in changed if _is_one(_again(one))] == []


def _is_one(text: str) -> bool:
    try:
        proved(text)
    except NotHalf:
        return False
    return True


UNBOUND = AccessToken(
    iss=ISSUER, iat=NOW, exp=NOW + 300, sub="miko", aud=(API,), client_id="app", jti="1"
)

APART: list[Any] = [
    row("-", "another token's half", write(SEALED, exp=NOW + 300, key=ES), api_half()),
    row("-", "its beginning", APP[:-1], api_half()),
    row("-", "nothing", "", api_half()),
    row("-", "the API's half in its place", of_api(TOKEN, APP, key=ES), api_half()),
    row("-", "a token that is bound to nobody", APP, api_half(token=UNBOUND)),
]


@pytest.mark.parametrize("text,half", APART)
def test_what_does_not_join(text: str, half: AccessToken) -> None:
    with pytest.raises(NotHalf):
        join(text, half)


def test_neither_kind_passes_for_the_other() -> None:
    """A whole token is no API's half, whatever claims it has, and the other way round."""
    claims = api_half()
    whole = jwt.sign(claims, key=ES, typ=TYPE)
    requests: dict[str, Any] = {"keys": KEYS, "audience": API, "now": NOW}
    with pytest.raises(jwt.BadToken, match="typ"):
        VerifiedTokens(ISSUER, typ=OF_API).verify(whole, **requests)
    with pytest.raises(jwt.BadToken, match="typ"):
        VerifiedTokens(ISSUER).verify(of_api(TOKEN, APP, key=ES), **requests)


def _at_the_api(text: str) -> bool:
    try:
        VerifiedTokens(ISSUER, typ=OF_API).verify(text, keys=KEYS, audience=API, now=NOW)
    except jwt.BadToken:
        return False
    return True


def test_the_corpus_against_the_apis_half() -> None:
    """A59 to A61: what is wrong with a JWS, each proper prefix, and each suffix."""
    honest = Honest(ES, claims(of_api(TOKEN, APP, key=ES)), OF_API)
    assert _at_the_api(honest.token())
    rows: dict[str, Bad] = {one.id: one.values[0] for one in (*BAD, *BY_NAME)}
    tried = {what: bad(honest) for what, bad in rows.items()}
    tried |= {f"cut {at}": piece for at, piece in enumerate(prefixes_and_suffixes(honest.token()))}
    assert [what for what, text in tried.items() if _at_the_api(text)] == []
