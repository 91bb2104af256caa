"""Opaque strings: whole, or refused (ATTACKS A22)."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.jose import base64url
from valetkey.wire import opaque
from valetkey.wire.opaque import Kind, NotOpaque

KINDS: tuple[Kind, ...] = get_args(Kind)
RAW = bytes(range(40))
TEXT = opaque.write("rt", RAW)
PREFIX = "vk_rt_"


def refused(text: str, kind: Kind = "rt") -> bool:
    try:
        opaque.read(kind, text)
    except NotOpaque:
        return True
    return False


@given(kind=st.sampled_from(KINDS), raw=st.binary(max_size=200))
def test_what_is_written_is_read(kind: Kind, raw: bytes) -> None:
    text = opaque.write(kind, raw)
    assert opaque.read(kind, text) == raw
    assert text.startswith(f"vk_{kind}_")


def test_every_proper_prefix_and_suffix_is_refused() -> None:
    assert [n for n in range(len(TEXT)) if not refused(TEXT[:n])] == []
    assert [n for n in range(1, len(TEXT) + 1) if not refused(TEXT[n:])] == []


def test_every_bit_matters() -> None:
    body = bytearray(base64url.decode(TEXT.removeprefix(PREFIX)))
    for bit in range(len(body) * 8):
        body[bit // 8] ^= 1 << bit % 8
        assert refused(PREFIX + base64url.encode(bytes(body))), bit
        body[bit // 8] ^= 1 << bit % 8


def test_every_changed_character_is_refused() -> None:
    for place, char in enumerate(TEXT):
        other = "A" if char != "A" else "B"
        assert refused(TEXT[:place] + other + TEXT[place + 1 :]), place


@pytest.mark.parametrize("written", KINDS)
@pytest.mark.parametrize("read", KINDS)
def test_no_kind_is_taken_for_another(written: Kind, read: Kind) -> None:
    """ATTACKS A81: not even when only the prefix is exchanged."""
    text = opaque.write(written, RAW)
    assert refused(text, read) is (written != read)
    assert refused(f"vk_{read}_" + text.split("_", 2)[2], read) is (written != read)


SPELLINGS = [
    row("A22", "padding", TEXT + "="),
    row("A22", "a newline", TEXT + "\n"),
    row("A22", "a space before", " " + TEXT),
    row("A22", "the prefix in capitals", TEXT.replace("vk", "VK")),
    row("A22", "twice", TEXT + TEXT),
    row("A22", "the prefix alone", PREFIX),
    row("A22", "nothing but a checksum", PREFIX + "AAAAAA"),
    row("A22", "empty", ""),
    row("A22", "a letter outside ASCII", TEXT + "é"),
    row("A22", "a zero byte", TEXT + "\x00"),
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_another_spelling_is_refused(text: str) -> None:
    assert refused(text)
