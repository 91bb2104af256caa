"""Clients: the apps."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.model.limits import NOTHING_PROPOSED, Proposal
from valetkey.model.record import Record

AuthMethod: TypeAlias = Literal["none", "client_secret_basic", "client_secret_post"]
Status: TypeAlias = Literal["active", "suspended"]


class KeptSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """A secret of 256 random bits, kept as its SHA-256. `until`: seconds since 1970, 0 for ever."""

    digest: str
    created: int
    until: int = 0

    def fits(self, secret: str, now: int) -> bool:
        """Whether this is the secret, and it is still good."""
        good = not self.until or now < self.until
        return same(self.digest.encode(), digest(secret).encode()) and good


class Client(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An app, as its developer registered it (RFC 7591 2, where it has the word).

    `scope` lists the scopes that it may ask for. `required` are the permissions without which it
    does not work: the user cannot leave them out and still say yes. `reasons` are its own words on
    why it wants a permission. `limits` are those that it proposes: the user may tighten them. `uri`
    is its home page, whose host names the publisher.
    """

    table: ClassVar[str] = "clients"

    id: str
    name: str
    auth_method: AuthMethod = "none"
    secrets: tuple[KeptSecret, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    scope: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    reasons: dict[str, str] = {}
    limits: Proposal = NOTHING_PROPOSED
    uri: str = ""
    policy: str = "default"
    verified: bool = True
    status: Status = "active"
    created: int = 0

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_public(self) -> bool:
        """Whether it can keep no secret (RFC 6749 2.1)."""
        return self.auth_method == "none"
