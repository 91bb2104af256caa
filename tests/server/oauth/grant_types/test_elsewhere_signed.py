"""Signed requests for an app elsewhere (CIBA Core 7.1.1; RFC 9101): what is signed counts."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, Bad, Honest
from tests.keys import key
from tests.server.oauth.clients.apps import MINE, SIGNER, with_assertion
from tests.server.oauth.clients.apps import assertion as proof
from tests.server.oauth.grant_types.elsewhere import asks as till_asks
from tests.server.oauth.grant_types.elsewhere import waiting
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.policy import Policy
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.grant_types import ciba, device
from valetkey.spec import names
from valetkey.spec.errors import InvalidRequest

WAYS = {"device": device.ask, "backchannel": ciba.ask}


def signing(*, required: bool = False) -> World:
    world = World()
    world.put(SIGNER)
    world.change(Client, "signer", grant_types=(names.DEVICE_CODE, names.CIBA), policy="signers")
    must: Any = "required" if required else "optional"
    policy = Policy(name="signers", signed_requests=must)
    world.at = msgspec.structs.replace(world.at, policies={"signers": policy})
    return world


def inside(world: World, **changed: Any) -> dict[str, Any]:
    given = {
        "iss": "signer",
        "client_id": "signer",
        "aud": ISSUER,
        "iat": world.now,
        "nbf": world.now,
        "exp": world.now + 120,
        "jti": "1",
        "scope": "openid chirps.read",
        "login_hint": "miko",
        "binding_message": "signed",
    }
    return {name: value for name, value in (given | changed).items() if value is not ...}


def asks(world: World, way: str, **parameters: Any) -> Answer:
    outcome = world.post(WAYS[way], with_assertion(proof(world), **parameters))
    assert isinstance(outcome, Answer)
    return outcome


@pytest.mark.parametrize("way", WAYS)
def test_what_is_signed_counts_and_nothing_beside_it(way: str) -> None:
    """ATTACKS A47."""
    world = signing()
    text = Honest(MINE, inside(world), "oauth-authz-req+jwt").token()
    asks(world, way, request=text, scope="openid chirps", binding_message="beside it")
    (row,) = (one for one in world.all(Pending) if one.kind == way)
    assert row.parameters["scope"] == "openid chirps.read"
    if way == "backchannel":
        assert waiting(world, world.miko.id)[0].words == "signed"


@pytest.mark.parametrize("way", WAYS)
def test_who_has_to_sign_cannot_leave_it(way: str) -> None:
    world = signing(required=True)
    with pytest.raises(InvalidRequest):
        asks(world, way, scope="openid", login_hint="miko")
    asks(world, way, request=Honest(MINE, inside(world), "JWT").token())
    assert [row.kind for row in world.all(Pending)] == [way]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", BAD)
def test_malformed(bad: Bad, way: str) -> None:
    """ATTACKS A45."""
    world = signing(required=True)
    with pytest.raises(InvalidRequest):
        asks(world, way, request=bad(Honest(MINE, inside(world), "JWT")))
    assert not world.all(Pending)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "till"},
        {"iss": "till"},
        {"aud": "https://other.example"},
        {"exp": 1},
        {"nbf": 1_700_000_000 + 3000},
        {"sub": "signer"},
        {"request": "x"},
    ],
    ids=str,
)
def test_what_is_signed_wrongly(changed: dict[str, Any], way: str) -> None:
    world = signing()
    with pytest.raises(InvalidRequest):
        asks(world, way, request=Honest(MINE, inside(world, **changed), "JWT").token())


@pytest.mark.parametrize("way", WAYS)
def test_by_a_key_of_somebody_else(way: str) -> None:
    world = signing()
    with pytest.raises(InvalidRequest):
        asks(world, way, request=Honest(key("ES256", "theirs"), inside(world), "JWT").token())


def test_who_has_no_keys_cannot_sign() -> None:
    world = World()
    with pytest.raises(InvalidRequest):
        till_asks(world, request="e30.e30.e30")


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "nbf", "jti"])
def test_a_backchannel_request_has_every_claim(name: str) -> None:
    """CIBA Core 7.1.1: REQUIRED, each of them."""
    world = signing()
    for value in (..., ""):
        text = Honest(MINE, inside(world, **{name: value}), "JWT").token()
        with pytest.raises(InvalidRequest):
            asks(world, "backchannel", request=text)
    assert not world.all(Pending)


def test_a_backchannel_request_names_its_client_as_its_issuer() -> None:
    """CIBA Core 7.1.1 has no client_id in it, RFC 9101 4 has."""
    world = signing()
    text = Honest(MINE, inside(world, client_id=...), "JWT").token()
    asks(world, "backchannel", request=text)
    with pytest.raises(InvalidRequest):
        asks(world, "device", request=text)
    other = Honest(MINE, inside(world, client_id="till"), "JWT").token()
    with pytest.raises(InvalidRequest):
        asks(world, "backchannel", request=other)
