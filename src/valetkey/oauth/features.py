"""The features that are switched on: one line each."""

from typing import Final

from valetkey.oauth.authorize.par import PAR
from valetkey.oauth.clients.authentication import CLIENT_AUTHENTICATION
from valetkey.oauth.clients.private_key_jwt import PRIVATE_KEY_JWT
from valetkey.oauth.feature import Feature
from valetkey.oauth.grants.authorization_code import AUTHORIZATION_CODE
from valetkey.oauth.grants.client_credentials import CLIENT_CREDENTIALS
from valetkey.oauth.grants.refresh_token import REFRESH_TOKEN
from valetkey.oauth.grants.token import TOKEN
from valetkey.oauth.manage.discovery import DISCOVERY
from valetkey.oauth.manage.introspection import INTROSPECTION
from valetkey.oauth.manage.revocation import REVOCATION
from valetkey.oauth.manage.userinfo import USERINFO

FEATURES: Final[tuple[Feature, ...]] = (
    DISCOVERY,
    CLIENT_AUTHENTICATION,
    PRIVATE_KEY_JWT,
    PAR,
    TOKEN,
    AUTHORIZATION_CODE,
    REFRESH_TOKEN,
    CLIENT_CREDENTIALS,
    INTROSPECTION,
    REVOCATION,
    USERINFO,
)
