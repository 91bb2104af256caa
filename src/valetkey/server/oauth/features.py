"""All features, one line each."""

from collections.abc import Collection
from typing import Final

from valetkey.server.oauth.authorize.browser_session import SESSION_MANAGEMENT
from valetkey.server.oauth.authorize.consent_check import CONSENT_CHECKS
from valetkey.server.oauth.authorize.jar import REQUEST_URIS, SIGNED_REQUESTS
from valetkey.server.oauth.authorize.par import PAR
from valetkey.server.oauth.authorize.reply_address import FORM_POST_RESPONSES, JARM
from valetkey.server.oauth.authorize.request import SIGN_UP
from valetkey.server.oauth.clients.attestation import ATTESTATION
from valetkey.server.oauth.clients.authentication import CLIENT_AUTHENTICATION
from valetkey.server.oauth.clients.client_assertion import CLIENT_SECRET_JWT, PRIVATE_KEY_JWT
from valetkey.server.oauth.clients.documents import CLIENT_DOCUMENTS
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.rar import RAR
from valetkey.server.oauth.endpoints.administration import ADMINISTRATION
from valetkey.server.oauth.endpoints.api_half import SPLIT_TOKENS
from valetkey.server.oauth.endpoints.change_log import CHANGE_LOG
from valetkey.server.oauth.endpoints.discovery import DISCOVERY
from valetkey.server.oauth.endpoints.grant_management import GRANT_MANAGEMENT, OWN_GRANT
from valetkey.server.oauth.endpoints.introspection import INTROSPECTION
from valetkey.server.oauth.endpoints.registration import REGISTRATION
from valetkey.server.oauth.endpoints.revocation import REVOCATION
from valetkey.server.oauth.endpoints.scim import SCIM
from valetkey.server.oauth.endpoints.status_list import STATUS_LISTS
from valetkey.server.oauth.endpoints.userinfo import USERINFO
from valetkey.server.oauth.grant_types.authorization_code import AUTHORIZATION_CODE
from valetkey.server.oauth.grant_types.ciba import BACKCHANNEL
from valetkey.server.oauth.grant_types.client_credentials import CLIENT_CREDENTIALS
from valetkey.server.oauth.grant_types.device import DEVICE
from valetkey.server.oauth.grant_types.identity_assertion import IDENTITY_ASSERTION
from valetkey.server.oauth.grant_types.jwt_bearer import JWT_BEARER
from valetkey.server.oauth.grant_types.refresh_token import REFRESH_TOKEN
from valetkey.server.oauth.grant_types.token import TOKEN
from valetkey.server.oauth.grant_types.token_exchange import TOKEN_EXCHANGE
from valetkey.server.oauth.grants.connections import USAGE
from valetkey.server.oauth.grants.lease import LEASE
from valetkey.server.oauth.issue.expiration import EXPIRATION
from valetkey.server.oauth.logout.end_session import END_SESSION, FRONTCHANNEL_LOGOUT
from valetkey.server.oauth.logout.sessions import BACKCHANNEL_LOGOUT
from valetkey.server.oauth.senders.binding import BEARER
from valetkey.server.oauth.senders.dpop import DPOP
from valetkey.server.oauth.senders.mtls import MTLS
from valetkey.server.oauth.shards.claim import KEY_SHARDS
from valetkey.server.oauth.sign_in.feature import HAND_OFF
from valetkey.server.oauth.signals.notice_delivery import NOTICES
from valetkey.server.oauth.signals.shared_signals import SHARED_SIGNALS
from valetkey.server.oauth.tokens.account_check import ACCOUNT_CHECKS

FEATURES: Final[tuple[Feature, ...]] = (
    DISCOVERY,
    CLIENT_AUTHENTICATION,
    PRIVATE_KEY_JWT,
    CLIENT_SECRET_JWT,
    ATTESTATION,
    DPOP,
    MTLS,
    BEARER,
    REGISTRATION,
    CLIENT_DOCUMENTS,
    FORM_POST_RESPONSES,
    JARM,
    SIGN_UP,
    PAR,
    RAR,
    SIGNED_REQUESTS,
    REQUEST_URIS,
    TOKEN,
    AUTHORIZATION_CODE,
    REFRESH_TOKEN,
    KEY_SHARDS,
    CLIENT_CREDENTIALS,
    DEVICE,
    BACKCHANNEL,
    TOKEN_EXCHANGE,
    JWT_BEARER,
    IDENTITY_ASSERTION,
    EXPIRATION,
    INTROSPECTION,
    SPLIT_TOKENS,
    CHANGE_LOG,
    STATUS_LISTS,
    SHARED_SIGNALS,
    SCIM,
    ADMINISTRATION,
    ACCOUNT_CHECKS,
    CONSENT_CHECKS,
    LEASE,
    REVOCATION,
    GRANT_MANAGEMENT,
    OWN_GRANT,
    USAGE,
    USERINFO,
    SESSION_MANAGEMENT,
    END_SESSION,
    FRONTCHANNEL_LOGOUT,
    BACKCHANNEL_LOGOUT,
    HAND_OFF,
    NOTICES,
)


def switched(on: Collection[str] = (), off: Collection[str] = ()) -> tuple[Feature, ...]:
    """The features that are on, where `on` and `off` differ from the defaults."""
    chosen = {
        one.name: one
        for one in FEATURES
        if one.core or one.name in on or (one.on_by_default and one.name not in off)
    }
    while lost := [one.name for one in chosen.values() if not chosen.keys() >= {*one.requires}]:
        for name in lost:
            del chosen[name]
    return tuple(chosen.values())


def pages_off(features: Collection[Feature]) -> frozenset[str]:
    """The paths of pages that are off, because none of these features needs them."""
    there = {path for one in features for path in one.pages}
    return frozenset(path for one in FEATURES for path in one.pages) - there
