"""Secrets at rest: what is sealed opens with its key and purpose only."""

import hmac

import pytest

from valetkey.jose import seal
from valetkey.jose.seal import BadSeal

KEY, OTHER = bytes(range(32)), bytes(32)
SEALED = seal.seal(KEY, b"plain", nonce=bytes(12), purpose=b"code")


def test_what_is_sealed_is_read_again() -> None:
    assert seal.unseal(KEY, SEALED, purpose=b"code") == b"plain"
    assert b"plain" not in SEALED


def test_only_with_its_key_and_for_its_purpose() -> None:
    for key, purpose in ((OTHER, b"code"), (KEY, b"other"), (KEY, b"")):
        with pytest.raises(BadSeal):
            seal.unseal(key, SEALED, purpose=purpose)


def test_every_cut_and_every_flipped_bit_is_noticed() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(BadSeal):
            seal.unseal(KEY, SEALED[:length], purpose=b"code")
    for bit in range(len(SEALED) * 8):
        changed = bytearray(SEALED)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSeal):
            seal.unseal(KEY, bytes(changed), purpose=b"code")


@pytest.mark.parametrize("size", [0, 1, 32, 64, 65, 200])
def test_a_mac_is_an_hmac(size: int) -> None:
    """RFC 2104 2, as the standard library has it; twice, for what is remembered of the key."""
    key, framed = bytes(range(size)), b"\0\0\0\2ab\0\0\0\0\0\0\0\1c"
    for _ in range(2):
        assert seal.mac(key, b"ab", b"", b"c") == hmac.digest(key, framed, "sha256")


def test_the_parts_of_a_mac_cannot_be_moved() -> None:
    """Without a frame, ("ab", "c") and ("a", "bc") would have one MAC."""
    macs = [
        seal.mac(KEY, *parts) for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""))
    ]
    assert len(set(macs)) == len(macs)
    assert {len(one) for one in macs} == {seal.MAC}
    assert seal.mac(OTHER, b"ab", b"c") != macs[0]


ALIAS = seal.alias(KEY, b"miko", b"sub", b"app.example")


def test_an_alias_is_the_same_each_time_and_is_read_back() -> None:
    assert seal.alias(KEY, b"miko", b"sub", b"app.example") == ALIAS
    assert seal.unalias(KEY, ALIAS, b"sub", b"app.example") == b"miko"
    assert b"miko" not in ALIAS


def test_an_alias_is_another_one_for_other_parts() -> None:
    others = [
        seal.alias(KEY, b"miko", b"sid", b"app.example"),
        seal.alias(KEY, b"miko", b"sub", b"other.example"),
        seal.alias(KEY, b"miko", b"su", b"bapp.example"),
        seal.alias(KEY, b"noor", b"sub", b"app.example"),
        seal.alias(OTHER, b"miko", b"sub", b"app.example"),
    ]
    assert len({ALIAS, *others}) == len(others) + 1
    for key, parts in ((OTHER, (b"sub", b"app.example")), (KEY, (b"sub",)), (KEY, (b"", b""))):
        with pytest.raises(BadSeal):
            seal.unalias(key, ALIAS, *parts)


def test_nobody_makes_an_alias_up() -> None:
    for cut in range(len(ALIAS)):
        with pytest.raises(BadSeal):
            seal.unalias(KEY, ALIAS[:cut], b"sub", b"app.example")
    for bit in range(len(ALIAS) * 8):
        changed = bytearray(ALIAS)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSeal):
            seal.unalias(KEY, bytes(changed), b"sub", b"app.example")
