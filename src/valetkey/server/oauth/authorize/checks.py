"""The checks of authorization requests, in their order."""

from collections.abc import Callable
from typing import Final, TypeAlias

from valetkey.server.model.pending import Kind
from valetkey.server.oauth.authorize.reply_address import is_signed, response_modes
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.clients.documents import check_resources
from valetkey.server.oauth.core.context import Context
from valetkey.spec import names
from valetkey.spec.errors import (
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from valetkey.wire import pkce
from valetkey.wire.catalog import RISKS
from valetkey.wire.dpop import is_thumbprint

Check: TypeAlias = Callable[[AuthorizationRequest, Context], None]

MAX_NONCE: Final = 512


def response_type_is_code(request: AuthorizationRequest, context: Context) -> None:
    """OAuth 2.1 4.1.1: a redirect never contains a token."""
    if not request.response_type:
        raise InvalidRequest("response_type is missing")
    if request.response_type != "code":
        raise UnsupportedResponseType


def response_mode_is_offered(request: AuthorizationRequest, context: Context) -> None:
    """OAuth 2.0 Multiple Response Types 2.1."""
    offered = response_modes(context)
    if request.response_mode not in offered:
        raise InvalidRequest(f"response_mode is none of {', '.join(offered)}")


def client_may_use_codes(request: AuthorizationRequest, context: Context) -> None:
    """RFC 6749 4.1.2.1."""
    if names.AUTHORIZATION_CODE not in request.client.grant_types:
        raise UnauthorizedClient


def request_has_permissions(request: AuthorizationRequest, context: Context) -> None:
    """RFC 6749 3.3: without a requested or registered scope there is nothing to grant."""
    if not request.permissions:
        raise InvalidScope("the request asks for nothing")


def challenge_is_s256(request: AuthorizationRequest, context: Context) -> None:
    """RFC 7636 4.4.1; RFC 9700 2.1.1: never plain, and missing only if the policy allows it."""
    if not request.challenge:
        client = request.client
        if client.is_public:
            raise InvalidRequest("code_challenge is missing: a public client sends PKCE (RFC 7636)")
        if context.installation.all_policies[client.policy].pkce == "required":
            raise InvalidRequest(
                "code_challenge is missing: send PKCE (RFC 7636), or have this client registered "
                "with the policy oidc, which does without",
                detail=f"code_challenge is missing: {client.id} sends no PKCE, and its policy, "
                f'"{client.policy}", requires it; policy = "oidc" does not',
            )
        return
    if request.challenge_method != pkce.METHOD:
        raise InvalidRequest("code_challenge_method must be S256")
    if not pkce.is_challenge(request.challenge):
        raise InvalidRequest("code_challenge is malformed")


def nonce_is_short(request: AuthorizationRequest, context: Context) -> None:
    """The code and the ID Token contain it."""
    if len(request.nonce) > MAX_NONCE:
        raise InvalidRequest(f"nonce is longer than {MAX_NONCE} characters")


def key_is_named_by_its_thumbprint(request: AuthorizationRequest, context: Context) -> None:
    """RFC 9449 10: a value that is no thumbprint could bind the code to no key."""
    if request.jkt and not is_thumbprint(request.jkt):
        raise InvalidRequest("dpop_jkt is no thumbprint")


def profile_is_met(request: AuthorizationRequest, context: Context) -> None:
    """The client's policy, except PKCE and algorithms, which are checked elsewhere (FAPI 2.0
    Security Profile 5.3.2.2)."""
    policy = context.installation.all_policies[request.client.policy]
    demanded = (
        (policy.pushed, request.pushed, "the request has to be pushed"),
        # A pushed request always has a redirect_uri.
        (policy.pushed, request.redirect_sent, "redirect_uri is missing"),
        (policy.signed_answers, is_signed(request.response_mode), "response_mode has to be jwt"),
    )
    for demand, met, says in demanded:
        if demand == "required" and not met:
            raise InvalidRequest(says)
    the_api_is_named(request, context)


def the_api_is_named(request: AuthorizationRequest, context: Context) -> None:
    """RFC 8707 2, if the client's policy requires it."""
    check_resources(request.client, request.resources, context)


CHECKS: Final[tuple[Check, ...]] = (
    response_type_is_code,
    response_mode_is_offered,
    client_may_use_codes,
    challenge_is_s256,
    request_has_permissions,
    nonce_is_short,
    key_is_named_by_its_thumbprint,
    profile_is_met,
)


def client_may_use_device_codes(request: AuthorizationRequest, context: Context) -> None:
    """RFC 6749 5.2, checked again when the user answers."""
    if names.DEVICE_CODE not in request.client.grant_types:
        raise UnauthorizedClient


def client_may_ask_users(request: AuthorizationRequest, context: Context) -> None:
    """CIBA Core 7.1, checked again when the user answers."""
    if request.client.is_public or names.CIBA not in request.client.grant_types:
        raise UnauthorizedClient


def openid_is_requested(request: AuthorizationRequest, context: Context) -> None:
    """CIBA Core 7.1: it is an OpenID Connect request."""
    if names.OPENID not in request.permissions:
        raise InvalidScope("the scope must contain openid")


def not_too_risky_for_a_code(request: AuthorizationRequest, context: Context) -> None:
    """RFC 10027 6.1: an attacker may have talked a user into typing a code, so it grants less."""
    limit = RISKS.index(context.installation.all_policies[request.client.policy].device_risk)
    for one in request.permissions:
        if RISKS.index(context.installation.offer.permissions[one].risk) > limit:
            raise InvalidScope(f"{one} is not given away by a code that people type")


DECOUPLED_CHECKS: Final[dict[Kind, tuple[Check, ...]]] = {
    "device": (
        client_may_use_device_codes,
        request_has_permissions,
        not_too_risky_for_a_code,
        the_api_is_named,
    ),
    "backchannel": (client_may_ask_users, openid_is_requested, the_api_is_named),
}
"""The checks of requests of apps on other devices, by kind."""
