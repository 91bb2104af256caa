"""Codes: once, and soon; large ones too (RFC 6749 4.1.2; ATTACKS A15; PROMISES R04)."""

import pytest
from tests.rows import row
from tests.server.oauth.forms import VERIFIER, call, request
from tests.server.oauth.grant_types.story import code_of, spent
from tests.server.oauth.world import ISSUER, KEYRING, World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.pending import Pending
from valetkey.server.oauth.core.decision import Issued, Refuse
from valetkey.server.oauth.grant_types.token import token
from valetkey.server.oauth.tokens import code as codes
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import id_token

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
    (pending,) = (one for one in world.all(Pending) if one.kind != "answered")
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
