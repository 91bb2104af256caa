"""Resource servers: the APIs, and their catalogs of permissions."""

from typing import ClassVar, Final

import msgspec

from valetkey.server.model.client import StoredSecret
from valetkey.server.model.record import Record
from valetkey.wire.catalog import Catalog, Permission, Words


class ResourceServer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An API. `id` and a secret authenticate it at introspection; `catalog.resource` is its
    identifier as an audience (RFC 8707). `revision` counts its catalogs. `status_list`: its tokens
    refer to a status list. `split`: its tokens are split, and it gets the API half (see
    `wire.split_token`)."""

    table: ClassVar[str] = "resource_servers"

    id: str
    catalog: Catalog
    secrets: tuple[StoredSecret, ...] = ()
    revision: int = msgspec.field(default=0, name="edition")
    status_list: bool = False
    split: bool = False
    created: int = 0

    @property
    def key(self) -> str:
        return self.id

    @property
    def alias(self) -> str:
        return self.catalog.resource


class CatalogRevision(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A catalog as it was registered: its number, the time, and who registered it (for people, such
    as the account that ran the command). It never changes."""

    table: ClassVar[str] = "catalogs"
    indexes: ClassVar[tuple[str, ...]] = ("server",)

    server: str
    number: int
    catalog: Catalog
    at: int
    by: str = ""

    @property
    def key(self) -> str:
        return f"{self.server} {self.number:08d}"

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        return 0


IDENTITY: Final = (
    Permission(
        id="openid",
        can="know it's you when you return",
        group="identity",
        words={"de": Words(can="Sie wiedererkennen, wenn Sie zurückkehren")},
    ),
    Permission(
        id="profile",
        can="see your name and profile",
        group="identity",
        words={"de": Words(can="Ihren Namen und Ihr Profil sehen")},
    ),
    Permission(
        id="email",
        can="see your email address",
        risk="medium",
        group="identity",
        words={"de": Words(can="Ihre E-Mail-Adresse sehen")},
    ),
    Permission(
        id="address",
        can="see your postal address",
        risk="medium",
        group="identity",
        words={"de": Words(can="Ihre Anschrift sehen")},
    ),
    Permission(
        id="phone",
        can="see your phone number",
        risk="medium",
        group="identity",
        words={"de": Words(can="Ihre Telefonnummer sehen")},
    ),
    Permission(
        id="offline_access",
        can="stay connected when you're not using it",
        risk="medium",
        group="stay",
        words={"de": Words(can="verbunden bleiben, wenn Sie die App nicht verwenden")},
    ),
)
"""The permissions of the authorization server itself: the protocol's own scopes."""


def identity(issuer: str) -> Catalog:
    """The authorization server's own catalog."""
    return Catalog(resource=issuer, name="Your account", permissions=IDENTITY)
