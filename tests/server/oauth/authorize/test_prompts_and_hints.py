"""Whom the answer is about: hints, choices, levels of sign-in, sign-up."""

import json
from typing import Any

import msgspec
import pytest
from tests.keys import key
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.jose import base64url, jws, jwt
from valetkey.server.model.assurance import PASSWORD
from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.outcome import Choose, Consent, Deny, Login, Permit
from valetkey.server.oauth.authorize.request import SIGN_UP
from valetkey.server.oauth.authorize.request_stages import remember_choice
from valetkey.server.oauth.core.subjects import NotOurs
from valetkey.server.oauth.features import FEATURES
from valetkey.spec.errors import (
    InvalidRequest,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)
from valetkey.wire.id_token import IdToken

NOBODY = Browser(id="firefox")
"""A browser in which nobody is signed in."""


def forged(world: World, **changed: Any) -> str:
    claims = IdToken(
        iss="https://id.example",
        sub=world.miko.id,
        aud="kite",
        iat=world.now,
        exp=world.now + 300,
    )
    return jwt.sign(msgspec.structs.replace(claims, **changed), key=key("RS256"), typ="JWT")


def test_a_hint_of_whoever_is_there_changes_nothing() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    told = world.visit(request("kite", prompt="none", id_token_hint=forged(world)), visit)
    assert isinstance(told, Permit)


def test_an_expired_hint_does_as_well() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    old = forged(world)
    world.later(7200)
    told = world.visit(request("kite", prompt="none", id_token_hint=old), visit)
    assert isinstance(told, Permit)


SPEAKS_OF_NOOR: list[Any] = [
    row(
        "Core 3.1.2.1",
        "by a hint",
        lambda world: {"id_token_hint": forged(world, sub=world.noor.id)},
    ),
    row(
        "Core 5.5.1",
        "by claims",
        lambda world: {"claims": json.dumps({"id_token": {"sub": {"value": world.noor.id}}})},
    ),
]


@pytest.mark.parametrize("asks", SPEAKS_OF_NOOR)
def test_a_request_about_another_user_never_ends_with_this_one(asks: Any) -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    silent = world.visit(request("kite", prompt="none", **asks(world)), visit)
    assert isinstance(silent, Deny)
    assert isinstance(silent.error, LoginRequired)
    shown = world.visit(request("kite", **asks(world)), visit)
    assert isinstance(shown, Login)
    assert shown.user is None
    fresh = world.sign_in()
    world.signed_in_for(shown.pending.id, fresh)
    told = world.resume(shown.pending.id, fresh)
    assert isinstance(told, Deny)
    assert isinstance(told.error, LoginRequired)
    noor = world.sign_in(world.noor)
    again = world.visit(request("kite", **asks(world)), noor)
    assert isinstance(again, Consent)


BAD: list[Any] = [
    row("A92", "of another app", lambda world: forged(world, aud="web")),
    row("A92", "of another issuer", lambda world: forged(world, iss="https://evil.example")),
    row(
        "A59", "unsigned", lambda world: "eyJhbGciOiJub25lIn0." + forged(world).split(".")[1] + "."
    ),
    row(
        "A92",
        "by a stranger's key",
        lambda world: jws.sign(b"{}", key=key("RS256", "x"), typ="JWT"),
    ),
    row("A48", "an access token", lambda world: world.connect("kite")["access_token"]),
    row("A92", "no token", lambda world: "hello"),
    row("A87", "too large", lambda world: "e" * 9000),
]


@pytest.mark.parametrize("hint", BAD)
def test_a_hint_that_is_not_ours_for_this_app_is_refused(hint: Any) -> None:
    world = World()
    visit = world.sign_in()
    told = world.visit(request("kite", id_token_hint=hint(world)), visit)
    assert isinstance(told, Deny)
    assert isinstance(told.error, NotOurs)
    assert not told.changes


def test_two_users_at_once_are_refused() -> None:
    world = World()
    wish = json.dumps({"id_token": {"sub": {"value": world.noor.id}}})
    told = world.visit(request("kite", id_token_hint=forged(world), claims=wish), world.sign_in())
    assert isinstance(told, Deny)
    assert type(told.error) is InvalidRequest


def test_no_token_stays_in_the_waiting_request() -> None:
    """ATTACKS A82: what the hint says is kept, not the hint."""
    world = World()
    shown = world.visit(request("kite", id_token_hint=forged(world)), NOBODY)
    assert isinstance(shown, Login)
    assert "id_token_hint" not in shown.pending.parameters
    assert shown.pending.parameters["hinted_sub"] == world.miko.id


# Choosing.


def test_the_user_chooses_and_goes_on() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    shown = world.visit(request("kite", prompt="select_account"), visit)
    assert isinstance(shown, Choose)
    assert shown.user.id == world.miko.id
    assert isinstance(world.resume(shown.pending.id, visit), Choose)
    world.settle(
        lambda: remember_choice(shown.pending.id, visit, visit.session, context=world.context)
    )
    assert isinstance(world.resume(shown.pending.id, visit), Permit)


def test_the_user_goes_on_as_somebody_else() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    shown = world.visit(request("kite", prompt="select_account"), visit)
    assert isinstance(shown, Choose)
    world.settle(lambda: remember_choice(shown.pending.id, visit, ANOTHER, context=world.context))
    login = world.resume(shown.pending.id, visit)
    assert isinstance(login, Login)
    assert login.user is None
    noor = world.sign_in(world.noor)
    world.signed_in_for(shown.pending.id, noor)
    assert isinstance(world.resume(shown.pending.id, noor), Consent)


def test_a_choice_is_no_proof() -> None:
    """ATTACKS A67: `prompt=login` wants the password all the same."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    shown = world.visit(request("kite", prompt="login select_account"), visit)
    assert isinstance(shown, Choose)
    world.settle(
        lambda: remember_choice(shown.pending.id, visit, visit.session, context=world.context)
    )
    assert isinstance(world.resume(shown.pending.id, visit), Login)


# Levels.


def essential(*values: str) -> dict[str, str]:
    acr = {"essential": True, "values": [*values]}
    return {"claims": json.dumps({"id_token": {"acr": acr}})}


def test_a_level_that_is_essential_and_met() -> None:
    world = World()
    tokens = world.connect("kite", ticked=None, **essential("strange", PASSWORD))
    assert told(tokens)["acr"] == PASSWORD
    assert told(tokens)["amr"] == ["pwd"]


def test_a_level_that_is_essential_and_not_met_is_no_sign_in() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    said = world.visit(request("kite", **essential("strange")), visit)
    assert isinstance(said, Deny)
    assert isinstance(said.error, UnmetAuthenticationRequirements)


def test_a_level_that_would_be_nice_hinders_nobody() -> None:
    world = World()
    tokens = world.connect("kite", acr_values="strange stranger")
    assert told(tokens)["acr"] == PASSWORD


def told(tokens: dict[str, Any]) -> dict[str, Any]:
    payload = tokens["id_token"].split(".")[1]
    found: dict[str, Any] = json.loads(base64url.decode(payload))
    return found


# Sign-up.


def test_prompt_create_is_unknown_where_nobody_may_sign_up() -> None:
    world = World()
    said = world.visit(request("kite", prompt="create"), NOBODY)
    assert isinstance(said, Deny)
    assert type(said.error) is InvalidRequest


@pytest.mark.parametrize("signed_in", [False, True])
def test_prompt_create_wants_a_new_account(signed_in: bool) -> None:
    world = World((*FEATURES, SIGN_UP))
    visit = world.sign_in() if signed_in else NOBODY
    said = world.visit(request("kite", prompt="create"), visit)
    assert isinstance(said, Login)
    assert said.create
    fresh = world.sign_in(world.noor)
    world.signed_in_for(said.pending.id, fresh)
    assert isinstance(world.resume(said.pending.id, fresh), Consent)


# Subjects.


def pairwise(world: World, *names: str) -> None:
    for name in names:
        client = world.need(Client, name)
        changed = msgspec.structs.replace(
            client, subject_type="pairwise", scope=("openid", "email")
        )
        world.write(Update(changed))


def test_a_pairwise_app_knows_the_user_by_a_name_of_its_own() -> None:
    world = World()
    for name in ("kite", "web", "spa"):
        world.change(Client, name, frontchannel_logout_uri=f"https://{name}.example/out")
    everybody = told(world.connect("kite", scope="openid"))
    pairwise(world, "web", "spa")
    first = told(world.connect("web", scope="openid"))
    again = told(world.connect("web", scope="openid"))
    other = told(world.connect("spa", scope="openid"))
    assert everybody["sub"] == world.miko.id
    assert first["sub"] == again["sub"]
    assert len({everybody["sub"], first["sub"], other["sub"]}) == 3
    assert len({everybody["sid"], first["sid"], other["sid"]}) == 3
    for claims in (first, other):
        assert world.miko.id not in json.dumps(claims)


ASKED_FOR = [
    row("Core 5.4", "unless it asks", False, "openid profile email", set()),
    row(
        "Core 5.4",
        "all of its scope",
        True,
        "openid profile email",
        {"email", "preferred_username"},
    ),
    row("Core 5.4", "of its scope alone", True, "openid email", {"email"}),
    row("Core 5.4", "nothing of a sign-in", True, "openid", set()),
]


@pytest.mark.parametrize("switch,scope,there", ASKED_FOR)
def test_claims_of_the_scope_are_in_the_id_token_by_a_switch(
    switch: bool, scope: str, there: set[str]
) -> None:
    """For libraries that never ask the UserInfo endpoint; at each refresh as well."""
    world = World()
    world.change(Client, "kite", claims_in_id_token=switch)
    first = world.connect("kite", scope=f"{scope} offline_access")
    again = world.refresh("kite", first["refresh_token"])
    for tokens in (first, again):
        claims = told(tokens)
        assert {"email", "preferred_username"} & claims.keys() == there
        assert claims.get("email") in (None, world.miko.email)


def test_what_the_user_keeps_to_themselves_is_in_no_id_token() -> None:
    world = World()
    world.change(Client, "kite", claims_in_id_token=True)
    tokens = world.connect("kite", scope="openid profile email", ticked=("openid", "profile"))
    assert "preferred_username" in told(tokens)
    assert "email" not in told(tokens)


HEARS: list[Any] = [
    row("Core 2", "no logout", {}, False),
    row("Back-Channel 2.1", "back-channel", {"backchannel_logout_uri": "https://x.example"}, True),
    row("Front-Channel 2", "front", {"frontchannel_logout_uri": "https://x.example"}, True),
    row("RP-Initiated 2", "after it", {"post_logout_redirect_uris": ("https://x.example",)}, True),
    row("SSF 8.1", "signals", {"understands": ("shared_signals",)}, True),
]


@pytest.mark.parametrize("has,hears", HEARS)
def test_only_who_is_told_of_sessions_knows_them(has: dict[str, Any], hears: bool) -> None:
    """FAPI 2.0's claims modules: no claim that was not asked for."""
    world = World()
    world.change(Client, "web", **has)
    first = world.connect("web", scope="openid offline_access")
    again = world.refresh("web", first["refresh_token"])
    assert [bool(told(one).get("sid")) for one in (first, again)] == [hears, hears]


def test_one_sector_is_one_name() -> None:
    world = World()
    pairwise(world, "web", "spa")
    for name in ("web", "spa"):
        client = world.need(Client, name)
        sector = msgspec.structs.replace(
            client, sector_identifier_uri="https://group.example/sector.json"
        )
        world.write(Update(sector))
    first, second = (told(world.connect(name, scope="openid")) for name in ("web", "spa"))
    assert first["sub"] == second["sub"]


def test_an_error_of_a_page_is_an_oauth_error() -> None:
    assert issubclass(NotOurs, OAuthError)
