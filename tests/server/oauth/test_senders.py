"""Bound to whom: a key from the request to the last refresh (RFC 9449; ATTACKS A39, A41, A42)."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.keys import key
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row
from tests.server.oauth.forms import call, form, pushed, request
from tests.server.oauth.grant_types.story import leaf
from tests.server.oauth.grant_types.test_token_exchange import exchange
from tests.server.oauth.senders import THIRD, bound, brought, code, proving, redeem, refresh, tokens
from tests.server.oauth.world import ISSUER, World, done

from valetkey.server.model.client import Client
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.keys import RawKey
from valetkey.server.model.pending import Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Many, Rule
from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.clients.attestation import STEP
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.decision import Answer, Outcome
from valetkey.server.oauth.core.feature import RequestInfo
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.senders.binding import BEARER, check_presented
from valetkey.server.oauth.senders.dpop import DPOP, nonce
from valetkey.spec.errors import (
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    OAuthError,
    UseDpopNonce,
)

JKT = MINE.public().thumbprint()


def machine(world: World, **wish: Any) -> dict[str, Any]:
    sent = call("machine", grant_type="client_credentials")
    return tokens(world, proving(world, sent, **wish))


# What is issued.


def test_a_token_says_what_it_is_bound_to() -> None:
    world = World()
    issued = redeem(world, "kite", code(world))
    assert issued["token_type"] == "DPoP"
    told = world.introspect(issued["access_token"])
    assert (told.active, told.token_type, told.cnf) == (True, "DPoP", bound())
    assert world.family().cnf == bound()


def test_without_a_proof_it_is_bound_to_nobody() -> None:
    world = World()
    issued = world.connect()
    told = world.introspect(issued["access_token"])
    assert (issued["token_type"], told.token_type, told.cnf) == ("Bearer", "Bearer", None)
    assert world.family().cnf is None


def test_a_client_that_acts_for_itself_may_bind_too() -> None:
    world = World()
    issued = machine(world, by=key("EdDSA"))
    told = world.introspect(str(issued["access_token"]))
    assert told.cnf == bound(key("EdDSA"))


def test_a_client_that_is_registered_for_bound_tokens_gets_no_others() -> None:
    world = World()
    world.change(Client, "machine", dpop_bound_access_tokens=True)
    before = world.digest()
    with pytest.raises(InvalidRequest, match="prove"):
        world.token("machine", grant_type="client_credentials")
    assert world.digest() == before
    assert machine(world)["token_type"] == "DPoP"


# The code.


def test_a_code_is_bound_by_dpop_jkt() -> None:
    world = World()
    issued = redeem(world, "kite", code(world, dpop_jkt=JKT))
    assert world.introspect(issued["access_token"]).cnf == bound()


WRONG_HANDS = [
    row("A41", "another key", {"by": OTHER}),
    row("A41", "no proof", None),
]


@pytest.mark.parametrize("wish", WRONG_HANDS)
def test_a_bound_code_in_other_hands_is_burnt(wish: dict[str, object] | None) -> None:
    world = World()
    text = code(world, dpop_jkt=JKT)
    with pytest.raises(InvalidGrant):
        _ = world.redeem("kite", text) if wish is None else redeem(world, "kite", text, **wish)
    with pytest.raises(InvalidGrant):
        redeem(world, "kite", text)
    assert world.family().status == "closed"


def test_a_large_code_is_bound_too() -> None:
    world = World()
    text = code(world, dpop_jkt=JKT, nonce="n" * 512, resource=("https://chirp.example",))
    with pytest.raises(InvalidGrant):
        redeem(world, "kite", text, by=OTHER)


@pytest.mark.parametrize(
    "jkt",
    [
        row("9449 10", "one that is cut", JKT[:-1]),
        row("9449 10", "one that is too long", JKT + "A"),
        row("9449 10", "another alphabet", "=" * 43),
    ],
)
def test_what_is_no_thumbprint_is_refused(jkt: str) -> None:
    world = World()
    denied = world.visit(request("kite", dpop_jkt=jkt), world.sign_in())
    assert isinstance(denied, Deny)
    assert denied.error.code == "invalid_request"


# Pushed requests.


def _push(world: World, **parameters: str) -> str:
    sent = proving(world, call("web", **pushed("web", **parameters)), "/par")
    answer = world.post(push, sent)
    assert isinstance(answer, Answer)
    document: dict[str, str] = msgspec.to_builtins(answer.document)
    return document["request_uri"]


@pytest.mark.parametrize(
    "parameters",
    [row("9449 10.1", "the proof alone", {}), row("9449 10.1", "and dpop_jkt", {"dpop_jkt": JKT})],
)
def test_a_proof_with_a_pushed_request_binds_the_code(parameters: dict[str, str]) -> None:
    world = World()
    uri = _push(world, **parameters)
    text = world.agree({"client_id": "web", "request_uri": uri}).code
    with pytest.raises(InvalidGrant):
        redeem(world, "web", text, by=OTHER)


def test_a_proof_and_dpop_jkt_that_differ_are_refused() -> None:
    world = World()
    with pytest.raises(InvalidRequest):
        _push(world, dpop_jkt=OTHER.public().thumbprint())
    assert not done(world.store.read(Many(Pending))).many(Many(Pending))


def test_dpop_jkt_alone_may_be_pushed() -> None:
    world = World()
    uri = world.push("web", dpop_jkt=JKT)
    text = world.agree({"client_id": "web", "request_uri": uri}).code
    assert redeem(world, "web", text)["token_type"] == "DPoP"


# Refreshing.


def test_a_public_client_is_held_to_its_key() -> None:
    world = World()
    first = redeem(world, "kite", code(world))
    before = world.digest()
    for wrong in ({"by": OTHER}, {"by": THIRD}):
        with pytest.raises(InvalidGrant):
            refresh(world, "kite", leaf(first), **wrong)
    with pytest.raises(InvalidGrant):
        world.refresh("kite", leaf(first))
    assert world.digest() == before
    again = refresh(world, "kite", leaf(first))
    assert world.introspect(again["access_token"]).cnf == bound()


def test_a_retry_by_another_key_is_refused_and_closes_nothing() -> None:
    """Whoever found an old token in a log has no key to it, and no way to end it."""
    world = World()
    first = redeem(world, "kite", code(world))
    second = refresh(world, "kite", leaf(first))
    with pytest.raises(InvalidGrant):
        refresh(world, "kite", leaf(first), by=OTHER)
    assert world.family().status == "open"
    assert world.introspect(second["access_token"]).active


def test_a_retry_by_the_same_key_gets_the_same_successor() -> None:
    world = World()
    first = redeem(world, "kite", code(world))
    second = refresh(world, "kite", leaf(first))
    assert leaf(refresh(world, "kite", leaf(first))) == leaf(second)


def test_a_public_client_that_begins_to_prove_is_held_to_it() -> None:
    world = World()
    first = world.connect()
    second = refresh(world, "kite", leaf(first))
    assert world.family().cnf == bound()
    with pytest.raises(InvalidGrant):
        world.refresh("kite", leaf(second))


def test_a_confidential_client_may_change_its_key() -> None:
    """FAPI 2.0 Security Profile 5.3.2.1: it proves itself, and does not rotate."""
    world = World()
    first = redeem(world, "web", code(world, "web"))
    second = refresh(world, "web", leaf(first), by=OTHER)
    assert leaf(second) == leaf(first)
    assert world.introspect(second["access_token"]).cnf == bound(OTHER)
    assert world.introspect(first["access_token"]).cnf == bound(MINE)


# Replay.


def test_a_proof_is_good_once() -> None:
    world = World()
    sent = proving(world, call("machine", grant_type="client_credentials"))
    tokens(world, sent)
    with pytest.raises(InvalidDpopProof, match="before"):
        tokens(world, sent)
    (marker,) = world.all(SingleUse)
    world.later(marker.expires - world.now + 1)
    world.sweep()
    assert world.all(SingleUse) == ()
    with pytest.raises(InvalidDpopProof):
        tokens(world, sent)


def test_a_proof_of_a_refused_refresh_is_remembered_with_what_the_refusal_writes() -> None:
    world = World()
    first = redeem(world, "kite", code(world))
    second = refresh(world, "kite", leaf(first))
    refresh(world, "kite", leaf(second))
    count = len(world.all(SingleUse))
    with pytest.raises(InvalidGrant):
        refresh(world, "kite", leaf(first))
    assert len(world.all(SingleUse)) == count + 1


def test_a_refusal_that_writes_nothing_remembers_no_proof_of_a_public_client() -> None:
    # Anybody can make up keys and proofs: a spent code would fill the table for its minute.
    world = World()
    text = code(world)
    redeem(world, "kite", text)
    with pytest.raises(InvalidGrant):
        redeem(world, "kite", text)
    count = len(world.all(SingleUse))
    for by in (MINE, OTHER, THIRD):
        with pytest.raises(InvalidGrant):
            redeem(world, "kite", text, by=by)
    assert len(world.all(SingleUse)) == count


def test_a_proof_by_another_key_than_the_tokens_is_not_remembered() -> None:
    world = World()
    text = str(redeem(world, "kite", code(world))["access_token"])
    count = len(world.all(SingleUse))
    with pytest.raises(InvalidToken, match="another key"):
        show(world, "DPoP", text, by=OTHER)
    assert len(world.all(SingleUse)) == count
    show(world, "DPoP", text, by=MINE)
    assert len(world.all(SingleUse)) == count + 1


def test_two_proofs_are_none() -> None:
    world = World()
    one = brought(world, "/token")
    both = RequestInfo(path="/token", headers={"dpop": (*one.headers["dpop"], "x")})
    with pytest.raises(InvalidDpopProof):
        tokens(world, msgspec.structs.replace(call("machine"), form=_grant(), request=both))


def _grant() -> object:
    return form({"grant_type": "client_credentials"})


# Nonces.

STRICT = Policy(name="strict", dpop_nonce="required")


def strict() -> World:
    world = World()
    world.at = msgspec.structs.replace(world.at, policies={"strict": STRICT})
    world.change(Client, "machine", policy="strict")
    return world


def test_a_policy_may_want_a_nonce() -> None:
    world = strict()
    with pytest.raises(UseDpopNonce):
        machine(world)
    assert machine(world, nonce=nonce(world.context))["token_type"] == "DPoP"


NONCES = [
    row("A42", "one of ours", 0, True),
    row("A42", "the last one", STEP, True),
    row("A42", "an expired one", 3 * STEP, False),
]


@pytest.mark.parametrize("policy", ["default", "strict"])
@pytest.mark.parametrize("seconds, good", NONCES)
def test_a_nonce_ends(seconds: int, good: bool, policy: str) -> None:
    world = strict()
    world.change(Client, "machine", policy=policy)
    old = nonce(world.context)
    world.later(seconds)
    if good:
        assert machine(world, nonce=old)
        return
    with pytest.raises(UseDpopNonce):
        machine(world, nonce=old)


@pytest.mark.parametrize(
    "text",
    [
        row("A42", "a foreign one", "AAAAAAAAAAAAAAAAAAAAAA"),
        row("A42", "one with a letter outside ASCII", "é"),
        row("A42", "a long one", "A" * 1000),
    ],
)
def test_a_foreign_nonce_is_refused(text: str) -> None:
    world = World()
    with pytest.raises(UseDpopNonce):
        machine(world, nonce=text)


def test_nonces_of_nodes_agree_and_survive_a_rotation_of_the_key() -> None:
    world = strict()
    old = nonce(world.context)
    assert old == nonce(World().context)
    fresh = RawKey("3ac00002", bytes(range(2, 34)))
    ring = world.at.keyring
    rotated = msgspec.structs.replace(ring, macs=(fresh, *ring.macs))
    world.at = msgspec.structs.replace(world.at, keyring=rotated)
    assert nonce(world.context) != old
    assert machine(world, nonce=old)


# Shown at an endpoint.


def show(world: World, scheme: str, text: str, **wish: object) -> None:
    address = f"{ISSUER}/userinfo"
    sent = () if wish.get("by") is None else (
        proof(Wish(method="GET", address=address, token=text, claims={"iat": world.now}), **wish),
    )  # fmt: skip
    brought = RequestInfo(
        method="GET", path="/userinfo", token=text, headers={"dpop": sent} if sent else {}
    )

    def rule() -> Rule[Outcome]:
        yield from check_presented(scheme, brought, world.context)
        return Outcome()

    world.settle(rule)


SHOWN = [
    row("A11", "a bound one, rightly", "bound", "DPoP", MINE, None),
    row("A11", "a bearer one, rightly", "free", "Bearer", None, None),
    row("A11", "a bound one as a bearer token", "bound", "Bearer", None, InvalidToken),
    row("A11", "a bound one as a bearer token, with proof", "bound", "Bearer", MINE, InvalidToken),
    row("A11", "a bound one without a proof", "bound", "DPoP", None, InvalidDpopProof),
    row("A11", "a bound one with another key", "bound", "DPoP", OTHER, InvalidToken),
    row("A11", "a bearer one as a bound one", "free", "DPoP", MINE, InvalidToken),
]


@pytest.mark.parametrize("which, scheme, by, refused", SHOWN)
def test_a_token_is_shown_as_it_is_bound(
    which: str, scheme: str, by: object, refused: type[OAuthError] | None
) -> None:
    world = World()
    issued = redeem(world, "kite", code(world)) if which == "bound" else world.connect()
    text = str(issued["access_token"])
    if refused is None:
        show(world, scheme, text, by=by)
        return
    with pytest.raises(refused):
        show(world, scheme, text, by=by)


def test_switched_off_a_bound_token_opens_nothing() -> None:
    world = World()
    text = str(redeem(world, "kite", code(world))["access_token"])
    world.at = msgspec.structs.replace(
        world.at, features=tuple(one for one in world.at.features if one is not DPOP)
    )
    assert BEARER in world.at.features
    with pytest.raises(InvalidToken):
        show(world, "Bearer", text)
    assert not world.introspect(text).active


# What a client is held to does not go with the feature that it needs.

BOUND: list[Any] = [
    row("9449 5.2", "DPoP", "DPoP", "dpop_bound_access_tokens"),
    row("8705 3.4", "mutual TLS", "mutual TLS", "tls_client_certificate_bound_access_tokens"),
]


@pytest.mark.parametrize("name, field", BOUND)
def test_switched_off_a_client_that_has_bound_tokens_alone_gets_none(name: str, field: str) -> None:
    world = World(switched(off=(name,)))
    for client in ("machine", "web"):
        world.change(Client, client, **{field: True})
    with pytest.raises(InvalidRequest):
        world.token("machine", grant_type="client_credentials", scope="chirps.read")
    with pytest.raises(InvalidRequest):
        world.connect("web")


@pytest.mark.parametrize("name, field", BOUND)
def test_switched_off_nobody_passes_its_key_on_unbound(name: str, field: str) -> None:
    world = World(switched(off=(name,)))
    held = world.connect("web")["access_token"]
    world.change(Client, "web", **{field: True})
    with pytest.raises(InvalidRequest):
        exchange(world, held, scope="chirps.read")


@pytest.mark.parametrize("name, field", BOUND)
def test_switched_off_its_registration_says_so(name: str, field: str) -> None:
    client = replace(World().need(Client, "web"), **{field: True})
    on, off = World(switched(on=(name,))), World(switched(off=(name,)))
    assert mistakes(client, on.at) == []
    assert any("switched off" in one for one in mistakes(client, off.at))
