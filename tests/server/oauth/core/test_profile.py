"""Profiles: what a client is held to, and what is refused for standing outside of it."""

from typing import Any

import msgspec
import pytest
from tests.rows import row
from tests.server.oauth.clients.apps import SIGNER, assertion, with_assertion
from tests.server.oauth.forms import CHALLENGE, call, request
from tests.server.oauth.grant_types.elsewhere import asks, begin
from tests.server.oauth.grant_types.test_token_exchange import exchange
from tests.server.oauth.senders import proving, tokens
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.policy import PROFILES, Policy
from valetkey.server.oauth.authorize.outcome import Deny
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.core.decision import Answer
from valetkey.spec.errors import InvalidClient, InvalidRequest

BANK = msgspec.structs.replace(SIGNER, policy="fapi2")


def world(client: Client = BANK) -> World:
    made = World()
    made.put(client)
    return made


def asked(**changed: Any) -> dict[str, Any]:
    given = {
        "client_id": SIGNER.id,
        "response_type": "code",
        "redirect_uri": SIGNER.redirect_uris[0],
        "scope": "openid",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (given | changed).items() if value is not None}


def test_the_profiles() -> None:
    assert list(PROFILES) == ["oauth21", "oidc", "fapi2", "fapi2-message-signing", "mcp"]
    assert all(name == one.name for name, one in PROFILES.items())
    same = msgspec.structs.replace(PROFILES["oauth21"], name="default")
    assert same == World().at.all_policies[msgspec.structs.replace(SIGNER, policy="default").policy]


def test_a_profile_is_there_by_itself_and_a_declared_one_takes_its_place() -> None:
    at = World().at
    assert at.all_policies[BANK.policy] == PROFILES["fapi2"]
    own = Policy(name="fapi2", pkce="optional")
    assert msgspec.structs.replace(at, policies={"fapi2": own}).all_policies[BANK.policy] == own


def test_a_policy_that_is_not_there_opens_nothing() -> None:
    """A node may learn of a client a moment before it learns of its policy."""
    platform = World()
    for name in ("web", "machine", "tv"):
        platform.change(Client, name, policy="of tomorrow")
    denied = platform.visit(request("web"), platform.sign_in())
    assert isinstance(denied, Deny)
    for ask in (
        lambda: platform.token("machine", grant_type="client_credentials"),
        lambda: platform.push("web"),
        lambda: begin(platform),
    ):
        with pytest.raises(InvalidRequest):
            ask()
    tomorrow = {"of tomorrow": Policy(name="of tomorrow")}
    platform.at = msgspec.structs.replace(platform.at, policies=tomorrow)
    assert platform.token("machine", grant_type="client_credentials")
    assert platform.connect("web")


def test_a_registration_fits_its_profile() -> None:
    at = World().at
    assert mistakes(BANK, at) == []
    public = msgspec.structs.replace(
        BANK, auth_method="none", jwks={}, grant_types=("authorization_code",)
    )
    assert any("fapi2 allows only private_key_jwt" in one for one in mistakes(public, at))


def test_fapi_by_the_browser_alone_is_refused() -> None:
    platform = world()
    denied = platform.visit({"client_id": "signer", **asked()}, platform.sign_in())
    assert isinstance(denied, Deny)
    assert (denied.error.code, denied.error.description) == (
        "invalid_request",
        "the request has to be pushed",
    )


PUSHED = [
    row("FAPI 5.3.2.2", "as it should be", {}, ""),
    row("FAPI 5.3.2.2", "no address", {"redirect_uri": None}, "redirect_uri"),
    row("FAPI 5.3.2.2", "no PKCE", {"code_challenge": None}, "code_challenge"),
]


@pytest.mark.parametrize("changed, says", PUSHED)
def test_fapi_pushed(changed: dict[str, Any], says: str) -> None:
    platform = world()
    sent = with_assertion(assertion(platform), **asked(**changed))
    if not says:
        assert isinstance(platform.post(push, sent), Answer)
        return
    with pytest.raises(InvalidRequest, match=says):
        platform.post(push, sent)


def test_fapi_tokens_are_bound() -> None:
    platform = world()
    sent = with_assertion(assertion(platform), grant_type="client_credentials")
    with pytest.raises(InvalidRequest, match="prove"):
        tokens(platform, sent)
    again = with_assertion(assertion(platform), grant_type="client_credentials")
    assert tokens(platform, proving(platform, again))["token_type"] == "DPoP"


def test_fapi_by_a_secret_is_refused() -> None:
    platform = World()
    platform.change(Client, "machine", policy="fapi2")
    before = platform.digest()
    with pytest.raises(InvalidClient):
        tokens(platform, call("machine", grant_type="client_credentials"))
    assert platform.digest() == before


def test_fapi_message_signing_wants_signed_requests() -> None:
    platform = world(msgspec.structs.replace(BANK, policy="fapi2-message-signing"))
    with pytest.raises(InvalidRequest, match="signs"):
        platform.post(push, with_assertion(assertion(platform), **asked()))


def test_a_policy_may_want_signed_answers() -> None:
    platform = World()
    platform.at = msgspec.structs.replace(
        platform.at, policies={"strict": Policy(name="strict", signed_answers="required")}
    )
    platform.change(Client, "spa", policy="strict")
    denied = platform.visit(request("spa"), platform.sign_in())
    assert isinstance(denied, Deny)
    assert denied.error.description == "response_mode has to be jwt"
    assert platform.agree(request("spa", response_mode="jwt")).code


def test_mcp_names_the_api() -> None:
    platform = World()
    platform.change(Client, "spa", policy="mcp")
    denied = platform.visit(request("spa"), platform.sign_in())
    assert isinstance(denied, Deny)
    assert denied.error.description == "resource is missing"
    named = request("spa", resource=("https://chirp.example",))
    assert platform.agree(named).code


CHIRP = "https://chirp.example"


def _of_its_own(platform: World, **more: Any) -> Any:
    return platform.token("machine", grant_type="client_credentials", **more)


def _passed_on(platform: World, **more: Any) -> Any:
    return exchange(platform, platform.connect("web")["access_token"], **more)


WAYS: list[Any] = [
    row("8707 2", "by a device's code", "tv", begin),
    row("8707 2", "of a user elsewhere", "till", asks),
    row("8707 2", "for itself", "machine", _of_its_own),
    row("8707 2", "by exchange", "agent", _passed_on),
]


@pytest.mark.parametrize("name, ask", WAYS)
def test_mcp_names_the_api_however_it_asks(name: str, ask: Any) -> None:
    platform = World()
    platform.change(Client, name, policy="mcp")
    scope = "openid chirps.read" if name in {"tv", "till"} else "chirps.read"
    with pytest.raises(InvalidRequest, match="resource is missing"):
        ask(platform, scope=scope)
    named = (CHIRP, platform.at.issuer) if name in {"tv", "till"} else (CHIRP,)
    assert ask(platform, scope=scope, resource=named)
