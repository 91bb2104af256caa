"""Resource servers: the APIs, and what their keys can open."""

from typing import ClassVar, Final

from valetkey.model.client import KeptSecret
from valetkey.model.record import Record
from valetkey.wire.catalog import Catalog, Permission


class ResourceServer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An API. `id` and a secret authenticate it at introspection; `catalog.resource` is its
    identifier as an audience (RFC 8707)."""

    table: ClassVar[str] = "resource_servers"

    id: str
    catalog: Catalog
    secrets: tuple[KeptSecret, ...] = ()
    created: int = 0

    @property
    def key(self) -> str:
        return self.id

    @property
    def alias(self) -> str:
        return self.catalog.resource


IDENTITY: Final = (
    Permission(
        id="openid",
        can="recognise you when you come back",
        cannot="recognise you when you come back",
        group="identity",
    ),
    Permission(
        id="profile",
        can="see your name and profile",
        cannot="see your name and profile",
        group="identity",
    ),
    Permission(
        id="email",
        can="see your e-mail address",
        cannot="see your e-mail address",
        risk="medium",
        group="identity",
    ),
    Permission(
        id="offline_access",
        can="keep its access while you are away",
        cannot="keep its access while you are away",
        risk="medium",
        group="stay",
    ),
)
"""What the authorization server itself can open: the protocol's own scopes as permissions."""


def identity(issuer: str) -> Catalog:
    """The authorization server's own catalog."""
    return Catalog(resource=issuer, name="Your account", permissions=IDENTITY)
