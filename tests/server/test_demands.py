"""What an installation demands of every app, whatever its policy says: one setting each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.attacks.play import STEFAPP, asking, call, change, find, sent_back
from tests.browser import Asking, authorize
from tests.installation import SECRETS, WEB
from tests.live import Live, live
from tests.proofs import Wish, proof

from valetkey.server.model.client import Client
from valetkey.server.model.policy import PROFILES, Demands, Policies, Policy
from valetkey.server.settings import SettingsError, load
from valetkey.server.settings.clients import ClientSettings

AS_WEB = Asking(client_id="web", redirect_uri=WEB)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that demands both."""
    both = ClientSettings(pushed_requests="required", bound_tokens="required")
    with live(tmp_path_factory.mktemp("strict"), clients=both) as server:
        yield server


def pushed(server: Live, one: Asking) -> str:
    """The path of a request that the app has pushed."""
    reply = call(server, "/par", one.parameters(), by=one)
    assert reply.status_code == 201, reply.text
    return f"/authorize?client_id={one.client_id}&request_uri={reply.json()['request_uri']}"


def code(server: Live) -> str:
    """The code of a pushed request, to which a user has said yes."""
    browser = server.browser()
    browser.open(pushed(server, asking()))
    browser.sign_in("miko")
    browser.press("allow")
    return browser.answer()["code"]


def paid(server: Live, form: dict[str, str], *, dpop: bool, **more: Any) -> httpx2.Response:
    """The token endpoint's answer, with or without a proof of a key."""
    address = f"{server.issuer}/token"
    headers = {"dpop": proof(Wish(address=address))} if dpop else {}
    return server.http.post("/token", data=form, headers=headers, **more)


@pytest.mark.parametrize("one", [STEFAPP, AS_WEB], ids=["oauth21", "oidc"])
def test_a_request_that_was_not_pushed_is_refused(one: Asking, strict: Live) -> None:
    refused = sent_back(strict.browser().open(one.path()))
    assert (refused["error"], refused["error_description"]) == (
        "invalid_request",
        "the request has to be pushed",
    )


def test_the_metadata_says_so(strict: Live) -> None:
    for place in ("oauth-authorization-server", "openid-configuration"):
        document = strict.http.get(f"/.well-known/{place}").json()
        assert document["require_pushed_authorization_requests"] is True


def test_a_pushed_request_gets_a_code_and_bound_tokens(strict: Live) -> None:
    refused = paid(strict, STEFAPP.redemption(code(strict)), dpop=False)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert "possession of a key" in refused.json()["error_description"]
    bound = paid(strict, STEFAPP.redemption(code(strict)), dpop=True)
    assert bound.json()["token_type"] == "DPoP"


@pytest.mark.parametrize("policy", ["default", *PROFILES, "none of these"])
def test_no_policy_is_an_exception(policy: str, strict: Live) -> None:
    change(strict, find(strict, Client, "machine"), policy=policy)
    form = {"grant_type": "client_credentials", "scope": "chirps.read"}
    auth = ("machine", SECRETS["machine"])
    assert paid(strict, form, dpop=False, auth=auth).status_code in (400, 401)
    if policy in ("default", "oauth21", "oidc"):
        assert paid(strict, form, dpop=True, auth=auth).json()["token_type"] == "DPoP"


def test_without_the_settings_nothing_is_demanded(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        document = server.http.get("/.well-known/openid-configuration").json()
        assert "require_pushed_authorization_requests" not in document
        form = STEFAPP.redemption(authorize(server.browser(), STEFAPP))
        assert paid(server, form, dpop=False).json()["token_type"] == "Bearer"


def test_a_demand_takes_nothing_from_a_policy() -> None:
    strict = Policy(name="own", pushed="required", bound="required", acr="phr")
    assert Demands().on(strict) == strict
    assert Demands(bound="required").on(strict) == strict
    both = Demands(pushed="required", bound="required").on(Policy(name="own", acr="phr"))
    assert both == strict
    assert Policies()["none"].pushed == "required"


UNMET = {
    "no endpoint for it": (
        {"clients.pushed_requests": "required", "disable": "pushed authorization requests"},
        "clients.pushed_requests = 'required' (from the command line): needs the feature",
    ),
    "no key can be proved": (
        {"clients.bound_tokens": "required", "disable": "DPoP"},
        "clients.bound_tokens = 'required' (from the command line): needs the feature 'DPoP'",
    ),
}


@pytest.mark.parametrize("flags, why", UNMET.values(), ids=UNMET)
def test_a_demand_that_nobody_can_meet_is_a_mistake(
    flags: dict[str, str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(flags, {}, None)
    assert any(one.startswith(why) for one in caught.value.mistakes), caught.value.mistakes


def test_certificates_can_bind_instead_of_dpop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = {
        "clients.bound_tokens": "required",
        "disable": "DPoP",
        "certificate_proxies": "10.0.0.7",
    }
    assert load(flags, {}, None).clients.demands == Demands(bound="required")
