"""Sharded keys on the wire: tiers, what is presented, recovery codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.wire.key_shards import (
    CODE,
    BadShards,
    KeyShard,
    KeyShards,
    Tier,
    is_code,
    read_code,
    read_key_shards,
    read_others,
    read_tier,
    write_code,
    write_others,
    write_tier,
)

SECRET = bytes(range(CODE))


@pytest.mark.parametrize(
    "tier",
    [
        Tier(2, ("device", "backend")),
        Tier(2, ("device", "backend", "recovery_code")),
        Tier(3, ("device", "second_device", "recovery_code")),
    ],
)
def test_a_tier_that_is_written_is_read(tier: Tier) -> None:
    assert read_tier(write_tier(tier)) == tier


@pytest.mark.parametrize(
    "text",
    [
        row("tier", "nothing", ""),
        row("tier", "no object", "2"),
        row("tier", "no holders", '{"threshold":2}'),
        row("tier", "nobody holds it", '{"threshold":2,"holders":[]}'),
        row("tier", "that is an ordinary key", '{"threshold":1,"holders":["device"]}'),
        row("tier", "one alone would open it", '{"threshold":1,"holders":["device","backend"]}'),
        row("tier", "more than there are", '{"threshold":3,"holders":["device","backend"]}'),
        row("tier", "the device is not first", '{"threshold":2,"holders":["backend","device"]}'),
        row("tier", "twice the same", '{"threshold":2,"holders":["device","device"]}'),
        row("tier", "an unknown holder", '{"threshold":2,"holders":["device","cloud"]}'),
        row("tier", "a number as text", '{"threshold":"2","holders":["device","backend"]}'),
        row(
            "tier", "a member twice", '{"threshold":2,"threshold":3,"holders":["device","backend"]}'
        ),
        row("tier", "an unknown member", '{"threshold":2,"holders":["device","backend"],"n":2}'),
        row("tier", "too long", '{"threshold":2,"holders":["device","backend"]' + " " * 1024 + "}"),
    ],
)
def test_what_is_no_tier(text: str) -> None:
    with pytest.raises(BadShards):
        read_tier(text)


@given(st.binary(min_size=CODE, max_size=CODE))
def test_a_code_that_is_written_is_read(secret: bytes) -> None:
    code = write_code(secret)
    assert is_code(code)
    assert read_code(code) == secret
    assert read_code(code.lower().replace("-", " ").replace("0", "O").replace("1", "l")) == secret


@given(
    secret=st.binary(min_size=CODE, max_size=CODE),
    at=st.integers(0, 33),
    by=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
)
def test_a_slip_of_the_pen_is_noticed(secret: bytes, at: int, by: str) -> None:
    code = write_code(secret)
    typed = code[:at] + by + code[at + 1 :]
    if code[at] in ("-", by):
        return
    with pytest.raises(BadShards):
        read_code(typed)


def test_a_cut_code_is_noticed() -> None:
    code = write_code(SECRET)
    for length in range(len(code)):
        with pytest.raises(BadShards):
            read_code(code[:length])


def test_others_are_each_counted_once_and_in_any_number_of_spaces() -> None:
    assert read_others("") == ()
    assert read_others(" b  a b ") == ("b", "a")
    assert read_others(write_others(("vk_kh_x", "AAAA BBBB"))) == ("vk_kh_x", "AAAABBBB")
    with pytest.raises(BadShards):
        read_others("a b c d e")


def test_what_is_told_is_read_and_hides_what_it_holds() -> None:
    answer = KeyShards(
        2, (KeyShard(holder="device"), KeyShard(holder="backend", claim_ticket="hush"))
    )
    member = {
        "threshold": 2,
        "shards": [{"holder": "device"}, {"holder": "backend", "claim_ticket": "hush"}],
    }
    assert read_key_shards(member) == answer
    assert "hush" not in repr(answer)
    with pytest.raises(BadShards):
        read_key_shards({"threshold": 2, "shards": [{"holder": "cloud"}]})
