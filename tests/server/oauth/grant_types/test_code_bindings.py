"""Codes in the wrong hands, and what is no code at all.

RFC 6749 4.1.3, RFC 7636 4.6, RFC 9700 2.1.1; ATTACKS A05, A08, A22, A81.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import CHALLENGE, request
from tests.server.oauth.grant_types.story import PLAIN, code_of, spent
from tests.server.oauth.world import KEYRING, World

from valetkey.jose import seal
from valetkey.jose.seal import digest
from valetkey.server.model.event import Event
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import RawKey
from valetkey.server.oauth.tokens import code as codes
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import opaque, pkce

# Each binding swapped, one at a time.

SWAPPED: list[tuple[str, str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("4.1.3", "by another public client", "kite", {}, "stefapp", {}),
    ("4.1.3", "by a confidential client", "kite", {}, "web", {}),
    ("4.1.3", "by a public client, of a confidential one", "web", {}, "kite", {}),
    ("4.1.3", "another redirect URI", "kite", {}, "kite", {"redirect_uri": "https://evil.example"}),
    (
        "4.1.3",
        "another port on loopback",
        "stefapp",
        {"redirect_uri": "http://127.0.0.1:5000/callback"},
        "stefapp",
        {"redirect_uri": "http://127.0.0.1:5001/callback"},
    ),
    (
        "4.1.3",
        "another of its own redirect URIs",
        "web",
        {},
        "web",
        {"redirect_uri": "https://web.example/other?x=1"},
    ),
    ("4.1.3", "no redirect URI, no PKCE", "web", PLAIN, "web", {"code_verifier": None}),
    ("7636 4.6", "another verifier", "kite", {}, "kite", {"code_verifier": "w" * 43}),
    ("7636 4.6", "no verifier", "kite", {}, "kite", {"code_verifier": None}),
    (
        "7636 4.6",
        "the challenge for the verifier",
        "kite",
        {},
        "kite",
        {"code_verifier": CHALLENGE},
    ),
    (
        "7636 4.1",
        "a verifier that is too short",
        "kite",
        {"code_challenge": pkce.challenge("short")},
        "kite",
        {"code_verifier": "short"},
    ),
    (
        "9700 2.1.1",
        "a verifier where there was no challenge",
        "web",
        PLAIN,
        "web",
        {"redirect_uri": "https://web.example/callback"},
    ),
]


@pytest.mark.parametrize("client,asked,by,shown", [row(a, b, *rest) for a, b, *rest in SWAPPED])
def test_a_code_in_the_wrong_hands_is_burnt(
    client: str, asked: dict[str, Any], by: str, shown: dict[str, Any]
) -> None:
    world = World()
    permit = world.agree(request(client, **asked))
    with pytest.raises(InvalidGrant):
        world.redeem(by, permit.code, **shown)
    (family,) = world.all(TokenFamily)
    assert (family.status, family.refreshable, family.client) == ("closed", False, client)
    (told,) = (event for event in world.all(Event) if event.kind == "refused")
    assert (told.client, told.user) == (client, world.miko.id)
    right: dict[str, Any] = {"redirect_uri": asked.get("redirect_uri", permit.reply_to.uri)}
    if asked == PLAIN:
        right["code_verifier"] = None
    assert spent(world, client, permit.code, **right)
    assert world.all(TokenFamily) == (family,)


RIGHT: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("4.1.3", "with its redirect URI", "kite", {}, {"redirect_uri": "https://kite.example/cb"}),
    ("2.1 4.1.3", "without, as PKCE does its work", "kite", {}, {}),
    ("4.1.3", "a confidential client", "web", {}, {}),
    ("4.1.3", "with its secret in the body", "post", {}, {}),
    (
        "8252 7.3",
        "on the port of this time",
        "stefapp",
        {"redirect_uri": "http://127.0.0.1:5000/callback"},
        {"redirect_uri": "http://127.0.0.1:5000/callback"},
    ),
    (
        "4.1.3",
        "at the second of its redirect URIs",
        "web",
        {"redirect_uri": "https://web.example/other?x=1"},
        {"redirect_uri": "https://web.example/other?x=1"},
    ),
    (
        "9700 2.1.1",
        "without PKCE, by policy",
        "web",
        PLAIN,
        {"redirect_uri": "https://web.example/callback", "code_verifier": None},
    ),
    (
        "4.1.3",
        "a redirect URI that was not sent",
        "kite",
        {"redirect_uri": None, "scope": "chirps.read"},
        {"redirect_uri": "https://kite.example/cb"},
    ),
]


@pytest.mark.parametrize("client,asked,shown", [row(a, b, *rest) for a, b, *rest in RIGHT])
def test_a_code_in_the_right_hands_is_good(
    client: str, asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    world = World()
    tokens = world.redeem(client, world.agree(request(client, **asked)).code, **shown)
    assert world.introspect(tokens["access_token"]).active
    assert world.kinds()[-1] == "connected"


# What is no code.


FORGED: list[tuple[str, str, Any]] = [
    ("A22", "cut", lambda code: code[:-1]),
    ("A22", "longer", lambda code: code + "A"),
    (
        "A22",
        "one character changed",
        lambda code: code[:40] + ("A" if code[40] != "A" else "B") + code[41:],
    ),
    ("A22", "nonsense", lambda _: "nonsense"),
    ("A22", "nonsense in the right form", lambda _: opaque.write("code", bytes(80))),
    ("A22", "nothing but a key's name", lambda _: opaque.write("code", bytes.fromhex("5ea10001"))),
    (
        "A22",
        "another key's name",
        lambda code: opaque.write("code", bytes(4) + opaque.read("code", code)[4:]),
    ),
    (
        "A22",
        "one sealed bit changed",
        lambda code: opaque.write(
            "code", opaque.read("code", code)[:-1] + bytes((opaque.read("code", code)[-1] ^ 1,))
        ),
    ),
    ("A81", "a refresh token's form", lambda code: opaque.write("rt", opaque.read("code", code))),
    ("A82", "its own digest", digest),
]


@pytest.mark.parametrize("forge", [row(a, b, c) for a, b, c in FORGED])
def test_what_is_no_code_changes_nothing(forge: Any) -> None:
    world = World()
    code = code_of(world)
    before = world.digest()
    with pytest.raises(InvalidGrant):
        world.redeem("kite", forge(code))
    assert world.digest() == before
    assert not spent(world, "kite", code)


def test_a_refresh_token_is_no_code_and_a_code_no_refresh_token() -> None:
    """ATTACKS A81."""
    world = World()
    code = code_of(world)
    tokens = world.redeem("kite", code)
    before = world.digest()
    for other in (tokens["refresh_token"], tokens["access_token"], tokens["id_token"]):
        with pytest.raises(InvalidGrant):
            world.redeem("kite", other)
    for other in (code, tokens["access_token"]):
        with pytest.raises(InvalidGrant):
            world.refresh("kite", other)
    assert world.digest() == before


def test_a_code_sealed_for_another_purpose_is_none() -> None:
    """The same key, the same bytes, another purpose."""
    world = World()
    raw = opaque.read("code", code_of(world))
    key = KEYRING.sealing[0].raw
    inside = seal.unseal(key, raw[4:], purpose=codes.PURPOSE)
    again = seal.seal(key, inside, nonce=bytes(12), purpose=b"something else")
    with pytest.raises(InvalidGrant):
        world.redeem("kite", opaque.write("code", raw[:4] + again))


def test_a_code_shows_nothing_of_what_is_inside() -> None:
    world = World()
    raw = opaque.read("code", world.agree(request("kite", nonce="a-nonce-to-find")).code)
    for inside in (b"kite", b"a-nonce-to-find", world.miko.id.encode(), CHALLENGE.encode()):
        assert inside not in raw


def test_no_two_codes_are_alike() -> None:
    world = World()
    visit = world.sign_in()
    found = {world.agree(request("kite"), visit).code for _ in range(50)}
    assert len(found) == 50


def test_a_code_of_an_older_key_is_good_while_the_key_is_kept() -> None:
    world = World()
    code = code_of(world)
    fresh = RawKey("5ea10002", bytes(reversed(range(32))))
    ring = replace(KEYRING, sealing=(fresh, *KEYRING.sealing))
    world.at = replace(world.at, keyring=ring)
    another = code_of(world)
    assert not spent(world, "kite", code)
    world.at = replace(world.at, keyring=replace(ring, sealing=(fresh,)))
    assert not spent(world, "kite", another)
