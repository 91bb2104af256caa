"""A backchannel request about a user of whom a trusted server speaks (CIBA Core 7.1)."""

from typing import Any

import msgspec
import pytest
from tests.jose.corpus import BAD, BY_NAME, Bad, Honest, prefixes_and_suffixes
from tests.keys import key
from tests.rows import row
from tests.server.oauth.grant_types.elsewhere import asks, waiting
from tests.server.oauth.grant_types.test_jwt_bearer import JAG, PARTNER, THEIRS, brought, claims
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.policy import Policy, TrustedIssuer
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.features import FEATURES
from valetkey.server.oauth.grant_types.ciba import HINT_TYPE
from valetkey.spec import names
from valetkey.spec.errors import (
    ExpiredLoginHintToken,
    InvalidGrant,
    InvalidRequest,
    UnknownUserId,
)


def trusting() -> World:
    """The till may bring what the partner signs."""
    world = World(FEATURES)
    jwks = {"keys": [THEIRS.public().jwk()]}
    policy = Policy(name="partners", trusts=(TrustedIssuer(issuer=PARTNER, jwks=jwks),))
    world.at = msgspec.structs.replace(world.at, policies={"partners": policy})
    world.change(Client, "till", policy="partners")
    return world


def hint(world: World, *, typ: str = HINT_TYPE, by: Any = THEIRS, **changed: Any) -> str:
    return Honest(by, claims(world, **changed), typ).token()


def hinted(world: World, text: str, **more: Any) -> Any:
    return asks(world, login_hint=None, login_hint_token=text, **more)


def test_the_user_of_whom_it_speaks_is_asked() -> None:
    world = trusting()
    assert hinted(world, hint(world))["auth_req_id"]
    assert len(waiting(world, world.miko.id)) == 1
    assert not waiting(world, world.noor.id)


def test_it_counts_once() -> None:
    world = trusting()
    text = hint(world)
    hinted(world, text)
    with pytest.raises(InvalidRequest):
        hinted(world, text)


WRONG: list[Any] = [
    row("7523 3", "of another server", {"iss": "https://evil.example"}),
    row("7523 3", "for another server", {"aud": "https://other.example"}),
    row("7523 3", "without an end", {"exp": ...}),
    row("7523 3", "without a name", {"jti": ...}),
    row("7523 3", "for another app", {"client_id": "kite"}),
    row("A48", "of the type of an assertion", {"typ": "JWT"}),
    row("A48", "of the type of an ID-JAG", {"typ": JAG}),
    row("7523 3", "signed by a stranger", {"by": key("ES256", "a stranger's")}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_what_is_refused(changed: dict[str, Any]) -> None:
    world = trusting()
    with pytest.raises(InvalidRequest):
        hinted(world, hint(world, **changed))
    assert not world.all(Pending)


def test_one_that_is_over_has_a_code_of_its_own() -> None:
    """CIBA Core 13: the app can get another one."""
    world = trusting()
    with pytest.raises(ExpiredLoginHintToken):
        hinted(world, hint(world, exp=1_600_000_000, iat=1_599_999_000))
    assert not world.all(Pending)


@pytest.mark.parametrize("bad", [*BAD, *BY_NAME])
def test_malformed(bad: Bad) -> None:
    world = trusting()
    with pytest.raises(InvalidRequest):
        hinted(world, bad(Honest(THEIRS, claims(world), HINT_TYPE)))
    assert not world.all(Pending)


def test_pieces() -> None:
    world = trusting()
    for piece in prefixes_and_suffixes(hint(world)):
        with pytest.raises(InvalidRequest):
            hinted(world, piece)
    assert not world.all(Pending)


def test_it_opens_nothing_where_assertions_do() -> None:
    """ATTACKS A48: who may ask a user is not one who may act for them."""
    world = trusting()
    types = ("authorization_code", "refresh_token", names.JWT_BEARER)
    world.change(Client, "web", grant_types=types, policy="partners")
    world.connect("web")
    with pytest.raises(InvalidGrant):
        brought(world, hint(world))


def test_nobody_and_a_disabled_user_are_not_told_apart() -> None:
    world = trusting()
    with pytest.raises(UnknownUserId):
        hinted(world, hint(world, sub="somebody"))
    world.change(User, world.miko.id, status="disabled")
    with pytest.raises(UnknownUserId):
        hinted(world, hint(world))


def test_one_hint_and_no_more() -> None:
    world = trusting()
    with pytest.raises(InvalidRequest):
        asks(world, login_hint_token=hint(world))


def test_nobody_is_trusted_by_themselves() -> None:
    world = World(FEATURES)
    assert mistakes(world.need(Client, "till"), world.at) == []
    with pytest.raises(InvalidRequest):
        hinted(world, hint(world))
