"""What is no refresh token, and whose one is (ATTACKS A15, A22, A81, A82)."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.grant_types.story import leaf, refused
from tests.server.oauth.world import KEYRING, World

from valetkey.server.model.keys import RawKey
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import opaque

# Whose.


@pytest.mark.parametrize("by", ["stefapp", "web", "post"])
def test_another_client_gets_nothing_and_harms_nothing(by: str) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    assert refused(world, leaf(tokens), by)
    assert world.digest() == before
    assert not refused(world, leaf(tokens))


@pytest.mark.parametrize("by", ["stefapp", "web"])
def test_an_old_one_in_another_clients_hands_is_no_replay(by: str) -> None:
    """Else any app could sign the others out with what it found in a log."""
    world = World()
    tokens = world.connect()
    turned = world.refresh("kite", leaf(tokens))
    world.later(3600)
    assert refused(world, leaf(tokens), by)
    assert not refused(world, leaf(turned))


def forged(world: World, **changed: Any) -> str:
    """A genuine token for something else."""
    family = world.family()
    right = RefreshToken(family.id, shard=0, generation=family.generation)
    return refresh_token.write(replace(right, **changed), KEYRING)


FORGED: list[tuple[str, str, Any]] = [
    ("A22", "cut", lambda _, text: text[:-1]),
    ("A22", "longer", lambda _, text: text + "A"),
    ("A22", "nonsense", lambda _, __: "nonsense"),
    ("A22", "the right form", lambda _, __: opaque.write("rt", bytes(57))),
    ("A22", "too short inside", lambda _, __: opaque.write("rt", bytes.fromhex("3ac00001"))),
    ("A22", "empty inside", lambda _, __: opaque.write("rt", b"")),
    ("A81", "a code's form", lambda _, text: opaque.write("code", opaque.read("rt", text))),
    (
        "A82",
        "the next generation, without the key",
        lambda _, text: opaque.write("rt", bump(opaque.read("rt", text))),
    ),
    (
        "A82",
        "another family, without the key",
        lambda _, text: opaque.write(
            "rt", opaque.read("rt", text)[:4] + bytes(16) + opaque.read("rt", text)[20:]
        ),
    ),
    ("A22", "a family that never was", lambda world, _: forged(world, family="0" * 26)),
]


def bump(raw: bytes) -> bytes:
    return raw[:24] + bytes((raw[24] + 1,)) + raw[25:]


@pytest.mark.parametrize("forge", [row(a, b, c) for a, b, c in FORGED])
def test_what_is_no_refresh_token_changes_nothing(forge: Any) -> None:
    world = World()
    text = leaf(world.connect())
    before = world.digest()
    assert refused(world, forge(world, text))
    assert world.digest() == before
    assert not refused(world, text)


def test_every_bit_of_a_refresh_token_matters() -> None:
    """Also where the checksum, which anybody can make, is made to fit."""
    raw = bytearray(opaque.read("rt", forged(world_with_family())))
    for bit in range(len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidGrant):
            refresh_token.read(opaque.write("rt", bytes(raw)), KEYRING)
        raw[bit // 8] ^= 1 << bit % 8
    assert refresh_token.read(opaque.write("rt", bytes(raw)), KEYRING).shard == 0


def world_with_family() -> World:
    world = World()
    world.connect()
    return world


@pytest.mark.parametrize("changed", [{"generation": 7}, {"shard": 1}])
def test_a_genuine_token_that_we_never_gave_ends_the_family(changed: dict[str, int]) -> None:
    """Only somebody with the key can make one: a restored backup, or a thief."""
    world = world_with_family()
    assert refused(world, forged(world, **changed))
    assert world.family().status == "closed"


def test_a_token_of_an_older_key_is_good_while_the_key_is_kept() -> None:
    world = World()
    tokens = world.connect()
    fresh = RawKey("3ac00002", bytes(reversed(range(32))))
    world.at = replace(world.at, keyring=replace(KEYRING, macs=(fresh, *KEYRING.macs)))
    turned = world.refresh("kite", leaf(tokens))
    world.at = replace(world.at, keyring=replace(KEYRING, macs=(fresh,)))
    assert not refused(world, leaf(turned))
    assert refused(world, leaf(tokens))


def test_nothing_in_the_store_is_a_token() -> None:
    """ATTACKS A82: what the family says does not make one."""
    world = World()
    tokens = world.connect()
    code = world.agree(request("kite", nonce="n" * 512)).code
    rows = repr(world.store._tables)
    for secret in (tokens["refresh_token"], tokens["access_token"], tokens["id_token"], code):
        assert secret not in rows
        assert secret[20:60] not in rows
