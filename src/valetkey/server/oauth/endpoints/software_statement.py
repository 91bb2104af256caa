"""Software statements (RFC 7591 2.3): metadata that a trusted publisher signed."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.jwk import CLIENT_ALGORITHMS
from valetkey.jose.jws import BadSignature
from valetkey.jose.objects import read_object
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7591", "2.3")

TYPES: Final = frozenset({"jwt", "software-statement+jwt", ""})
LONGEST: Final = 10 * 365 * 86400
_OF_JWT: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


_FACE: Final = ("client_name", "redirect_uris")
_MAY_HAVE: Final = ("client_uri", "logo_uri")
"""The metadata by which users recognize an app, and its redirect URIs. Statements are not secret,
so anyone can send one with other names or addresses: it verifies an app only if it has all of
these."""


_OF_AN_APP: Final = frozenset({*_FACE, "software_id"})
"""A statement needs at least one of these. With the old `typ` values, nothing else distinguishes it
from other JWTs that the publisher signs (ATTACKS A48)."""


class StatedMetadata(msgspec.Struct, frozen=True):
    """The metadata, and whether a publisher has verified the app's names and addresses."""

    document: Mapping[str, Any]
    vouched: bool = False


class _Frame(msgspec.Struct, frozen=True):
    iss: str
    exp: float | None = None
    nbf: float | None = None
    iat: float | None = None


def with_statement(document: Mapping[str, Any], context: Context) -> StatedMetadata:
    """The metadata, with the values of the statement in it (RFC 7591 3.1.1). Raises
    InvalidSoftwareStatement, UnapprovedSoftwareStatement."""
    text = document.get("software_statement")
    if text is None:
        return StatedMetadata(document)
    trusted = context.installation.registration.publishers
    if not trusted:
        raise UnapprovedSoftwareStatement
    claims = _proved(text, trusted, context.env.now)
    stated = {name: value for name, value in claims.items() if name not in _OF_JWT}
    if _OF_AN_APP.isdisjoint(stated):
        raise InvalidSoftwareStatement(detail="it has no metadata of an app")
    vouched = all(
        name in stated for name in (*_FACE, *(one for one in _MAY_HAVE if one in document))
    )
    return StatedMetadata({**document, **stated}, vouched=vouched)


def _proved(text: object, trusted: Mapping[str, Any], now: int) -> dict[str, Any]:
    if not isinstance(text, str):
        raise InvalidSoftwareStatement
    try:
        header = jws.read_header(text)
        matching = keys.find_keys(trusted, header)
        if not matching:
            raise UnapprovedSoftwareStatement
        claims = read_object(
            keys.verify_with(text, matching, typ=TYPES, algorithms=CLIENT_ALGORITHMS)
        )
        frame = msgspec.convert(claims, _Frame)
    except (BadSignature, ValueError, msgspec.ValidationError) as error:
        raise InvalidSoftwareStatement(detail=str(error)) from error
    why = jwt.why_not(now, exp=frame.exp, nbf=frame.nbf, iat=frame.iat, longest=LONGEST)
    if why:
        raise InvalidSoftwareStatement(detail=why)
    return claims
