"""Codes: once, by the app they were issued to, with all that they are bound to.

RFC 6749 4.1.3, RFC 7636 4.6, RFC 9700 2.1.1; ATTACKS A05, A08, A15, A22, A38, A81; PROMISES R04.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.oauth.forms import CHALLENGE, VERIFIER, call, request
from tests.oauth.world import ISSUER, KEYRING, START, World
from tests.rows import row

from valetkey.jose import seal
from valetkey.jose.seal import digest
from valetkey.model.client import Client
from valetkey.model.event import Event
from valetkey.model.grant import Grant, TokenFamily
from valetkey.model.keys import RawKey
from valetkey.model.pending import Pending
from valetkey.model.user import User
from valetkey.oauth.decision import Issued, Refuse
from valetkey.oauth.grants.token import token
from valetkey.oauth.issue import code as codes
from valetkey.spec.errors import InvalidGrant, InvalidScope, InvalidTarget, OAuthError
from valetkey.wire import id_token, opaque, pkce

PLAIN = {"code_challenge": None, "code_challenge_method": None}
"""A request without PKCE, as the policy of `web` lets it be."""


def spent(world: World, client: str, code: str, **parameters: Any) -> bool:
    """Whether the code is refused now, however rightly it is presented."""
    try:
        world.redeem(client, code, **parameters)
    except InvalidGrant:
        return True
    return False


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


def code_of(world: World) -> str:
    return world.agree(request("kite")).code


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


# When.

TIMES = [
    row("4.1.2", "at once", 0, False),
    row("4.1.2", "in its last second", 59, False),
    row("4.1.2", "just expired", 60, True),
    row("4.1.2", "long expired", 86400, True),
]


@pytest.mark.parametrize("seconds,refused", TIMES)
def test_a_code_lives_for_a_minute(seconds: int, refused: bool) -> None:
    world = World()
    code = code_of(world)
    before = world.digest()
    world.later(seconds)
    assert spent(world, "kite", code) is refused
    assert (world.digest() == before) is refused


def test_an_expired_code_in_the_wrong_hands_writes_nothing() -> None:
    """Else old codes from a history would fill the table."""
    world = World()
    code = code_of(world)
    before = world.digest()
    world.later(60)
    assert spent(world, "stefapp", code)
    assert world.digest() == before


# Once.


def test_a_code_that_comes_twice_ends_all_that_came_of_it() -> None:
    world = World()
    code = code_of(world)
    tokens = world.redeem("kite", code)
    with pytest.raises(InvalidGrant, match="used before"):
        world.redeem("kite", code)
    assert world.family().status == "closed"
    assert world.family().because == "code replayed"
    assert not world.introspect(tokens["access_token"]).active
    with pytest.raises(InvalidGrant):
        world.refresh("kite", tokens["refresh_token"])
    assert world.grant().status == "active"
    assert world.kinds().count("replayed") == 1


def test_a_third_time_tells_nothing_more() -> None:
    world = World()
    code = code_of(world)
    world.redeem("kite", code)
    for _ in range(3):
        assert spent(world, "kite", code)
    assert world.kinds().count("replayed") == 1


@pytest.mark.parametrize("by", ["stefapp", "web", "kite"])
def test_a_used_code_is_a_replay_whoever_brings_it_and_however_late(by: str) -> None:
    world = World()
    code = code_of(world)
    world.redeem("kite", code)
    world.later(3600)
    assert spent(world, by, code)
    assert world.family().status == "closed"


def test_a_family_without_refresh_outlives_its_tokens_so_that_a_replay_is_noticed() -> None:
    world = World()
    world.change(Client, "kite", grant_types=("authorization_code",))
    code = code_of(world)
    tokens = world.redeem("kite", code)
    assert "refresh_token" not in tokens
    world.later(world.at.lifetimes.access_token)
    world.sweep()
    assert spent(world, "kite", code)
    assert world.family().status == "closed"


def test_of_two_at_once_one_wins_and_then_both_lose() -> None:
    """PROMISES R04: both have read that the code is unspent. One commit stands; the other hears
    that it is too late, decides again, and sees a code in two hands."""
    world = World()
    given = call(
        "kite", grant_type="authorization_code", code=code_of(world), code_verifier=VERIFIER
    )
    first, second = (world.ask(token(given, world.context)) for _ in range(2))
    assert isinstance(first, Issued)
    assert isinstance(second, Issued)
    world.write(*first.changes)
    outcome = world.settle(lambda: token(given, world.context))
    assert isinstance(outcome, Refuse)
    assert isinstance(outcome.error, InvalidGrant)
    (family,) = world.all(TokenFamily)
    assert family.status == "closed"


# Large requests.

LONG = "é" * 512


def test_a_large_request_waits_in_the_store_and_the_code_names_it() -> None:
    world = World()
    visit = world.sign_in()
    small = world.agree(request("kite"), visit)
    large = world.agree(request("kite", nonce=LONG), visit)
    assert len(large.code) <= len(small.code)
    (pending,) = world.all(Pending)
    assert pending.kind == "code"
    assert len(pending.contents) > codes.MAX_BYTES
    tokens = world.redeem("kite", large.code)
    claims = id_token.verify(
        tokens["id_token"],
        keys=KEYRING.published,
        issuer=ISSUER,
        client_id="kite",
        nonce=LONG,
        access_token=tokens["access_token"],
        now=world.now,
    ).claims
    assert claims.nonce == LONG


def test_a_large_code_is_single_use_too() -> None:
    world = World()
    code = world.agree(request("kite", nonce=LONG)).code
    world.redeem("kite", code)
    world.later(120)
    world.sweep()
    assert spent(world, "kite", code)
    assert world.family().status == "closed"


def test_a_large_code_whose_contents_are_gone_is_none() -> None:
    world = World()
    code = world.agree(request("kite", nonce=LONG)).code
    world.later(3600)
    world.sweep()
    assert world.all(Pending) == ()
    assert spent(world, "kite", code)


# What became of user, client, grant meanwhile.

MEANWHILE: list[tuple[str, str, type[Any], str, dict[str, Any]]] = [
    ("A78", "the user is disabled", User, "user", {"status": "disabled"}),
    ("A78", "the grant is stopped", Grant, "grant", {"status": "stopped"}),
    ("A78", "the grant is paused", Grant, "grant", {"status": "paused"}),
    ("A78", "the client is suspended", Client, "kite", {"status": "suspended"}),
    ("A80", "the client may no longer", Client, "kite", {"grant_types": ("refresh_token",)}),
]


@pytest.mark.parametrize("kind,who,fields", [row(a, b, *rest) for a, b, *rest in MEANWHILE])
def test_nobody_issues_for_the_dead(kind: type[Any], who: str, fields: dict[str, Any]) -> None:
    world = World()
    code = code_of(world)
    keys = {"user": world.miko.id, "grant": world.grant().id}
    world.change(kind, keys.get(who, who), **fields)
    before = world.digest()
    with pytest.raises(OAuthError):
        world.redeem("kite", code)
    assert world.digest() == before


def test_what_was_taken_away_meanwhile_is_not_issued() -> None:
    """ATTACKS A38."""
    world = World()
    code = world.agree(request("kite", scope="openid chirps")).code
    world.change(Grant, world.grant().id, permissions=("chirps.read",))
    tokens = world.redeem("kite", code)
    assert tokens["scope"] == "chirps.read"
    assert "id_token" not in tokens


def test_what_the_client_lost_meanwhile_is_not_issued() -> None:
    """ATTACKS A80."""
    world = World()
    code = world.agree(request("kite", scope="openid chirps")).code
    world.change(Client, "kite", scope=("openid", "chirps.read"))
    assert world.redeem("kite", code)["scope"] == "openid chirps.read"


# What is issued.

SCOPES: list[tuple[str, str, str | None, tuple[str, ...] | None, str]] = [
    ("3.3", "all", "openid chirps.read", None, "openid chirps.read"),
    (
        "3.3",
        "a set, by its members and its name",
        "chirps",
        None,
        "chirps.read chirps.write chirps",
    ),
    ("3.3", "a set, in part", "chirps", ("chirps.read",), "chirps.read"),
    ("3.3", "what is implied", "dms.send", None, "dms.read dms.send"),
    ("3.3", "twice", "chirps.read chirps.read", None, "chirps.read"),
]


@pytest.mark.parametrize("scope,ticked,issued", [row(a, b, *rest) for a, b, *rest in SCOPES])
def test_the_answer_says_what_was_granted(
    scope: str, ticked: tuple[str, ...] | None, issued: str
) -> None:
    world = World()
    tokens = world.connect(scope=scope, ticked=ticked)
    assert tokens["scope"] == issued


NARROWED: list[tuple[str, str, dict[str, Any], str, tuple[str, ...]]] = [
    (
        "8707 2.2",
        "one resource of two",
        {"resource": ("https://photos.example",)},
        "openid photos.read",
        ("https://photos.example",),
    ),
    (
        "8707 2.2",
        "both",
        {"resource": ("https://chirp.example", "https://photos.example")},
        "openid chirps.read photos.read",
        ("https://chirp.example", "https://photos.example"),
    ),
    (
        "8707 2.2",
        "none: all that the scope speaks of",
        {},
        "openid chirps.read photos.read",
        (ISSUER, "https://chirp.example", "https://photos.example"),
    ),
]


@pytest.mark.parametrize("shown,scope,aud", [row(a, b, *rest) for a, b, *rest in NARROWED])
def test_a_resource_narrows(shown: dict[str, Any], scope: str, aud: tuple[str, ...]) -> None:
    world = World()
    code = world.agree(request("kite", scope="openid chirps.read photos.read")).code
    tokens = world.redeem("kite", code, **shown)
    assert tokens["scope"] == scope
    by = "photos" if "https://photos.example" in aud else "chirp"
    assert world.introspect(tokens["access_token"], by=by).aud == aud


WIDENED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    (
        "8707 2.2",
        "a resource of which nothing was granted",
        {"resource": ("https://photos.example",)},
        InvalidTarget,
    ),
    ("8707 2.2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
    ("6749 6", "a scope that was not granted", {"scope": "profile.write"}, InvalidScope),
    ("6749 6", "an unknown scope", {"scope": "nonsense"}, InvalidScope),
]


@pytest.mark.parametrize("shown,error", [row(a, b, *rest) for a, b, *rest in WIDENED])
def test_nothing_widens_and_the_code_stays_good(
    shown: dict[str, Any], error: type[OAuthError]
) -> None:
    world = World()
    code = code_of(world)
    before = world.digest()
    with pytest.raises(error):
        world.redeem("kite", code, **shown)
    assert world.digest() == before
    assert not spent(world, "kite", code)


REFRESHABLE: list[tuple[str, str, str | None, tuple[str, ...] | None, bool]] = [
    ("Core 11", "not asked", "openid", None, True),
    ("Core 11", "asked and granted", "openid offline_access", None, True),
    ("Core 11", "asked and refused", "openid offline_access", ("openid",), False),
    ("Core 11", "no scope sent, granted", None, None, True),
    ("Core 11", "no scope sent, refused", None, ("openid", "chirps.read"), False),
]


@pytest.mark.parametrize(
    "scope,ticked,refreshable", [row(a, b, *rest) for a, b, *rest in REFRESHABLE]
)
def test_access_while_away_is_the_users_to_refuse(
    scope: str | None, ticked: tuple[str, ...] | None, refreshable: bool
) -> None:
    tokens = World().connect(scope=scope, ticked=ticked)
    assert ("refresh_token" in tokens) is refreshable


def test_the_tokens_tell_of_the_grant() -> None:
    world = World()
    code = world.agree(request("kite", scope="openid profile chirps.read")).code
    world.later(7)
    tokens = world.redeem("kite", code)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    told = world.introspect(tokens["access_token"])
    assert (told.sub, told.client_id, told.iss) == (world.miko.id, "kite", ISSUER)
    assert (told.iat, told.exp, told.auth_time) == (START + 7, START + 307, START)
    assert (told.grant_id, told.grant_version) == (world.grant().id, 1)
    claims = id_token.verify(
        tokens["id_token"],
        keys=KEYRING.published,
        issuer=ISSUER,
        client_id="kite",
        nonce="n-1",
        access_token=tokens["access_token"],
        now=world.now,
    ).claims
    assert (claims.sub, claims.aud, claims.auth_time) == (world.miko.id, "kite", START)
    assert claims.at_hash == id_token.at_hash(tokens["access_token"])
    family = world.family()
    assert (family.device, family.grant, family.generation) == ("Firefox", world.grant().id, 0)


def test_a_code_writes_one_row_and_an_authorization_that_stands_none() -> None:
    """DESIGN 5: writes per operation."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    before = world.digest()
    code = world.agree(request("kite"), visit).code
    assert world.digest() == before
    world.redeem("kite", code)
    assert len(world.digest()) == len(before) + 1
