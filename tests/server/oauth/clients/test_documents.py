"""Clients that describe themselves (client id metadata documents; ATTACKS A51, A54, A55)."""

from typing import Any

import msgspec
import pytest
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, assertion, jwks, with_assertion
from tests.server.oauth.forms import CHALLENGE, VERIFIER, form, request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.query import Document, Unreachable
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.core.context import Registration
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grant_types.token import token
from valetkey.spec.errors import InvalidClient, InvalidRequest, TemporarilyUnavailable

URL = "https://agent.example/oauth/client.json"
CB = "https://agent.example/cb"
ON = switched(on=["client id metadata documents"])


def page(**changed: Any) -> dict[str, Any]:
    """A document that would do, as changed. `...` leaves a member out."""
    given = {
        "client_id": URL,
        "client_name": "Agent",
        "redirect_uris": [CB, "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return {name: value for name, value in (given | changed).items() if value is not ...}


def publish(it: World, url: str = URL, **changed: Any) -> None:
    it.outside[url] = Document(msgspec.json.encode(page(**changed)), it.now)


def world(**rules: Any) -> World:
    it = World(ON)
    it.at = msgspec.structs.replace(it.at, registration=Registration(**rules))
    publish(it)
    return it


def asking(**changed: Any) -> dict[str, Any]:
    given = {
        "client_id": URL,
        "response_type": "code",
        "redirect_uri": CB,
        "scope": "chirps.read offline_access",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return given | changed


def redeem(it: World, permit: Permit, **changed: Any) -> dict[str, Any]:
    given = {
        "grant_type": "authorization_code",
        "code": permit.code,
        "code_verifier": VERIFIER,
        "client_id": URL,
    }
    issued = it.post(token, Call(form=form(given | changed)))
    assert isinstance(issued, Issued)
    return {"scope": issued.scope, "refresh_token": issued.refresh_token}


def allowed(it: World, **changed: Any) -> Permit:
    visit = it.sign_in()
    shown = it.visit(asking(**changed), visit)
    assert isinstance(shown, Consent)
    permit = it.say(shown, visit)
    assert isinstance(permit, Permit)
    return permit


def test_an_app_that_nobody_registered_gets_its_key() -> None:
    it = world()
    assert it.have(Client, URL) is None
    permit = allowed(it)
    tokens = redeem(it, permit)
    assert {*tokens["scope"].split()} == {"chirps.read", "offline_access"}
    refreshing = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = it.post(token, Call(form=form({"client_id": URL, **refreshing})))
    assert isinstance(again, Issued)


def test_nothing_is_kept_before_somebody_says_yes() -> None:
    it = world()
    visit = it.sign_in()
    shown = it.visit(asking(), visit)
    assert isinstance(shown, Consent)
    assert it.have(Client, URL) is None
    it.say(shown, visit)
    client = it.need(Client, URL)
    assert (client.origin, client.verified, client.unused_until) == ("document", False, 0)
    version = client.version
    other = it.sign_in(it.noor)
    shown = it.visit(asking(), other)
    assert isinstance(shown, Consent)
    it.say(shown, other)
    assert it.need(Client, URL).version == version


def test_it_gets_what_strangers_may_have() -> None:
    it = world()
    client = it.ask(documents.find_client(URL, it.context))
    assert client is not None
    assert "dms.send" not in client.scope
    denied = it.visit(asking(scope="dms.send"), it.sign_in())
    assert isinstance(denied, Deny)
    less = world(scope=("openid",), policy="oidc")
    client = less.ask(documents.find_client(URL, less.context))
    assert client is not None
    assert (client.scope, client.policy) == (("openid",), "oidc")


def test_the_host_that_is_shown_is_that_of_the_address() -> None:
    """A54: whatever the document calls itself, or its home page."""
    it = world()
    for home in (..., "https://google.com", "https://agent.example.evil.example/"):
        publish(it, client_name="Google", client_uri=home)
        client = it.ask(documents.find_client(URL, it.context))
        assert client is not None
        assert client.uri == "https://agent.example"
    publish(it, client_uri="https://agent.example/about")
    client = it.ask(documents.find_client(URL, it.context))
    assert client is not None
    assert client.uri == "https://agent.example/about"


WRONG: list[Any] = [
    row("4.1", "another address", {"client_id": "https://agent.example/other.json"}),
    row("4.1", "the address in other case", {"client_id": URL.replace("agent", "Agent")}),
    row("4.1", "the address with a port", {"client_id": URL.replace(".example", ".example:443")}),
    row("4.1", "no client_id", {"client_id": ...}),
    row("4", "no name", {"client_name": ...}),
    row("4", "an empty name", {"client_name": ""}),
    row("4", "no redirect URIs", {"redirect_uris": ...}),
    row("4", "no redirect URI", {"redirect_uris": []}),
    row("4.1", "a secret", {"client_secret": "x"}),
    row("4.1", "a secret without end", {"client_secret_expires_at": 0}),
    row("4.1", "client_secret_basic", {"token_endpoint_auth_method": "client_secret_basic"}),
    row("4.1", "client_secret_post", {"token_endpoint_auth_method": "client_secret_post"}),
    row("4.1", "client_secret_jwt", {"token_endpoint_auth_method": "client_secret_jwt"}),
    row("A54", "another host's redirect", {"redirect_uris": ["https://bank.example/cb"]}),
    row("A54", "a redirect of a host under it", {"redirect_uris": ["https://a.agent.example/cb"]}),
    row("A54", "two elsewhere", {"redirect_uris": ["com.a:/cb", "https://bank.example/cb"]}),
    row("A54", "a private scheme", {"redirect_uris": ["com.example.agent:/cb"]}),
    row("A52", "a redirect of script", {"redirect_uris": ["javascript:alert(1)"]}),
    row("A52", "a name that cannot be seen", {"client_name": "a\u202eb"}),
    row("A52", "a name of two scripts", {"client_name": "G\u043e\u043egle"}),
    row("A52", "an unknown scope", {"scope": "root"}),
    row("A52", "implicit alone", {"grant_types": ["implicit"]}),
    row("A52", "for itself", {"grant_types": ["client_credentials"]}),
    row("7591 2", "private keys", {"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}),
    row("7591 2", "signing without keys", {"token_endpoint_auth_method": "private_key_jwt"}),
    row("7591 2", "a name that is a number", {"client_name": 7}),
]


@pytest.mark.parametrize("changed", WRONG)
def test_a_document_that_will_not_do(changed: dict[str, Any]) -> None:
    it = world()
    publish(it, **changed)
    with pytest.raises(InvalidClient) as caught:
        it.visit(asking(), it.sign_in())
    assert caught.value.status == 400
    assert URL not in caught.value.description


def test_no_stranger_takes_the_name_of_a_verified_app() -> None:
    """A52: but an app that users said yes to goes on when another takes its name later."""
    it = world()
    it.at = msgspec.structs.replace(it.at, verified_names={"agent": "somebody"})
    with pytest.raises(InvalidClient):
        it.visit(asking(), it.sign_in())
    it = world()
    allowed(it)
    it.at = msgspec.structs.replace(it.at, verified_names={"agent": "somebody"})
    assert it.ask(documents.find_client(URL, it.context)) is not None
    publish(it, client_name="\u0410gent")
    with pytest.raises(InvalidClient):
        it.ask(documents.find_client(URL, it.context))


SOME = [
    row("A54", "another host's", "https://bank.example/cb"),
    row("A54", "a host under it", "https://a.agent.example/cb"),
    row("8252 7.1", "a private scheme", "com.example.agent:/cb"),
    row("8252 8.4", "a private scheme without a dot", "cursor://agent/cb"),
    row("A52", "script", "javascript:alert(1)"),
    row("3986 3", "no address", "https://["),
    row("9700 4.1", "a wildcard", "https://agent.example/*"),
]


@pytest.mark.parametrize("refused", SOME)
def test_one_refused_address_makes_the_others_no_worse(refused: str) -> None:
    it = world()
    named = "http://localhost/cb"
    publish(it, redirect_uris=[refused, named, CB], post_logout_redirect_uris=[refused, CB])
    client = it.ask(documents.find_client(URL, it.context))
    assert client is not None
    assert (client.redirect_uris, client.post_logout_redirect_uris) == ((named, CB), (CB,))
    asked = asking(redirect_uri="http://localhost:49152/cb")
    assert isinstance(it.visit(asked, it.sign_in()), Consent)
    with pytest.raises(InvalidRequest):
        it.visit(asking(redirect_uri=refused), it.sign_in())


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("its host is not on the public internet"),
        Document(b"[]", 0),
        Document(b"<html>", 0),
        Document(b'{"client_id":1,"client_id":2}', 0),
    ],
)
def test_what_is_no_document(answer: Document | Unreachable) -> None:
    it = world()
    it.outside[URL] = answer
    with pytest.raises(InvalidClient):
        it.visit(asking(), it.sign_in())


def test_a97_a_document_that_cannot_be_had_in_time() -> None:
    it = world()
    it.outside[URL] = Unreachable("too many exchanges are running", temporary=True)
    with pytest.raises(TemporarilyUnavailable):
        it.visit(asking(), it.sign_in())


def test_a97_for_whom_it_is_fetched() -> None:
    """For a stranger, until a user says yes; by the address of whoever asks."""
    it = world()
    visit = msgspec.structs.replace(it.sign_in(), address="192.0.2.1")
    it.visit(asking(), visit)
    assert {(one.party, one.address) for one in it.fetched} == {("stranger", "192.0.2.1")}
    allowed(it)
    it.fetched.clear()
    it.visit(asking(), visit)
    assert {one.party for one in it.fetched} == {"known"}


ADDRESSES = [
    *("http://agent.example/c", "https://agent.example", "https://agent.example/"),
    *("https://agent.example/?a", "https://agent.example/c#f", "https://u@agent.example/c"),
    *("https://agent.example/a/../c", "https://agent.example/./c", "https://agent.example/.."),
    *("https://agent.example/%2e%2e/c", "https://Agent.example/c", "https://127.1/c"),
    *("https://agent.example/c d", "https://agent.example\\@evil.example/c"),
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_what_is_no_address_of_a_client(url: str) -> None:
    it = world()
    publish(it, url, client_id=url)
    with pytest.raises(InvalidClient):
        it.visit(asking(client_id=url), it.sign_in())
    assert it.fetched == []


HOSTS: list[Any] = [
    row("policy", "all", {}, True),
    row("policy", "allowed", {"documents_allow": ("agent.example",)}, True),
    row("policy", "under one that is allowed", {"documents_allow": ("example",)}, True),
    row("policy", "not among the allowed", {"documents_allow": ("other.example",)}, False),
    row("policy", "only alike", {"documents_allow": ("gent.example",)}, False),
    row("policy", "denied", {"documents_deny": ("agent.example",)}, False),
    row("policy", "under one that is denied", {"documents_deny": ("example",)}, False),
    row(
        "policy",
        "allowed and denied",
        {"documents_allow": ("example",), "documents_deny": ("agent.example",)},
        False,
    ),
]


@pytest.mark.parametrize("rules,fits", HOSTS)
def test_whose_documents_count(rules: dict[str, Any], fits: bool) -> None:
    it = world(**rules)
    if fits:
        assert it.ask(documents.find_client(URL, it.context)) is not None
        return
    with pytest.raises(InvalidClient):
        it.ask(documents.find_client(URL, it.context))
    assert it.fetched == []


CHANGES: list[Any] = [
    row("A55", "its name", {"client_name": "Another"}),
    row("A55", "its redirects", {"redirect_uris": [CB, "https://agent.example/new"]}),
    row("A55", "its keys", {"jwks": jwks(MINE)}),
    row("A55", "where its keys are", {"jwks_uri": "https://agent.example/keys"}),
    row("A55", "its scope", {"scope": "chirps.read offline_access openid"}),
]


@pytest.mark.parametrize("changed", CHANGES)
def test_its_users_are_asked_again_when_it_changes(changed: dict[str, Any]) -> None:
    it = world()
    visit = it.sign_in()
    first = it.visit(asking(), visit)
    assert isinstance(first, Consent)
    it.say(first, visit)
    assert isinstance(it.visit(asking(), visit), Permit)
    publish(it, **changed)
    silent = it.visit(asking(prompt="none"), visit)
    assert isinstance(silent, Deny)
    again = it.visit(asking(), visit)
    assert isinstance(again, Consent)
    assert (again.why, again.new) == ("changed", ())
    assert isinstance(it.say(again, visit), Permit)
    assert isinstance(it.visit(asking(), visit), Permit)
    assert it.need(Client, URL).name == changed.get("client_name", "Agent")


def test_what_nobody_relies_on_may_change() -> None:
    it = world()
    visit = it.sign_in()
    first = it.visit(asking(), visit)
    assert isinstance(first, Consent)
    it.say(first, visit)
    publish(it, software_version="2", redirect_uris=["http://127.0.0.1/cb", CB])
    assert isinstance(it.visit(asking(), visit), Permit)


def test_a_redirect_that_was_taken_away_is_gone_at_once() -> None:
    it = world()
    allowed(it)
    publish(it, redirect_uris=["https://agent.example/new"])
    with pytest.raises(Exception, match="redirect_uri"):
        it.visit(asking(), it.sign_in())


def test_what_its_users_allowed_goes_on_while_its_host_is_away() -> None:
    it = world()
    permit = allowed(it)
    it.outside[URL] = Unreachable("nobody listens there")
    assert "chirps.read" in redeem(it, permit)["scope"]


def test_what_the_operator_decides_stays() -> None:
    it = world()
    permit = allowed(it)
    it.change(Client, URL, verified=True, policy="oidc")
    client = it.ask(documents.find_client(URL, it.context))
    assert client is not None
    assert (client.verified, client.policy) == (True, "oidc")
    publish(it, client_name="Your bank")
    other = it.ask(documents.find_client(URL, it.context))
    assert other is not None
    assert (other.name, other.verified, other.policy) == ("Your bank", False, "oidc")
    publish(it)
    it.change(Client, URL, status="suspended")
    with pytest.raises(InvalidClient):
        redeem(it, permit)
    with pytest.raises(InvalidClient):
        it.visit(asking(), it.sign_in())


def test_one_that_signs() -> None:
    it = world()
    publish(it, token_endpoint_auth_method="private_key_jwt", jwks=jwks(MINE))
    permit = allowed(it)
    with pytest.raises(InvalidClient):
        redeem(it, permit)
    call = with_assertion(
        assertion(it, iss=URL, sub=URL),
        grant_type="authorization_code",
        code=permit.code,
        code_verifier=VERIFIER,
    )
    assert isinstance(it.post(token, call), Issued)


def test_where_it_is_switched_off() -> None:
    it = World()
    publish(it)
    with pytest.raises(InvalidClient):
        it.visit(asking(), it.sign_in())
    assert it.fetched == []
    # Also where it was on before.
    on = world()
    permit = allowed(on)
    on.at = msgspec.structs.replace(on.at, features=switched())
    with pytest.raises(InvalidClient):
        redeem(on, permit)


def test_an_app_that_the_operator_wrote_down_answers_for_itself() -> None:
    it = world()
    visit = it.sign_in()
    it.agree(request("kite"), visit)
    assert it.grant("kite").face == ""
    it.change(Client, "kite", name="Another")
    assert isinstance(it.visit(request("kite"), visit), Permit)
