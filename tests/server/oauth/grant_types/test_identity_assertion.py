"""Identity assertions for other servers (ID-JAG 4.3), rule by rule; ATTACKS A48, A56 in part."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.grant_types.test_jwt_bearer import TYPES, brought
from tests.server.oauth.world import ISSUER, World

from valetkey.jose import jwt
from valetkey.server.model.client import Asserted, Client, Exchange
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.policy import Policy, TrustedIssuer
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.server.oauth.grant_types.identity_assertion import LASTS, TOKEN_TYPE, TYPE, IdJag
from valetkey.spec import names
from valetkey.spec.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    UnauthorizedClient,
)

THERE = "https://other.example"
POLICY = Exchange(asserts={THERE: Asserted(client_id="web-there", scope=("chirps.read",))})


def asserting(features: Any = FEATURES, **fields: Any) -> World:
    """A world in which `web` may say to another server who signed in with it."""
    world = World(features)
    types = ("authorization_code", "refresh_token", names.TOKEN_EXCHANGE)
    world.change(Client, "web", **({"grant_types": types, "exchange": POLICY} | fields))
    return world


def signed_in(world: World, client: str = "web") -> str:
    tokens = world.connect(client, scope="openid offline_access chirps")
    return str(tokens["id_token"])


def asked(world: World, subject: str, client: str = "web", **changed: Any) -> Any:
    given = {
        "grant_type": names.TOKEN_EXCHANGE,
        "requested_token_type": TOKEN_TYPE,
        "subject_token": subject,
        "subject_token_type": names.TYPE_ID_TOKEN,
        "audience": (THERE,),
    }
    return world.token(client, **{k: v for k, v in (given | changed).items() if v is not None})


def read(world: World, told: dict[str, Any]) -> IdJag:
    keys = world.at.keyring.published
    return jwt.verify(
        told["access_token"], IdJag, keys=keys, typ=(TYPE,), issuer=ISSUER, now=world.now
    ).claims


def test_a_pairwise_app_learns_no_other_name_of_its_user() -> None:
    """It could read the assertion, which would name the user as everybody else's does."""
    world = asserting(subject_type="pairwise", scope=("openid", "offline_access"))
    subject = str(world.connect("web", scope="openid offline_access")["id_token"])
    with pytest.raises(InvalidRequest):
        asked(world, subject)


def test_who_signed_in_is_told_to_another_server() -> None:
    world = asserting()
    subject = signed_in(world)
    before = world.digest()
    told = asked(world, subject, scope="chirps.read")
    assert told.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (told["issued_token_type"], told["token_type"]) == (TOKEN_TYPE, "N_A")
    assert told["expires_in"] == LASTS
    said = read(world, told)
    assert (said.sub, said.aud, said.client_id) == (world.miko.id, THERE, "web-there")
    assert (said.scope, said.amr) == ("chirps.read", ("pwd",))
    assert said.auth_time == world.family("web").auth_time
    assert world.digest() == before, "nothing is written"
    assert not read(world, asked(world, subject)).scope
    assert read(world, asked(world, subject)).jti != said.jti


def test_another_server_of_this_kind_takes_it() -> None:
    world = asserting()
    other = World(FEATURES)
    keys = {"keys": [one.jwk() for one in world.at.keyring.published]}
    trusted = TrustedIssuer(issuer=ISSUER, jwks=keys, subject="id")
    policy = Policy(name="partners", pkce="optional", trusts=(trusted,))
    other.at = replace(other.at, issuer=THERE, policies={"partners": policy})
    other.change(Client, "web", grant_types=TYPES, policy="partners")
    other.miko = replace(world.miko, username="miko-there", version=0)
    other.put(other.miko)
    other.connect("web", scope="openid offline_access chirps")
    here = Asserted(client_id="web", scope=("chirps.read",))
    world.change(Client, "web", exchange=Exchange(asserts={THERE: here}))
    text = asked(world, signed_in(world), scope="chirps.read")["access_token"]
    assert brought(other, text)["scope"] == "chirps.read"
    with pytest.raises(InvalidGrant):
        brought(other, text)


WRONG: list[Any] = [
    row("4.3", "no audience", {"audience": None}, InvalidTarget),
    row("4.3", "another server", {"audience": ("https://evil.example",)}, InvalidTarget),
    row("4.3", "two servers", {"audience": (THERE, "https://evil.example")}, InvalidTarget),
    row("4.3", "almost that server", {"audience": (f"{THERE}/",)}, InvalidTarget),
    row("4.3", "a resource of that server", {"resource": (f"{THERE}/api",)}, InvalidTarget),
    row("4.3", "a scope that is not asserted", {"scope": "chirps.write"}, InvalidScope),
    row("4.3", "a type that is none", {"requested_token_type": f"{TOKEN_TYPE}x"}, InvalidRequest),
    row("4.3", "an access token", {"subject_token_type": names.TYPE_ACCESS_TOKEN}, InvalidRequest),
    row("A48", "no ID Token", {"subject_token": "e30.e30.e30"}, InvalidRequest),
]


@pytest.mark.parametrize("changed, error", WRONG)
def test_what_is_not_asserted(changed: dict[str, Any], error: type[OAuthError]) -> None:
    world = asserting()
    with pytest.raises(error):
        asked(world, signed_in(world), **changed)


def test_an_assertion_is_no_id_token_and_no_access_token() -> None:
    """ATTACKS A48."""
    world = asserting()
    text = asked(world, signed_in(world))["access_token"]
    for kind in (names.TYPE_ID_TOKEN, names.TYPE_ACCESS_TOKEN, names.TYPE_JWT):
        with pytest.raises(InvalidRequest):
            asked(world, text, subject_token_type=kind)
    assert not world.introspect(text).active


def test_the_id_token_of_another_app_asserts_nothing() -> None:
    """ATTACKS A56: whoever gets hold of it is not whom its user signed in with."""
    world = asserting()
    with pytest.raises(InvalidRequest):
        asked(world, signed_in(world, "kite"))


def test_who_is_registered_for_none_asserts_none() -> None:
    world = asserting(exchange=Exchange(clients=("web",), audiences=("https://chirp.example",)))
    with pytest.raises(InvalidTarget):
        asked(world, signed_in(world))
    world = asserting(exchange=None)
    with pytest.raises(UnauthorizedClient):
        asked(world, signed_in(world))


def _on(kind: type[Any], key: Any, **fields: Any) -> Any:
    return lambda world: world.change(kind, key(world), **fields)


DEAD: list[Any] = [
    row("A56", "user disabled", _on(User, lambda world: world.miko.id, status="disabled")),
    row("A56", "grant paused", _on(Grant, lambda world: world.grant("web").id, status="paused")),
    row("A56", "grant stopped", _on(Grant, lambda world: world.grant("web").id, status="stopped")),
    row("A56", "device gone", _on(TokenFamily, lambda w: w.family("web").id, status="closed")),
    row("A56", "client suspended", _on(Client, lambda world: "web", status="suspended")),
]


@pytest.mark.parametrize("happens", DEAD)
def test_of_the_dead_nothing_is_said(happens: Any) -> None:
    world = asserting()
    subject = signed_in(world)
    happens(world)
    acts = world.need(Client, "web").status == "active"
    with pytest.raises(InvalidRequest if acts else InvalidClient):
        asked(world, subject)


def test_a_sign_in_that_is_over_is_not_asserted() -> None:
    world = asserting()
    subject = signed_in(world)
    world.later(world.at.lifetimes.id_token - 1)
    assert asked(world, subject)["expires_in"] <= 1
    world.later(1 + 60)
    with pytest.raises(InvalidRequest):
        asked(world, subject)


def test_it_is_off_unless_switched_on() -> None:
    on = server_metadata(asserting().context)
    assert on.identity_chaining_requested_token_types_supported == (TOKEN_TYPE,)
    world = asserting(switched())
    assert not server_metadata(world.context).identity_chaining_requested_token_types_supported
    with pytest.raises(InvalidRequest):
        asked(world, signed_in(world))
    alone = World(switched(on=("identity assertion",), off=("token exchange",)))
    said = server_metadata(alone.context)
    assert said.authorization_grant_profiles_supported
    assert not said.identity_chaining_requested_token_types_supported


REGISTERED: list[Any] = [
    row("", "well", POLICY, True),
    row("", "itself", Exchange(asserts={ISSUER: Asserted(client_id="web")}), False),
    row("", "not https", Exchange(asserts={"http://o.example": Asserted(client_id="w")}), False),
    row("", "nowhere", Exchange(asserts={"": Asserted(client_id="w")}), False),
    row("", "as nobody", Exchange(asserts={THERE: Asserted(client_id="")}), False),
    row("", "half an exchange", replace(POLICY, clients=("web",)), False),
]


@pytest.mark.parametrize("policy, good", REGISTERED)
def test_registration(policy: Exchange, good: bool) -> None:
    world = asserting(exchange=policy)
    assert (mistakes(world.need(Client, "web"), world.at) == []) is good
