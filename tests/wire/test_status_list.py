"""Status lists: both halves, and lists that say nothing."""

import zlib
from typing import Any

import msgspec
import pytest
from tests.keys import key
from tests.rows import row

from valetkey.jose import base64url, jws
from valetkey.wire.status_list import (
    INVALID,
    MAX_BYTES,
    SIZE,
    SUSPENDED,
    TYPE,
    VALID,
    BadList,
    StatusList,
    pack,
    read,
)

ISSUER = "https://id.example"
URI = f"{ISSUER}/status/0.0.c3RlZg"
NOW = 1_700_000_000


def text(*, typ: str = TYPE, by: str = "ES256", **claims: Any) -> str:
    """A list token; a claim that is None is left out."""
    usual: dict[str, Any] = {
        "iss": ISSUER,
        "sub": URI,
        "iat": NOW,
        "exp": NOW + 60,
        "ttl": 5,
        "status_list": msgspec.to_builtins(pack({5: INVALID}, size=64)),
    }
    told = {name: value for name, value in (usual | claims).items() if value is not None}
    return jws.sign(msgspec.json.encode(told), key=key(by), typ=typ)  # type: ignore[arg-type]


def reading(token: str, *, now: int = NOW, uri: str = URI) -> StatusList:
    keys = (key("ES256").public(), key("RS256").public())
    return read(token, keys=keys, issuer=ISSUER, uri=uri, now=now)


def lst(raw: bytes) -> str:
    return base64url.encode(zlib.compress(raw))


EXAMPLES = [
    row("4.1", "one bit", 1, "eNrbuRgAAhcBXQ", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
    row("4.1", "two bits", 2, "eNo76fITAAPfAgc", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
]


@pytest.mark.parametrize("bits,packed_as,statuses", EXAMPLES)
def test_the_examples_of_the_draft(bits: int, packed_as: str, statuses: list[int]) -> None:
    result = reading(text(status_list={"bits": bits, "lst": packed_as}))
    assert [result.at(idx) for idx in range(len(statuses))] == statuses
    with pytest.raises(BadList):
        result.at(len(statuses))


def test_what_is_written_is_read() -> None:
    statuses = {0: INVALID, 3: SUSPENDED, 4: INVALID, SIZE - 1: SUSPENDED}
    result = reading(text(status_list=msgspec.to_builtins(pack(statuses))))
    for idx in (0, 1, 2, 3, 4, 5, SIZE - 2, SIZE - 1):
        assert result.at(idx) == statuses.get(idx, VALID)
    assert (result.ttl, result.until) == (5, NOW + 60)


def test_what_stands_where_nothing_else_does() -> None:
    result = reading(text(status_list=msgspec.to_builtins(pack({1: INVALID}, rest=SUSPENDED))))
    assert [result.at(idx) for idx in (0, 1, SIZE - 1)] == [SUSPENDED, INVALID, SUSPENDED]


def test_a_list_in_which_nothing_stands_is_short() -> None:
    assert len(text(status_list=msgspec.to_builtins(pack({})))) < 2500


SECOND = lst(b"\0") + "AAAA"

BAD = [
    row("8.3", "another key's signature", text()[:-8] + "AAAAAAAA"),
    row("8.3", "another algorithm", text(by="RS256")),
    row("5.1", "another type", text(typ="at+jwt")),
    row("5.1", "no type", text(typ="")),
    row("8.3", "another issuer's", text(iss="https://id.example.evil")),
    row("8.3", "another list", text(sub=f"{URI}x")),
    row("8.3", "no subject", text(sub=None)),
    row("5.1", "no time of issue", text(iat=None)),
    row("5.1", "of tomorrow", text(iat=NOW + 86400, exp=NOW + 90000)),
    row("8.3", "over", text(exp=NOW - 61)),
    row("5.1", "a ttl of nothing", text(ttl=0)),
    row("5.1", "a ttl below nothing", text(ttl=-5)),
    row("5.1", "a ttl that is no number", text(ttl="5")),
    row("5.1", "no list", text(status_list=None)),
    row("4.2", "three bits", text(status_list={"bits": 3, "lst": lst(b"\0")})),
    row("4.2", "bits that are text", text(status_list={"bits": "2", "lst": lst(b"\0")})),
    row("4.2", "no base64url", text(status_list={"bits": 2, "lst": "eNo76fITAAPfAgc="})),
    row("4.1", "not packed", text(status_list={"bits": 2, "lst": base64url.encode(b"\0\0\0")})),
    row("4.1", "cut off", text(status_list={"bits": 2, "lst": lst(b"\1" * 99)[:-8]})),
    row("4.1", "goes on", text(status_list={"bits": 2, "lst": SECOND})),
    row("4.1", "a bomb", text(status_list={"bits": 2, "lst": lst(bytes(MAX_BYTES * 8))})),
]


@pytest.mark.parametrize("token", BAD)
def test_a_bad_list_says_nothing(token: str) -> None:
    with pytest.raises(BadList):
        reading(token)
