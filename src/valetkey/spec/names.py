"""Names that the registries fix, where more than one module says them."""

from typing import Final, NamedTuple

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"
CLIENT_CREDENTIALS: Final = "client_credentials"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"

CIBA: Final = "urn:openid:params:grant-type:ciba"

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"

# RFC 8693 3: what kinds of token are exchanged.
TYPE_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
TYPE_ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"
TYPE_JWT: Final = "urn:ietf:params:oauth:token-type:jwt"

# Scopes that are the protocol's own (OpenID Connect Core 5.4 and 11).
OPENID: Final = "openid"
PROFILE: Final = "profile"
EMAIL: Final = "email"
ADDRESS: Final = "address"
PHONE: Final = "phone"
OFFLINE_ACCESS: Final = "offline_access"

INTERACTIONS_ANSWER: Final = "interactions.answer"
"""The scope of clients that may answer for a platform's sign-in page. It is this server's own."""

# RFC 9126 2.2: the form of a pushed request's name.
REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"


# References to specifications.


class Cite(NamedTuple):
    """A place in a specification: `Cite("RFC 8628", "3.5")`."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document} section {self.section}"
