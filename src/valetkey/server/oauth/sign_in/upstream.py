"""A provider at which users sign in: an OpenID provider, or an OAuth 2 server with a userinfo
endpoint."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.keys import Secret
from valetkey.spec.errors import AccessDenied, TemporarilyUnavailable

TENANT: Final = "{tenantid}"
"""Stands in the issuer of a provider that has an issuer for each tenant (Microsoft Entra ID)."""

ANY_TENANT: Final = "organizations"
"""Stands for the tenant in the address of such a provider's metadata."""

ClientAuthMethod: TypeAlias = Literal[
    "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
]
EmailRule: TypeAlias = Literal["claim", "always", "never"]
SignOut: TypeAlias = Literal["offer", "always", "never"]


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, as the operator configured it (see `settings.upstream` for each field).

    `issuer` is "" for an OAuth 2 server that is no OpenID provider; then the three endpoints are
    set. `levels` maps the provider's `acr` values to those of this server. `is_on` is False for one
    that was switched off: nobody signs in there, but sessions still end.
    """

    name: str
    label: str
    is_on: bool = True
    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    subject: str = "sub"
    client_id: str
    client_auth: ClientAuthMethod = "client_secret_basic"
    secret: Secret = Secret("")
    scope: tuple[str, ...] = ("openid",)
    tenants: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    claims: Mapping[str, str] = {}
    require: Mapping[str, tuple[str, ...]] = {}
    groups: str = ""
    levels: Mapping[str, str] = {}
    prompt: str = ""
    userinfo: bool = True
    email_verified: EmailRule = "claim"
    sign_out: SignOut = "offer"

    @property
    def is_openid(self) -> bool:
        """Whether it is an OpenID provider."""
        return bool(self.issuer)

    @property
    def discovery_issuer(self) -> str:
        """The issuer, under whose address the metadata is published."""
        return self.issuer.replace(TENANT, ANY_TENANT)

    def issuer_of(self, claims: Mapping[str, Any]) -> str:
        """The issuer that has to be in an ID Token with these claims. Raises SignInFailed for a
        tenant that is not allowed."""
        if TENANT not in self.issuer:
            return self.issuer
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or tenant not in self.tenants:
            raise SignInFailed("refused", detail=f"tenant {tenant!r:.80} is not allowed")
        return self.issuer.replace(TENANT, tenant)

    def source_of(self, issuer: str) -> str:
        """The source of identities (see `model.user.Identity`). An OAuth 2 server has no issuer:
        the address that says who the user is stands for it."""
        return issuer or self.userinfo_endpoint

    @property
    def sources(self) -> tuple[str, ...]:
        """All sources of identities."""
        if not self.tenants:
            return (self.source_of(self.issuer),)
        return tuple(self.issuer.replace(TENANT, tenant) for tenant in self.tenants)

    def is_issuer(self, issuer: str) -> bool:
        """Whether an authorization response may name this issuer (RFC 9207 2.4)."""
        return issuer in (self.issuer, *self.sources)


def callback_path(name: str) -> str:
    """The path of the redirect URI. Each provider has its own, so one can't pass off its answer as
    another's (RFC 9700 4.4.2)."""
    return f"/sign-in/with/{name}/callback"


Why: TypeAlias = Literal[
    "off", "expired", "other_browser", "cancelled", "refused", "not_fresh", "broken", "down"
]
"""Why nobody is signed in: the provider is switched off; the page is too old; it was begun in
another browser; the user cancelled there; the provider or a rule of the operator refuses the user;
the sign-in is older than required; the provider's answer is wrong; the provider does not answer."""


class SignInFailed(AccessDenied):
    """Nobody is signed in. `detail` is for the log."""

    says = "the user could not be signed in elsewhere"

    def __init__(self, why: Why, *, detail: str = "") -> None:
        super().__init__(detail=detail or why, status=_STATUS.get(why, 400))
        self.why = why


class ProviderDown(SignInFailed):
    """The provider does not answer."""

    def __init__(self, detail: str) -> None:
        super().__init__("down", detail=detail)


_STATUS: Final[Mapping[Why, int]] = {
    "off": 403,
    "refused": 403,
    "broken": 502,
    "down": TemporarilyUnavailable.default_status,
}
