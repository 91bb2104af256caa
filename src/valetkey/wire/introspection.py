"""Token introspection (RFC 7662): the server answers, a resource server asks."""

from collections.abc import Sequence
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import SERVER_ALGORITHMS, PublicKey
from valetkey.jose.objects import read_object
from valetkey.spec.cite import Cite
from valetkey.wire.access_token import Actor, Confirmation
from valetkey.wire.address import same
from valetkey.wire.authorization_details import Detail

CITE: Final = Cite("RFC 7662", "2.2")


class Introspection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token is worth now. An inactive one says nothing but that (RFC 7662 2.2).

    `scope` is what the grant allows at this moment, within what the token was issued for, and
    `limited` what of it the user has limited. `authorization_details` say the same of what was
    asked by details (RFC 9396 9.2). `grant_expires_at` is when the grant ends by itself, in seconds
    since 1970, 0 for never. `childless`: nobody may hand it on alone (`wire.child_key`).
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


INACTIVE: Final = Introspection(active=False)


SIGNED: Final = Cite("RFC 9701", "5")
TYPE: Final = "token-introspection+jwt"
MEDIA: Final = f"application/{TYPE}"
"""The media type of an answer that is signed; whoever asks for it accepts it."""


FRESH: Final = 60
"""Seconds by which an answer may be old, and by which clocks may differ."""


class SignedIntrospection(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a signed answer. What is said of the token stands in a claim of its own, and
    nothing of it beside that: no such answer may pass for a token (RFC 9701 8.1)."""

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
    """What the issuer says of a token at `now`, to whoever asked by the name `audience`. Raises
    ValueError where it did not say that, or said it some other time."""
    payload = jws.verify(text, keys, algorithms=SERVER_ALGORITHMS, typ=(TYPE,))
    try:
        answer = msgspec.convert(read_object(payload), SignedIntrospection)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if answer.iss != issuer or not same(answer.aud, audience):
        raise ValueError("an answer of another server, or to somebody else")
    if not -FRESH <= now - answer.iat <= FRESH:
        raise ValueError("an answer of another moment")
    return answer.token_introspection
