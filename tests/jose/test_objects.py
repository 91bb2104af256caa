"""JSON objects from strangers: what is read at once is what would be read slowly."""

import msgspec
import pytest
from tests.rows import row

from valetkey.jose.objects import DEEPEST, read_as, read_object
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
    for _ in range(DEEPEST):
        act = Actor(sub="a", act=act)
    assert (
        read_as(msgspec.json.encode(msgspec.structs.replace(TOKEN, act=act)), AccessToken) is None
    )
