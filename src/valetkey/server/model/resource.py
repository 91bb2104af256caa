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


def _words(**texts: str) -> dict[str, Words]:
    """What a permission allows, by language."""
    return {tag: Words(can=can) for tag, can in texts.items()}


IDENTITY: Final = (
    Permission(
        id="openid",
        can="know it's you when you return",
        group="identity",
        words=_words(
            de="Sie wiedererkennen, wenn Sie zurückkehren",
            fr="vous reconnaître à votre retour",
            es="reconocerle cuando vuelva",
        ),
    ),
    Permission(
        id="profile",
        can="see your name and profile",
        group="identity",
        words=_words(
            de="Ihren Namen und Ihr Profil sehen",
            fr="voir votre nom et votre profil",
            es="ver su nombre y su perfil",
        ),
    ),
    Permission(
        id="email",
        can="see your email address",
        risk="medium",
        group="identity",
        words=_words(
            de="Ihre E-Mail-Adresse sehen",
            fr="voir votre adresse e-mail",
            es="ver su dirección de correo",
        ),
    ),
    Permission(
        id="address",
        can="see your postal address",
        risk="medium",
        group="identity",
        words=_words(
            de="Ihre Anschrift sehen",
            fr="voir votre adresse postale",
            es="ver su dirección postal",
        ),
    ),
    Permission(
        id="phone",
        can="see your phone number",
        risk="medium",
        group="identity",
        words=_words(
            de="Ihre Telefonnummer sehen",
            fr="voir votre numéro de téléphone",
            es="ver su número de teléfono",
        ),
    ),
    Permission(
        id="offline_access",
        can="stay connected when you're not using it",
        risk="medium",
        group="stay",
        words=_words(
            de="verbunden bleiben, wenn Sie die App nicht verwenden",
            fr="rester connectée en votre absence",
            es="seguir conectada cuando usted no la use",
        ),
    ),
)
"""The permissions of the authorization server itself: the protocol's own scopes."""


def identity(issuer: str) -> Catalog:
    """The authorization server's own catalog."""
    return Catalog(resource=issuer, name="Your account", permissions=IDENTITY)
