"""The life of a key: coming → current → retiring → gone (PROMISES R11)."""

from collections import Counter

import pytest
from msgspec.structs import replace
from tests.rows import row

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.change_log import entries_of
from valetkey.server.model.keys import SigningKey, Use
from valetkey.server.model.policy import Lifetimes
from valetkey.server.oauth.admin.keys import (
    ROTATED,
    TURNED,
    first_status,
    keeps,
    missing,
    revoke,
    rotate,
)

NOW = 1_700_000_000
LIVES = Lifetimes()


def made(kid: str, use: Use, status: str = "coming") -> SigningKey:
    key = SigningKey(kid=kid, use=use, sealed=b"", status="coming", created=NOW, since=NOW)
    return replace(key, status=status)


def applied(keys: list[SigningKey], changes: tuple[Change, ...]) -> list[SigningKey]:
    """The keys after the changes, by kid."""
    after = {key.kid: key for key in keys}
    for change in changes:
        record = change.record
        assert isinstance(record, SigningKey)
        match change:
            case Create():
                assert record.kid not in after
                after[record.kid] = record
            case Update():
                after[record.kid] = record
            case Remove():
                del after[record.kid]
            case _:
                pytest.fail("keys are not counted")
    return sorted(after.values(), key=lambda key: key.kid)


def states(keys: list[SigningKey]) -> dict[str, str]:
    return {key.kid: key.status for key in keys}


def test_from_nothing_to_a_whole_set() -> None:
    keys: list[SigningKey] = []
    for number, use in enumerate(missing([])):
        keys.append(made(str(number), use, first_status(keys, use)))
    assert Counter((key.use, key.status) for key in keys) == {
        **{(use, status): 1 for use in TURNED for status in ("current", "coming")},
        ("salt", "current"): 1,
    }
    assert missing(keys) == ()


@pytest.mark.parametrize("use", TURNED)
def test_a_life_step_by_step(use: Use) -> None:
    """At each moment one key signs, and what is about to sign was published before."""
    keys = [made("a", use, "current"), made("b", use)]
    now = NOW
    for fresh in ("c", "d", "e", "f"):
        coming = {key.kid for key in keys if key.status == "coming"}
        keys = applied(keys, rotate(keys, made(fresh, use), lifetimes=LIVES, now=now))
        current = {key.kid for key in keys if key.status == "current"}
        assert current == coming
        assert {key.kid for key in keys if key.status == "coming"} == {fresh}
        now += 60
    assert states(keys) == {
        "a": "retiring",
        "b": "retiring",
        "c": "retiring",
        "d": "retiring",
        "e": "current",
        "f": "coming",
    }


@pytest.mark.parametrize("use", TURNED)
def test_a_retired_key_stays_until_nothing_of_it_can_be_alive(use: Use) -> None:
    keys = [made("a", use, "current"), made("b", use)]
    keys = applied(keys, rotate(keys, made("c", use), lifetimes=LIVES, now=NOW))
    until = NOW + keeps(use, LIVES)
    (old,) = (key for key in keys if key.kid == "a")
    assert (old.until, old.since, old.forget_at) == (until, NOW, until)
    early = applied(keys, rotate(keys, made("d", use), lifetimes=LIVES, now=until - 1))
    assert "a" in states(early)
    late = applied(keys, rotate(keys, made("d", use), lifetimes=LIVES, now=until))
    assert "a" not in states(late)


def test_a_key_that_came_to_its_end_is_no_news_and_one_that_was_revoked_is() -> None:
    """Kits of before cannot read that entry, and every server rotates its keys."""
    ended = replace(made("a", "ES256", "retiring"), until=NOW + 3900)
    keys = [ended, made("b", "ES256", "current"), made("c", "ES256")]
    turned = rotate(keys, made("d", "ES256"), lifetimes=LIVES, now=NOW + 3900)
    assert "a" not in states(applied(keys, turned))
    assert entries_of(turned) == []
    revoked = [
        [one.subject for one in entries_of(revoke(keys, kid, made("e", "ES256"), now=NOW))]
        for kid in ("a", "b", "c")
    ]
    assert revoked == [["a"], ["b"], ["c"]]


KEPT: list[tuple[str, str, Use, dict[str, int], int]] = [
    ("R11", "access tokens", "ES256", {"access_token": 7200, "id_token": 60}, 7200),
    ("R11", "ID Tokens", "RS256", {"access_token": 60, "id_token": 7200}, 7200),
    ("R11", "codes", "seal", {"code": 30}, 30),
    ("R11", "refresh tokens", "mac", {"refresh_token": 10**7}, 10**7),
]


@pytest.mark.parametrize("use,lives,longest", [row(a, b, *rest) for a, b, *rest in KEPT])
def test_how_long_a_key_is_needed(use: Use, lives: dict[str, int], longest: int) -> None:
    assert keeps(use, Lifetimes(**lives)) >= longest


def test_one_use_turns_and_the_others_stand() -> None:
    keys = [
        made(f"{use} {status}", use, status) for use in TURNED for status in ("current", "coming")
    ]
    before = states(keys)
    after = states(applied(keys, rotate(keys, made("new", "seal"), lifetimes=LIVES, now=NOW)))
    changed = {kid for kid in after if before.get(kid) != after[kid]}
    assert changed == {"seal current", "seal coming", "new"}


def test_a_plain_rotation_leaves_refresh_tokens_alone() -> None:
    assert set(TURNED) - set(ROTATED) == {"mac"}


def test_two_rotations_at_once_are_one() -> None:
    """Both turn the same versions: the second commit is too late, and looks again."""
    keys = [made("a", "ES256", "current"), made("b", "ES256")]
    one, two = (
        rotate(keys, made(fresh, "ES256"), lifetimes=LIVES, now=NOW) for fresh in ("c", "d")
    )
    turned = [
        {change.record.key: change.record.version for change in each if isinstance(change, Update)}
        for each in (one, two)
    ]
    assert turned[0] == turned[1] == {"a": 0, "b": 0}
