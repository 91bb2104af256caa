"""Everything that can be wrong with an authorization request, and who is told of it.

To the app, by its registered redirect URI; or, where that is not known for sure, to the user alone
(RFC 6749 4.1.2.1; ATTACKS A01, A04, A06, A07, A08, A12).
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.rows import row
from tests.server.oauth.forms import CHALLENGE, REGISTERED, request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import Deny, Login
from valetkey.spec.errors import (
    ConsentRequired,
    InteractionRequired,
    InvalidClient,
    InvalidRequest,
    InvalidRequestUri,
    InvalidScope,
    InvalidTarget,
    LoginRequired,
    OAuthError,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from valetkey.spec.names import REQUEST_URI_PREFIX

NOBODY = Browser(id="firefox")

TO_THE_USER = [
    row("6749 4.1.2.1", "no client_id", "kite", {"client_id": None}, InvalidRequest),
    row("6749 4.1.2.1", "an unknown client", "kite", {"client_id": "kitee"}, InvalidClient),
    row("6749 4.1.2.1", "a client in capitals", "kite", {"client_id": "KITE"}, InvalidClient),
    row("6749 4.1.2.1", "a user for a client", "kite", {"client_id": "0" * 26}, InvalidClient),
    row(
        "6749 3.1.2.3",
        "no redirect URI, two registered",
        "web",
        {"redirect_uri": None},
        InvalidRequest,
    ),
    row(
        "Core 3.1.2.1",
        "no redirect URI, openid asked",
        "kite",
        {"redirect_uri": None},
        InvalidRequest,
    ),
    row(
        "6749 3.1.2.4",
        "another redirect URI",
        "kite",
        {"redirect_uri": "https://evil.example/cb"},
        InvalidRequest,
    ),
    row(
        "6749 3.1.2.4",
        "another app's redirect URI",
        "kite",
        {"redirect_uri": "https://spa.example/callback"},
        InvalidRequest,
    ),
    row(
        "6749 3.1.2.4",
        "the redirect URI and more",
        "kite",
        {"redirect_uri": "https://kite.example/cb?x=1"},
        InvalidRequest,
    ),
    row("6749 3.1.2.2", "an app that signs nobody in", "machine", {}, InvalidRequest),
    row(
        "9126 4",
        "an unknown pushed request",
        "kite",
        {"request_uri": REQUEST_URI_PREFIX + "0" * 26},
        InvalidRequestUri,
    ),
    row(
        "9126 4",
        "a pushed request without a name",
        "kite",
        {"request_uri": REQUEST_URI_PREFIX},
        InvalidRequestUri,
    ),
]


def asked(client: str, changed: dict[str, Any]) -> dict[str, Any]:
    uris = REGISTERED[client].redirect_uris
    given = {} if uris else {"redirect_uri": "https://machine.example/cb"}
    if not uris:
        return {"response_type": "code", "client_id": client, "state": "s"} | given | changed
    return request(client, **changed)


@pytest.mark.parametrize("client,changed,error", TO_THE_USER)
def test_nobody_is_sent_anywhere(
    client: str, changed: dict[str, Any], error: type[OAuthError]
) -> None:
    world = World()
    visit, before = world.sign_in(), world.digest()
    with pytest.raises(error) as refused:
        world.visit(asked(client, changed), visit)
    assert refused.value.status == 400
    assert world.digest() == before


@pytest.mark.parametrize("client", ["kite", "web"])
def test_a_suspended_client_sends_nobody_anywhere(client: str) -> None:
    world = World()
    world.change(Client, client, status="suspended")
    with pytest.raises(InvalidClient):
        world.visit(request(client), world.sign_in())


LONG = "n" * 513

TO_THE_APP = [
    row("6749 3.1.1", "no response type", {"response_type": None}, InvalidRequest),
    *(
        row("2.1 4.1.1", f"response type {kind}", {"response_type": kind}, UnsupportedResponseType)
        for kind in ("token", "id_token", "code token", "code id_token", "none", "CODE", " code")
    ),
    *(
        row("Multiple 2.1", f"response mode {mode}", {"response_mode": mode}, InvalidRequest)
        for mode in ("fragment", "web_message", "QUERY", "form_post form_post")
    ),
    row("7636 4.4.1", "no challenge", {"code_challenge": None}, InvalidRequest),
    row(
        "7636 4.3", "no method, which means plain", {"code_challenge_method": None}, InvalidRequest
    ),
    row("9700 2.1.1", "plain", {"code_challenge_method": "plain"}, InvalidRequest),
    row("7636 4.3", "the method in lower case", {"code_challenge_method": "s256"}, InvalidRequest),
    row("7636 4.2", "a challenge that is cut", {"code_challenge": CHALLENGE[:-1]}, InvalidRequest),
    row(
        "7636 4.2", "a challenge with padding", {"code_challenge": CHALLENGE + "="}, InvalidRequest
    ),
    row("6749 3.3", "an unknown scope", {"scope": "openid nonsense"}, InvalidScope),
    row("6749 3.3", "a scope in capitals", {"scope": "OPENID"}, InvalidScope),
    row("6749 3.3", "a scope with a comma", {"scope": "openid,profile"}, InvalidScope),
    row("6749 3.3", "more than is registered", {"scope": "openid account.delete"}, InvalidScope),
    row("8707 2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
    row(
        "8707 2",
        "a resource with two slashes",
        {"resource": ("https://chirp.example//",)},
        InvalidTarget,
    ),
    row("8707 2", "a resource that is no URI", {"resource": ("chirp",)}, InvalidTarget),
    row(
        "8707 2",
        "a scope that the resource does not know",
        {"resource": ("https://photos.example",)},
        InvalidTarget,
    ),
    row("Core 3.1.2.1", "an unknown prompt", {"prompt": "create"}, InvalidRequest),
    row("Core 3.1.2.1", "a prompt in capitals", {"prompt": "LOGIN"}, InvalidRequest),
    row("Core 3.1.2.1", "none with another prompt", {"prompt": "none login"}, InvalidRequest),
    row("Core 3.1.2.1", "max_age is text", {"max_age": "soon"}, InvalidRequest),
    row("Core 3.1.2.1", "max_age is negative", {"max_age": "-1"}, InvalidRequest),
    row("Core 3.1.2.1", "max_age has a fraction", {"max_age": "1.5"}, InvalidRequest),
    row("Core 3.1.2.1", "max_age is endless", {"max_age": "9" * 11}, InvalidRequest),
    row("Core 3.1.2.1", "max_age in other digits", {"max_age": "\u0663\u0663"}, InvalidRequest),
    row("A87", "a nonce too long", {"nonce": LONG}, InvalidRequest),
    row("Core 6.1", "a request object", {"request": "eyJ.e30."}, RequestNotSupported),
    row(
        "Core 6.2",
        "a request_uri of elsewhere",
        {"request_uri": "https://evil.example/request"},
        RequestUriNotSupported,
    ),
    row(
        "9126 4",
        "a request_uri that looks pushed",
        {"request_uri": REQUEST_URI_PREFIX.upper() + "0" * 26},
        RequestUriNotSupported,
    ),
    row("Core 3.1.2.6", "nobody may be asked", {"prompt": "none"}, ConsentRequired),
]


@pytest.mark.parametrize("changed,error", TO_THE_APP)
def test_the_app_is_told(changed: dict[str, Any], error: type[OAuthError]) -> None:
    world = World()
    visit, before = world.sign_in(), world.digest()
    decision = world.visit(request("kite", **changed), visit)
    assert isinstance(decision, Deny)
    assert type(decision.error) is error
    assert not decision.interstitial
    assert world.digest() == before
    assert decision.reply_to is not None
    there = decision.reply_to.location(decision.reply_to.parameters(error=decision.error.code))
    assert there.startswith("https://kite.example/cb?")
    # RFC 9207 2: `iss` with errors too; the state byte for byte.
    answer = {"error": error.code, "state": "s t/ä&=", "iss": ISSUER}
    assert dict(parse_qsl(urlsplit(there).query)) == answer


def test_the_first_mistake_is_the_one_that_is_told() -> None:
    """The order of the checks is a list that can be read, whatever else is wrong."""
    world = World()
    wrong = request("kite", response_type="token", code_challenge=None, response_mode="x")
    decision = world.visit(wrong, NOBODY)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, UnsupportedResponseType)


def test_a_client_without_the_grant_type_is_told() -> None:
    world = World()
    world.change(Client, "kite", grant_types=("refresh_token",))
    decision = world.visit(request("kite"), NOBODY)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, UnauthorizedClient)


def test_a_client_that_may_ask_for_nothing_is_told() -> None:
    world = World()
    world.change(Client, "kite", scope=())
    decision = world.visit(request("kite", scope=None), NOBODY)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, InvalidScope)


PKCE = [
    row("9700 2.1.1", "a public client", "kite", False),
    row("9700 2.1.1", "a native app", "stefapp", False),
    row("9700 2.1.1", "a confidential client by default", "post", False),
    row("DESIGN 6.1", "a confidential client whose policy says so", "web", True),
]


@pytest.mark.parametrize("client,optional", PKCE)
def test_pkce_is_left_out_by_policy_alone(client: str, optional: bool) -> None:
    world = World()
    without = request(client, code_challenge=None, code_challenge_method=None)
    decision = world.visit(without, NOBODY)
    assert isinstance(decision, Login if optional else Deny)


def test_no_policy_leaves_pkce_out_for_a_public_client() -> None:
    world = World()
    world.change(Client, "kite", policy="oidc")
    decision = world.visit(request("kite", code_challenge=None), NOBODY)
    assert isinstance(decision, Deny)


# Nobody may be asked: OpenID Connect Core 3.1.2.6.
SILENT = [
    row("Core 3.1.2.6", "nobody is signed in", "kite", {}, False, LoginRequired),
    row("Core 3.1.2.6", "signed in too long ago", "kite", {"max_age": "0"}, True, LoginRequired),
    row("Core 3.1.2.6", "never agreed", "kite", {}, True, ConsentRequired),
    row("8252 8.6", "never agreed, a native app", "stefapp", {}, True, ConsentRequired),
]


@pytest.mark.parametrize("client,changed,signed_in,error", SILENT)
def test_prompt_none_is_told_what_is_missing(
    client: str, changed: dict[str, Any], signed_in: bool, error: type[OAuthError]
) -> None:
    world = World()
    visit = world.sign_in() if signed_in else NOBODY
    world.later(5)
    before = world.digest()
    decision = world.visit(request(client, prompt="none", **changed), visit)
    assert isinstance(decision, Deny)
    assert type(decision.error) is error
    assert world.digest() == before


def test_prompt_none_never_answers_for_an_app_that_others_can_pose_as() -> None:
    """ATTACKS A27: not even where all is granted."""
    world = World()
    visit = world.sign_in()
    world.agree(request("stefapp"), visit)
    decision = world.visit(request("stefapp", prompt="none"), visit)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, InteractionRequired)


@pytest.mark.parametrize(
    "changed",
    [
        row("9700 4.11.2", "an unknown scope", {"scope": "nonsense"}),
        row("9700 4.11.2", "nobody may be asked", {"prompt": "none"}),
    ],
)
def test_nobody_is_sent_unasked_to_an_app_that_nobody_vouches_for(changed: dict[str, Any]) -> None:
    """ATTACKS A12."""
    decision = World().visit(request("post", **changed), NOBODY)
    assert isinstance(decision, Deny)
    assert decision.interstitial


def test_no_state_means_no_state() -> None:
    decision = World().visit(request("kite", state=None, scope="nonsense"), NOBODY)
    assert isinstance(decision, Deny)
    assert decision.reply_to is not None
    query = urlsplit(decision.reply_to.location(decision.reply_to.parameters(error="x"))).query
    assert dict(parse_qsl(query)) == {"error": "x", "iss": ISSUER}


def test_one_registered_redirect_uri_need_not_be_named() -> None:
    """RFC 6749 3.1.2.3, where openid does not ask for more."""
    world = World()
    decision = world.visit(request("kite", redirect_uri=None, scope="chirps.read"), NOBODY)
    assert isinstance(decision, Login)
    assert decision.reply_to.uri == "https://kite.example/cb"
