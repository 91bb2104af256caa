"""A follower on a bad way: what is held up, cut, repeated or set back is noticed, and is never
taken for fresh."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.rows import row

from valetkey.resource.follower import Reading
from valetkey.resource.log_state import LogState
from valetkey.wire.access_token import AccessToken, Actor
from valetkey.wire.catalog import Catalog, Permission
from valetkey.wire.change_log import RETENTION, BadPiece, Entry, Piece, Place

CATALOG: Final = Catalog(
    resource="https://chirp.example",
    name="Chirp",
    permissions=(
        Permission(id="read", can="read"),
        Permission(id="write", can="write", implies=("read",)),
    ),
    scopes={"both": ("read", "write")},
)
BOTH: Final = frozenset({"read", "write"})


def token(**fields: Any) -> AccessToken:
    result = AccessToken(
        iss="i",
        iat=1000,
        exp=2000,
        sub="u",
        aud=("a",),
        client_id="c",
        jti="j",
        scope="read write",
        grant_id="g",
        grant_version=2,
        family_id="f",
    )
    return replace(result, **fields)


def entry(seq: int, kind: str = "grant", subject: str = "g", **fields: Any) -> Entry:
    given = {"status": "active", "at": 1000, "mark": f"m{seq}", **fields}
    return Entry(kind=kind, subject=subject, seq=seq, **given)  # type: ignore[arg-type]


def piece(*entries: Entry, after: int = 0, at: int = 1_000_000, **fields: Any) -> Piece:
    to = after + len(entries)
    given = {"head": to, "node": "n", **fields}
    return Piece(iss="i", aud="a", at=at, after=after, to=to, entries=entries, **given)


def knowing(*entries: Entry) -> LogState:
    state = LogState(Place(), CATALOG)
    state.read(piece(*entries))
    return state


OPENS = [
    row("ours", "nothing happened", (), BOTH, ""),
    row("ours", "an older change", (entry(1, grant_version=2, permissions=()),), BOTH, ""),
    row("ours", "narrowed", (entry(1, grant_version=3, permissions=("read",)),), {"read"}, ""),
    row("ours", "paused", (entry(1, grant_version=3, status="paused"),), (), "paused"),
    row("ours", "stopped", (entry(1, grant_version=3, status="stopped"),), (), "stopped"),
    row("ours", "removed", (entry(1, grant_version=3, status="removed"),), (), "stopped"),
    row("ours", "a status of tomorrow", (entry(1, grant_version=3, status="x"),), (), "stopped"),
    row(
        "ours",
        "over by itself",
        (entry(1, grant_version=3, permissions=("read",), until=1),),
        (),
        "stopped",
    ),
    row(
        "ours",
        "the last word counts",
        (
            entry(1, grant_version=3, status="paused"),
            entry(2, grant_version=4, permissions=("read", "write")),
        ),
        BOTH,
        "",
    ),
    row("ours", "another grant", (entry(1, subject="x", grant_version=9),), BOTH, ""),
    row("ours", "family", (entry(1, "family", "f", status="closed"),), (), "stopped"),
    row("ours", "another family", (entry(1, "family", "x", status="closed"),), BOTH, ""),
    row("ours", "user", (entry(1, "user", "u", status="disabled"),), (), "paused"),
    row("ours", "user is gone", (entry(1, "user", "u", status="removed"),), (), "stopped"),
    row("ours", "user is back", (entry(1, "user", "u"),), BOTH, ""),
    row("ours", "client", (entry(1, "client", "c", status="suspended"),), (), "paused"),
    row("ours", "client is gone", (entry(1, "client", "c", status="removed"),), (), "stopped"),
    row(
        "ours",
        "family waits for its user",
        (entry(1, "family", "f", status="suspended"),),
        (),
        "paused",
    ),
    row(
        "A80",
        "the client may do less",
        (entry(1, "client", "c", permissions=("read", "x")),),
        {"read"},
        "",
    ),
    row("A80", "a name for a set", (entry(1, "client", "c", permissions=("both",)),), BOTH, ""),
    row("A80", "what is implied", (entry(1, "client", "c", permissions=("write",)),), BOTH, ""),
    row("ours", "the token", (entry(1, "token", "j", status="revoked"),), (), "stopped"),
    row("ours", "all", (entry(1, "all", "", status="over", at=1000),), (), "stopped"),
    row("ours", "all, before it", (entry(1, "all", "", status="over", at=999),), BOTH, ""),
]


@pytest.mark.parametrize("entries,permissions,over", OPENS)
def test_what_a_token_opens(entries: Any, permissions: Any, over: str) -> None:
    found = knowing(*entries).status_of(token(), BOTH)
    assert (found.permissions, found.over) == (frozenset(permissions), over)


def test_a_client_of_its_own_right_has_no_grant() -> None:
    own = token(sub="client:c", grant_id="", family_id="", grant_version=0)
    state = knowing(entry(1, subject="", grant_version=9), entry(2, "family", "", status="closed"))
    for one in (state, knowing(entry(1))):
        found = one.status_of(own, BOTH)
        assert (found.permissions, found.over) == (BOTH, "")


def test_a_token_that_was_passed_on_is_asked_about_where_any_client_has_changed() -> None:
    """It does not name the client whose grant it is."""
    passed_on = token(act=Actor(sub="client:c"))
    state = knowing(entry(1))
    assert state.covers(passed_on)
    state.read(piece(entry(2, "client", "owner", status="suspended"), after=1))
    assert not state.covers(passed_on)
    assert state.covers(token())
    state.read(piece(after=2, at=(1001 + RETENTION) * 1000))
    assert state.covers(passed_on)


def test_what_no_token_can_have_missed_is_forgotten() -> None:
    state = knowing(entry(1, at=1000), entry(2, subject="h", at=1000), entry(3, at=2000))
    later = (1001 + RETENTION) * 1000
    state.read(piece(after=3, at=later, head=3))
    assert len(state) == 1
    state.read(piece(after=3, at=later + 1_000_000, head=3))
    assert len(state) == 0


# How old is it?


def nonce_of(reading: Reading) -> str:
    return reading.question()["nonce"]


def begun(at: int = 1_000_000, *, ago: float = 5.0) -> tuple[Reading, float]:
    """A reading whose question was asked some seconds ago, and answered at once."""
    reading = Reading(None, CATALOG)
    then = time.monotonic() - ago
    reading.take(piece(nonce=nonce_of(reading), at=at), then)
    return reading, then


def test_the_first_answer_is_as_old_as_the_question() -> None:
    reading, then = begun()
    assert reading.is_whole
    assert reading.as_of == then


def test_a_later_piece_is_as_old_as_the_servers_clock_says() -> None:
    reading, then = begun()
    reading.take(piece(at=1_002_000), then)
    assert reading.as_of == pytest.approx(then + 2)


def test_whatever_is_held_up_is_old() -> None:
    """It came just now; it was made long ago."""
    reading, then = begun(ago=60)
    reading.take(piece(at=1_000_250), then)
    assert time.monotonic() - reading.as_of > 59


def test_a_part_of_the_log_says_nothing_about_its_end() -> None:
    reading = Reading(None, CATALOG)
    reading.take(piece(entry(1), head=2, nonce=nonce_of(reading)), time.monotonic())
    assert not reading.is_whole
    reading.take(piece(entry(2), after=1), time.monotonic())
    assert reading.is_whole


WRONG: Final[list[Any]] = [
    row("ours", "an answer to another question", lambda r: piece(nonce="x"), True),
    row("ours", "an answer to none", lambda r: piece(), True),
    row("ours", "a recorded first answer", lambda r: piece(nonce="old"), False),
    row("ours", "from another process", lambda r: piece(node="other"), False),
    row("ours", "older than the last", lambda r: piece(at=999_999), False),
    row("ours", "from the future", lambda r: piece(at=1_000_000 + 3_600_000), False),
    row("ours", "something left out", lambda r: piece(entry(2), after=1), False),
]


@pytest.mark.parametrize("wrong,first", WRONG)
def test_what_does_not_fit_is_noticed(wrong: Callable[[Reading], Piece], first: bool) -> None:
    if first:
        reading = Reading(None, CATALOG)
        reading.question()
    else:
        reading, _ = begun()
    before = reading.as_of
    with pytest.raises(BadPiece):
        reading.take(wrong(reading), time.monotonic() - 5)
    assert (reading.is_whole, reading.as_of) == (not first, before)
