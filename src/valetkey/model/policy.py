"""How long things live, and what a client is held to."""

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from valetkey.jose.jwk import Algorithm
from valetkey.model.record import Record

Seconds = Annotated[int, msgspec.Meta(gt=0, le=10 * 365 * 86400)]


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every lifetime, in seconds."""

    code: Seconds = 60
    pushed_request: Seconds = 90
    interaction: Seconds = 1800
    access_token: Seconds = 300
    id_token: Seconds = 300
    refresh_window: Seconds = 30
    refresh_idle: Seconds = 60 * 86400
    refresh_token: Seconds = 365 * 86400
    session: Seconds = 12 * 3600
    jwks_cache: Seconds = 300

    def mistakes(self) -> list[str]:
        """What does not fit together, each in one sentence."""
        wrong = []
        if self.code > 60:
            wrong.append("code: at most 60, so that a stolen code is soon worthless")
        if not 5 <= self.pushed_request <= 600:
            wrong.append("pushed_request: between 5 and 600 (RFC 9126 2.2)")
        if self.access_token > 3600:
            wrong.append("access_token: at most 3600; let the refresh token live longer instead")
        if self.refresh_window > 300:
            wrong.append("refresh_window: at most 300, so that a replay is still noticed")
        if self.refresh_idle > self.refresh_token:
            wrong.append("refresh_idle: at most refresh_token")
        return wrong


class Policy(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the clients under this name are held to. None means: as the settings say."""

    table: ClassVar[str] = "policies"

    name: str
    pkce: Literal["required", "optional"] = "required"
    id_token_algorithm: Algorithm = "RS256"
    access_token_algorithm: Algorithm = "ES256"
    access_token: Seconds | None = None
    refresh_idle: Seconds | None = None
    refresh_token: Seconds | None = None

    @property
    def key(self) -> str:
        return self.name


DEFAULT: Final = Policy(name="default")
