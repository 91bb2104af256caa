"""Token introspection (RFC 7662): the server answers, a resource server asks."""

from typing import Final

import msgspec

from valetkey.spec.cite import Cite
from valetkey.wire.access_token import Actor, Confirmation

CITE: Final = Cite("RFC 7662", "2.2")


class Introspection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token is worth now. An inactive one says nothing but that (RFC 7662 2.2).

    `scope` is what the grant allows at this moment, within what the token was issued for, and
    `limited` what of it the user has limited.
    """

    active: bool
    scope: str = ""
    client_id: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    aud: tuple[str, ...] = ()
    iss: str = ""
    jti: str = ""
    auth_time: int = 0
    grant_id: str = ""
    grant_version: int = 0
    cnf: Confirmation | None = None
    act: Actor | None = None
    limited: tuple[str, ...] = ()


INACTIVE: Final = Introspection(active=False)
