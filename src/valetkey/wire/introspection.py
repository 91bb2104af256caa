"""Token introspection (RFC 7662): the answer of the server to a resource server."""

from collections.abc import Sequence
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import SERVER_ALGORITHMS, PublicKey
from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite
from valetkey.wire.access_token import Actor, Confirmation, OpaqueId
from valetkey.wire.address import same
from valetkey.wire.authorization_details import Detail

CITE: Final = Cite("RFC 7662", "2.2")


class Introspection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The status of a token at this moment. For an inactive one it has no other field (RFC 7662
    2.2).

    `scope` are the permissions of the token that the grant allows now, and `limited` those that the
    user has limited. `authorization_details` say the same for requested details (RFC 9396 9.2).
    `grant_expires_at` is when the grant ends by itself, in seconds since 1970, 0 for never.
    `childless`: the token may not be delegated offline (`wire.child_key`). `sub_id` is as in the
    token (`wire.access_token`).
    """

    active: bool
    scope: str = ""
    client_id: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    aud: str | tuple[str, ...] = ()
    iss: str = ""
    jti: str = ""
    auth_time: int = 0
    acr: str = ""
    grant_id: str = ""
    grant_version: int = 0
    grant_expires_at: int = 0
    cnf: Confirmation | None = None
    act: Actor | None = None
    limited: tuple[str, ...] = ()
    authorization_details: tuple[Detail, ...] = ()
    childless: bool = False
    sub_id: OpaqueId | None = None


INACTIVE: Final = Introspection(active=False)


SIGNED: Final = Cite("RFC 9701", "5")
TYPE: Final = "token-introspection+jwt"
MEDIA: Final = f"application/{TYPE}"
"""The media type of a signed answer, for the Accept header."""


FRESH: Final = 60
"""The largest age of a signed answer in seconds, in both directions."""


class SignedIntrospection(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a signed answer. Everything about the token is inside one claim, so that the
    answer cannot pass for a token (RFC 9701 8.1)."""

    iss: str
    aud: str
    iat: int
    token_introspection: Introspection


def wants_signed(accept: str) -> bool:
    """Whether an Accept header asks for a signed answer."""
    types = (one.partition(";")[0].strip().lower() for one in accept.split(","))
    return MEDIA in types


def verify(
    text: str, *, keys: Sequence[PublicKey], issuer: str, audience: str, now: int
) -> Introspection:
    """Verifies a signed answer of the issuer to the API `audience`, at `now`. Raises ValueError for
    another issuer, another API or another time."""
    payload = jws.verify(text, keys, algorithms=SERVER_ALGORITHMS, typ=(TYPE,))
    try:
        answer = msgspec.convert(read_object(payload), SignedIntrospection)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if answer.iss != issuer or not same(answer.aud, audience):
        raise ValueError("an answer of another server, or to another API")
    if not -FRESH <= now - answer.iat <= FRESH:
        raise ValueError("an answer of another moment")
    return answer.token_introspection
