"""JSON objects from strangers: what is read at once is what would be read slowly."""

import msgspec
import pytest
from tests.rows import row

from valetkey.jose.objects import MAX_DEPTH, read_as, read_object, read_value
from valetkey.wire.access_token import AccessToken, Actor, Confirmation

TOKEN = AccessToken(
    iss="https://id.example",
    iat=1,
    exp=2,
    sub="somebody",
    aud=("https://api.example",),
    client_id="app",
    jti="j",
    cnf=Confirmation(jkt="k"),
)
RAW = msgspec.json.encode(TOKEN)


def test_what_we_write_is_read_at_once() -> None:
    assert read_as(RAW, AccessToken) == TOKEN == msgspec.convert(read_object(RAW), AccessToken)


@pytest.mark.parametrize(
    "raw",
    [
        row("7515 4", "a member stands twice", RAW[:-1] + b',"sub":"somebody"}'),
        row(
            "7515 4",
            "it stands twice, and says the same",
            RAW.replace(b'"exp":2', b'"exp":2,"exp":2'),
        ),
        row("7515 4", "a nested one", RAW.replace(b'"jkt":"k"', b'"jkt":"k","jkt":"k"')),
        row("7515 4", "its name is escaped", RAW[:-1] + b',"s\\u0075b":"other"}'),
        row("8259 2", "a space", RAW.replace(b":2", b": 2")),
        row("8259 2", "something stands behind it", RAW + b"{}"),
        row("8259 6", "a number in another spelling", RAW.replace(b":2", b":2.0")),
        row("8259 8.1", "no UTF-8", RAW.replace(b"somebody", b"\xff")),
        row("7519 4", "a claim of another kind", RAW.replace(b":2", b':"2"')),
        row("7519 4", "a claim that we do not know", RAW[:-1] + b',"more":1}'),
        row("7519 4.1.3", "one audience alone", RAW.replace(b"[", b"").replace(b"]", b"")),
        row("house", "no object", b"[1]"),
        row("house", "nothing", b""),
    ],
)
def test_anything_else_is_not(raw: bytes) -> None:
    assert read_as(raw, AccessToken) is None


def test_what_is_nested_too_deep_is_not() -> None:
    act = Actor(sub="a")
    for _ in range(MAX_DEPTH):
        act = Actor(sub="a", act=act)
    assert (
        read_as(msgspec.json.encode(msgspec.structs.replace(TOKEN, act=act)), AccessToken) is None
    )


UNFIT = [
    row("7493 2.1", "half a character", rb'"\ud800"'),
    row("7493 2.1", "the other half", rb'"a\udfffb"'),
    row("7493 2.1", "two first halves", rb'"\uD83D\uD83D"'),
    row("7493 2.1", "the halves the wrong way round", rb'"\ude00\ud83d"'),
    row("7493 2.1", "half a character as it is", b'"\xed\xa0\x80"'),
    row("house", "a zero byte", rb'"a\u0000b"'),
    row("7493 2.2", "a number beyond 64 bits", b"18446744073709551616"),
    row("house", "a number beyond 63 bits", b"9223372036854775808"),
    row("house", "a number before 63 bits", b"-9223372036854775809"),
    row("7493 2.2", "a number beyond every number", b"1e400"),
    row("7493 2.2", "a number before every number", b"-1e400"),
    row("house", "a number of many digits", b"9" * 5000),
    row("8259 6", "no number", b"NaN"),
    row("8259 6", "no end", b"Infinity"),
]
"""What could be neither stored nor sent on."""

WHY = "surrogate|zero byte|64 bits|is not JSON|4300 digits|can't decode"

PLACES = [
    row("house", "alone", b"@"),
    row("house", "in an object", b'{"a":@}'),
    row("house", "in a list", b"[1,[2,@]]"),
    row("house", "deep inside", b'{"a":[{"b":{"c":[@]}}]}'),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("unfit", UNFIT)
def test_what_cannot_be_stored_is_not_read(unfit: bytes, place: bytes) -> None:
    with pytest.raises(ValueError, match=WHY):
        read_value(place.replace(b"@", unfit))
    assert read_as(RAW[:-1] + b',"jti":' + unfit + b"}", AccessToken) is None


@pytest.mark.parametrize("unfit", UNFIT[:4] + UNFIT[5:6])
def test_neither_is_a_name_of_a_member(unfit: bytes) -> None:
    with pytest.raises(ValueError, match=WHY):
        read_value(b'[{"a":{' + unfit + b":1}}]")


def test_nor_a_text_that_was_read_carelessly() -> None:
    with pytest.raises(ValueError, match=WHY):
        read_value('"\ud800"')


@pytest.mark.parametrize(
    "raw, value",
    [
        row("8259 7", "a pair", rb'"\ud83d\ude00"', "😀"),
        row("8259 7", "an escaped letter", rb'"\u00e9"', "é"),
        row("8259 7", "a backslash", rb'"\\u0000"', r"\u0000"),
        row("8259 6", "the largest", b"9223372036854775807", 2**63 - 1),
        row("8259 6", "the least", b"-9223372036854775808", -(2**63)),
        row("8259 6", "a large one", b"1e300", 1e300),
    ],
)
def test_all_else_is(raw: bytes, value: object) -> None:
    assert read_value(raw) == value


@pytest.mark.parametrize("text", [rb"a\u0000b", rb"\ud800"])
def test_what_is_read_at_once_is_no_worse(text: bytes) -> None:
    assert read_as(RAW.replace(b"somebody", text), AccessToken) is None
