"""Request objects: authorization requests that the client signed (RFC 9101; OpenID Connect Core
6.1)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.jwk import PrivateKey
from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite
from valetkey.wire.form import REPEATABLE, Form

CITE: Final = Cite("RFC 9101", "4")

TYPE: Final = "oauth-authz-req+jwt"
TYPES: Final = frozenset({TYPE, "jwt", ""})
"""Its own media type, and those that were usual before. Another kind of JWT never passes."""

LONGEST: Final = 30 * 86400
"""The longest lifetime in seconds, if no policy says less."""

JWT_CLAIMS: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
"""Claims about the object itself, which are not parameters."""


REQUIRED_CLAIMS: Final = frozenset({"client_id"})
"""Claims that a request object at the authorization endpoint needs (RFC 9101 4)."""

BACKCHANNEL_CLAIMS: Final = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti"})
"""Claims that a backchannel request needs (CIBA Core 7.1.1); its client is the issuer."""


class BadObject(ValueError):
    """The request object is not valid. The message is for the log only."""


class _Frame(msgspec.Struct, frozen=True):
    """The claims about the object itself."""

    client_id: str = ""
    iss: str = ""
    aud: str | tuple[str, ...] = ()
    exp: float | None = None
    nbf: float | None = None
    iat: float | None = None
    jti: str = ""


def parameters(
    payload: bytes,
    *,
    client_id: str,
    issuer: str,
    now: int,
    lifetime: int | None = None,
    needs: frozenset[str] = REQUIRED_CLAIMS,
) -> Form:
    """The parameters in a request object of this client, at `now` (seconds since 1970). It has to
    have the claims in `needs`. With a `lifetime` it also needs `aud`, `nbf` and `exp`, at most that
    many seconds apart (FAPI 2.0 Message Signing 5.3.2). Raises BadObject."""
    try:
        claims = read_object(payload)
        frame = msgspec.convert(claims, _Frame)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadObject(str(error)) from error
    missing = needs - {name for name, value in claims.items() if value != ""}
    why = f"{', '.join(sorted(missing))}: missing" if missing else ""
    why = why or _why_not(frame, claims, client_id=client_id, issuer=issuer)
    why = why or _why_not_now(frame, now, lifetime)
    if why:
        raise BadObject(why)
    return _form(claims)


def _why_not(frame: _Frame, claims: Mapping[str, Any], *, client_id: str, issuer: str) -> str:
    if {frame.client_id, frame.iss} - {"", client_id}:
        return "client_id or iss is another client"
    if "sub" in claims:
        # RFC 9101 10.8: with a subject it could pass for what proves the client itself.
        return "it has a sub"
    aud = (frame.aud,) if isinstance(frame.aud, str) else frame.aud
    if aud and issuer not in aud:
        return f"for {aud!r:.200}"
    if {"request", "request_uri"} & claims.keys():
        # RFC 9101 4: neither may stand inside.
        return "a request within a request"
    return ""


def _why_not_now(frame: _Frame, now: int, lifetime: int | None) -> str:
    if lifetime is None:
        return jwt.why_not(now, exp=frame.exp, nbf=frame.nbf, iat=frame.iat, longest=LONGEST)
    if not frame.aud or frame.exp is None or frame.nbf is None:
        return "aud, exp or nbf is missing"
    if frame.exp - frame.nbf > lifetime:
        return f"it lasts {frame.exp - frame.nbf:.0f} s"
    return jwt.why_not(now, exp=frame.exp, nbf=frame.nbf, iat=frame.iat, longest=lifetime)


def _form(claims: Mapping[str, Any]) -> Form:
    one: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    for name, value in claims.items():
        if name in JWT_CLAIMS:
            continue
        if name in REPEATABLE:
            many[name] = _texts(name, value)
        elif (text := _text(name, value)) != "":
            one[name] = text
    return Form(one, many)


def _text(name: str, value: object) -> str:
    """RFC 9101 4: texts as they are; numbers and objects as they would stand in a query."""
    match value:
        case str():
            if "\x00" in value:
                raise BadObject(f"{name} holds a zero byte")
            return value
        case bool() | None:
            raise BadObject(f"{name} is no text")
        case int():
            return str(value)
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            raise BadObject(f"{name} is no text")


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    texts = tuple(one for one in values if isinstance(one, str))
    if len(texts) != len(values):
        raise BadObject(f"{name} is no text, and no list of texts")
    return tuple(one for one in texts if one)


def write(
    parameters: Mapping[str, Any], *, issuer: str, key: PrivateKey, now: int, seconds: int = 300
) -> str:
    """The object for a request, whose `client_id` is among the parameters."""
    frame = {
        "iss": parameters["client_id"],
        "aud": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
    }
    return jws.sign(msgspec.json.encode({**frame, **parameters}), key=key, typ=TYPE)
