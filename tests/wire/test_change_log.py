"""The change log on the wire: a piece that is forged, old, cut, out of order or of another log is
not taken for the next one."""

from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace
from tests.rows import row

from valetkey.jose import jwk, jws
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import change_log
from valetkey.wire.change_log import MAX_BYTES, MOST, BadPiece, Entry, Piece, Place

KEY: Final = jwk.generate("ES256")
OTHER: Final = jwk.generate("ES256")
ISSUER: Final = "https://id.example"
CHIRP: Final = "https://chirp.example"


def entry(seq: int, **fields: Any) -> Entry:
    made = Entry(kind="grant", status="active", subject="g", seq=seq, mark=f"m{seq}", at=1)
    return replace(made, **fields)


PIECE: Final = Piece(
    iss=ISSUER,
    aud=CHIRP,
    at=1_000,
    node="n",
    after=4,
    to=6,
    head=6,
    link="m4",
    entries=(entry(5), entry(6)),
)


def read(text: str) -> Piece:
    return change_log.read(text, keys=[KEY.public()], issuer=ISSUER, audience=CHIRP)


def signed(piece: Piece = PIECE, *, key: PrivateKey = KEY, typ: str = change_log.TYPE) -> str:
    return jws.sign(msgspec.json.encode(piece), key=key, typ=typ)


def test_what_is_written_is_read() -> None:
    assert read(change_log.write(PIECE, key=KEY)) == PIECE


def of(**fields: Any) -> str:
    return signed(replace(PIECE, **fields))


@pytest.mark.parametrize(
    "text",
    [
        row("ours", "another key", signed(key=OTHER)),
        row("ours", "another key of the same name", signed(key=replace(OTHER, kid=KEY.kid))),
        row("ours", "a token of another kind", signed(typ="at+jwt")),
        row("ours", "another issuer's", of(iss="https://evil.example")),
        row("ours", "for another resource server", of(aud="https://photos.example")),
        row("ours", "an entry cut out", of(entries=(entry(5),))),
        row("ours", "an entry from the middle cut out", of(to=7, entries=(entry(5), entry(7)))),
        row("ours", "entries in another order", of(entries=(entry(6), entry(5)))),
        row("ours", "an entry twice", of(entries=(entry(5), entry(5)))),
        row("ours", "an entry put in", of(entries=(entry(5), entry(6), entry(7)))),
        row("ours", "beyond its own end", of(head=5)),
        row("ours", "before the beginning", of(after=-3, to=-1, entries=())),
        row("ours", "a kind that nobody knows", of(entries=(entry(5, kind="x"), entry(6)))),
        row("ours", "a number that is none", of(at="now")),
        row("ours", "no JWS", "x"),
        row("ours", "nothing", ""),
        row("ours", "longer than any", "a." * 100_000),
        row("ours", "no signature", signed().rpartition(".")[0] + "."),
        row("ours", "a changed letter", signed().replace(".", ".A", 1)),
    ],
)
def test_what_is_not_the_servers_word_is_refused(text: str) -> None:
    with pytest.raises(BadPiece):
        read(text)


HERE: Final = Place(4, "m4")


def test_the_next_piece_leads_on() -> None:
    assert change_log.follow(HERE, PIECE) == Place(6, "m6")
    assert change_log.follow(Place(4), PIECE) == Place(6, "m6")
    beat = replace(PIECE, after=6, to=6, link="m6", entries=())
    assert change_log.follow(Place(6, "m6"), beat) == Place(6, "m6")


@pytest.mark.parametrize(
    "place",
    [
        row("ours", "it was seen before", Place(6, "m6")),
        row("ours", "part of it was seen before", Place(5, "m5")),
        row("ours", "something is left out", Place(3, "m3")),
        row("ours", "the log was set back", Place(9, "m9")),
        row("ours", "it is of another log", Place(4, "x4")),
    ],
)
def test_what_is_not_next_is_noticed(place: Place) -> None:
    with pytest.raises(BadPiece):
        change_log.follow(place, PIECE)


def test_a_piece_has_an_end() -> None:
    small = [entry(n) for n in range(1000)]
    assert len(change_log.take_fitting(small)) == MOST
    wide = [entry(n, permissions=("x" * 5000,)) for n in range(100)]
    fit = change_log.take_fitting(wide)
    assert 0 < len(fit) < 100
    assert len(msgspec.json.encode(fit)) <= MAX_BYTES
    assert len(change_log.take_fitting([entry(1, permissions=("x" * MAX_BYTES,))])) == 1
    assert read(of(to=4 + len(fit), head=104, entries=renumbered(fit))).entries


def renumbered(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple(replace(one, seq=number) for number, one in enumerate(entries, 5))
