"""Refresh tokens: one live lineage, which a lost reply does not break and a thief does.

RFC 6749 6, RFC 9700 4.14.2; ATTACKS A15, A26, A78; PROMISES R05, I2 to I4.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.oauth.forms import call, request
from tests.oauth.world import KEYRING, World
from tests.rows import row

from valetkey.model.change import Stale
from valetkey.model.client import Client
from valetkey.model.event import Event
from valetkey.model.grant import Grant, TokenFamily
from valetkey.model.keys import RawKey
from valetkey.model.policy import Policy
from valetkey.model.user import User
from valetkey.oauth.decision import Issued
from valetkey.oauth.grants.token import token
from valetkey.oauth.issue import refresh_token
from valetkey.oauth.issue.refresh_token import RefreshToken
from valetkey.spec.errors import InvalidGrant, InvalidScope, InvalidTarget, OAuthError
from valetkey.wire import opaque

WINDOW = 30


def leaf(tokens: dict[str, Any]) -> str:
    return str(tokens["refresh_token"])


def refused(world: World, text: str, client: str = "kite") -> bool:
    try:
        world.refresh(client, text)
    except InvalidGrant:
        return True
    return False


# Public clients rotate.


def test_each_refresh_brings_the_next() -> None:
    world = World()
    tokens = world.connect()
    seen = [leaf(tokens)]
    for turn in range(1, 6):
        world.later(100)
        tokens = world.refresh("kite", leaf(tokens))
        seen.append(leaf(tokens))
        assert world.introspect(tokens["access_token"]).active
        assert (world.family().generation, world.family().used) == (turn, world.now)
    assert len(set(seen)) == 6
    assert len(world.all(TokenFamily)) == 1


RETRIES = [
    row("R05", "at once", 0),
    row("R05", "in the middle of the window", 15),
    row("R05", "in its last second", WINDOW),
]


@pytest.mark.parametrize("seconds", RETRIES)
def test_a_lost_reply_is_asked_for_again(seconds: int) -> None:
    """The same successor each time, so that no second lineage can begin."""
    world = World()
    old = leaf(world.connect())
    new = leaf(world.refresh("kite", old))
    world.later(seconds)
    before = world.digest()
    retried = [world.refresh("kite", old) for _ in range(3)]
    assert {leaf(one) for one in retried} == {new}
    assert world.digest() == before
    assert len({one["access_token"] for one in retried}) == 3
    assert not refused(world, new)


def test_the_window_is_a_setting() -> None:
    world = World(refresh_window=5)
    old = leaf(world.connect())
    world.refresh("kite", old)
    world.later(6)
    assert refused(world, old)


REPLAYS: list[tuple[str, str, int, int]] = [
    ("9700 4.14.2", "after the window", 1, WINDOW + 1),
    ("9700 4.14.2", "long after the window", 1, 86400),
    ("9700 4.14.2", "once the successor was used, at once", 2, 0),
    ("9700 4.14.2", "once the successor was used, late", 2, 100),
    ("9700 4.14.2", "from long ago", 5, 0),
]


@pytest.mark.parametrize("turns,seconds", [row(a, b, *rest) for a, b, *rest in REPLAYS])
def test_an_old_one_is_in_a_strangers_hands(turns: int, seconds: int) -> None:
    world = World()
    first = world.connect()
    tokens = first
    for _ in range(turns):
        tokens = world.refresh("kite", leaf(tokens))
    world.later(seconds)
    with pytest.raises(InvalidGrant, match="used before"):
        world.refresh("kite", leaf(first))
    assert world.family().because == "refresh token replayed"
    # Neither of the two goes on: nobody knows which is the thief.
    assert refused(world, leaf(tokens))
    assert refused(world, leaf(first))
    (told,) = (event for event in world.all(Event) if event.kind == "replayed")
    assert (told.user, told.client, told.by) == (world.miko.id, "kite", "server")
    # The user's yes stands: the app may sign in anew.
    assert world.grant().status == "active"


def test_a_replay_ends_the_access_tokens_too() -> None:
    world = World()
    first = world.connect()
    second = world.refresh("kite", leaf(first))
    third = world.refresh("kite", leaf(second))
    assert refused(world, leaf(first))
    for tokens in (first, second, third):
        assert not world.introspect(tokens["access_token"]).active


def test_a_replay_leaves_the_other_devices_alone() -> None:
    world = World()
    phone, laptop = world.connect(), world.connect()
    world.refresh("kite", leaf(world.refresh("kite", leaf(phone))))
    assert refused(world, leaf(phone))
    assert not refused(world, leaf(laptop))


def test_fifty_at_once_have_one_successor() -> None:
    """PROMISES R05: all have read the same family; one commit stands; the rest look again."""
    world = World()
    old = leaf(world.connect())
    given = call("kite", grant_type="refresh_token", refresh_token=old)
    decided = [world.ask(token(given, world.context)) for _ in range(50)]
    first = decided[0]
    assert isinstance(first, Issued)
    world.write(*first.changes)
    for late in decided[1:]:
        assert isinstance(late, Issued)
        with pytest.raises(Stale):
            world.write(*late.changes)
        again = world.settle(lambda: token(given, world.context))
        assert isinstance(again, Issued)
        assert again.refresh_token == first.refresh_token
    assert world.family().generation == 1
    assert not refused(world, first.refresh_token)


# Confidential clients do not.


def test_a_confidential_client_keeps_its_token() -> None:
    """FAPI 2.0 5.3.2.1: no rotation where the client proves itself."""
    world = World()
    tokens = world.connect("web")
    before = world.digest()
    for _ in range(3):
        world.later(100)
        again = world.refresh("web", leaf(tokens))
        assert leaf(again) == leaf(tokens)
    assert world.digest() == before


def test_its_use_is_noted_now_and_then() -> None:
    """PERFORMANCE: 0 writes where nothing rotates, but for one an hour."""
    world = World()
    tokens = world.connect("web")
    expires = world.family("web").expires
    world.later(3600)
    world.refresh("web", leaf(tokens))
    family = world.family("web")
    assert (family.used, family.generation, family.version) == (world.now, 0, 2)
    assert family.expires == expires + 3600


def test_a_short_idle_time_is_counted_from_the_last_use() -> None:
    world = World(refresh_idle=600, refresh_token=7200)
    tokens = world.connect("web")
    for _ in range(5):
        world.later(500)
        assert not refused(world, leaf(tokens), "web")
    world.later(600)
    assert refused(world, leaf(tokens), "web")


# How long.

ENDS: list[tuple[str, str, dict[str, int], list[int], bool]] = [
    ("A15", "idle for just short of it", {"refresh_idle": 100}, [99], False),
    ("A15", "idle for too long", {"refresh_idle": 100}, [100], True),
    ("A15", "used again and again", {"refresh_idle": 100}, [99, 99, 99], False),
    ("A15", "used, but too old", {"refresh_idle": 100, "refresh_token": 250}, [99, 99, 52], True),
    (
        "A15",
        "used, in its last second",
        {"refresh_idle": 100, "refresh_token": 250},
        [99, 99, 51],
        False,
    ),
]


@pytest.mark.parametrize("seconds,steps,ended", [row(a, b, *rest) for a, b, *rest in ENDS])
def test_when_a_lineage_ends(seconds: dict[str, int], steps: list[int], ended: bool) -> None:
    world = World(**seconds)
    tokens = world.connect()
    for step in steps[:-1]:
        world.later(step)
        tokens = world.refresh("kite", leaf(tokens))
    world.later(steps[-1])
    before = world.digest()
    assert refused(world, leaf(tokens)) is ended
    assert (world.digest() == before) is ended


def test_a_policy_may_say_otherwise() -> None:
    world = World()
    policy = Policy(name="short", refresh_idle=50, access_token=10)
    world.at = replace(world.at, policies={"short": policy})
    world.change(Client, "kite", policy="short")
    tokens = world.connect()
    assert tokens["expires_in"] == 10
    world.later(50)
    assert refused(world, leaf(tokens))


# Whose.


@pytest.mark.parametrize("by", ["stefapp", "web", "post"])
def test_another_client_gets_nothing_and_harms_nothing(by: str) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    assert refused(world, leaf(tokens), by)
    assert world.digest() == before
    assert not refused(world, leaf(tokens))


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


# What.

NARROWER: list[tuple[str, str, dict[str, Any], str]] = [
    ("6749 6", "nothing said", {}, "openid chirps.read chirps.write chirps"),
    ("6749 6", "less", {"scope": "chirps.read"}, "chirps.read"),
    ("6749 6", "the same", {"scope": "openid chirps"}, "openid chirps.read chirps.write chirps"),
    (
        "8707 2.2",
        "one resource",
        {"resource": ("https://chirp.example",)},
        "openid chirps.read chirps.write chirps",
    ),
]


@pytest.mark.parametrize("shown,scope", [row(a, b, *rest) for a, b, *rest in NARROWER])
def test_one_token_may_be_narrower(shown: dict[str, Any], scope: str) -> None:
    world = World()
    tokens = world.connect(scope="openid chirps")
    assert world.refresh("kite", leaf(tokens), **shown)["scope"] == scope


def test_a_narrow_token_does_not_narrow_the_next() -> None:
    """RFC 6749 6: the new refresh token has the scope of the old one."""
    world = World()
    tokens = world.connect(scope="openid chirps")
    narrow = world.refresh("kite", leaf(tokens), scope="chirps.read")
    assert "id_token" not in narrow
    wide = world.refresh("kite", leaf(narrow))
    assert wide["scope"] == "openid chirps.read chirps.write chirps"


WIDER: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("6749 6", "more than was granted", {"scope": "openid profile.write"}, InvalidScope),
    ("6749 6", "unknown", {"scope": "nonsense"}, InvalidScope),
    (
        "8707 2.2",
        "a resource of which nothing was granted",
        {"resource": ("https://photos.example",)},
        InvalidTarget,
    ),
    ("8707 2.2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
]


@pytest.mark.parametrize("shown,error", [row(a, b, *rest) for a, b, *rest in WIDER])
def test_no_token_is_wider_and_nothing_is_turned(
    shown: dict[str, Any], error: type[OAuthError]
) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    with pytest.raises(error):
        world.refresh("kite", leaf(tokens), **shown)
    assert world.digest() == before
    assert not refused(world, leaf(tokens))


def test_what_was_taken_away_is_gone_and_asking_for_it_is_refused() -> None:
    """ATTACKS A26; PROMISES I2: the scope is that of the grant now."""
    world = World()
    tokens = world.connect(scope="openid chirps")
    world.change(Grant, world.grant().id, permissions=("openid", "chirps.read"))
    turned = world.refresh("kite", leaf(tokens))
    assert turned["scope"] == "openid chirps.read"
    assert world.introspect(turned["access_token"]).grant_version == 2
    with pytest.raises(InvalidScope):
        world.refresh("kite", leaf(turned), scope="chirps.write")


def test_an_upgrade_does_not_reach_a_family_that_did_not_ask() -> None:
    """The laptop was given more; the phone asked for less, and has what it asked for."""
    world = World()
    phone = world.connect(scope="chirps.read")
    world.connect(scope="chirps.read profile.write")
    assert world.refresh("kite", leaf(phone))["scope"] == "chirps.read"


def test_a_user_who_takes_back_access_while_away_ends_refreshing() -> None:
    world = World()
    tokens = world.connect(scope="openid offline_access chirps.read")
    world.change(Grant, world.grant().id, permissions=("openid", "chirps.read"))
    before = world.digest()
    assert refused(world, leaf(tokens))
    assert world.digest() == before


# Of whom nothing more may be had.

DEAD: list[tuple[str, str, type[Any], str, dict[str, Any], bool]] = [
    ("A78", "the user is disabled", User, "user", {"status": "disabled"}, True),
    ("A78", "the grant is paused", Grant, "grant", {"status": "paused"}, True),
    ("A78", "the grant is stopped", Grant, "grant", {"status": "stopped"}, False),
    ("A78", "the family is closed", TokenFamily, "family", {"status": "closed"}, False),
    ("A78", "the client is suspended", Client, "kite", {"status": "suspended"}, True),
    (
        "A80",
        "the client may no longer",
        Client,
        "kite",
        {"grant_types": ("authorization_code",)},
        True,
    ),
    ("R15", "from before a restored backup", Grant, "grant", {"epoch": 7}, True),
]


@pytest.mark.parametrize("kind,who,fields,back", [row(a, b, *rest) for a, b, *rest in DEAD])
def test_nobody_refreshes_for_the_dead(
    kind: type[Any], who: str, fields: dict[str, Any], back: bool
) -> None:
    """Nothing is turned meanwhile, so that what comes back goes on where it was."""
    world = World()
    tokens = world.connect()
    key = {"user": world.miko.id, "grant": world.grant().id, "family": world.family().id}
    was = {name: getattr(world.need(kind, key.get(who, who)), name) for name in fields}
    world.change(kind, key.get(who, who), **fields)
    before = world.digest()
    with pytest.raises(OAuthError):
        world.refresh("kite", leaf(tokens))
    assert world.digest() == before
    if back:
        world.change(kind, key.get(who, who), **was)
        assert not refused(world, leaf(tokens))
