"""JSON Web Tokens (RFC 7519), read into declared claims."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS, Algorithm, PrivateKey, PublicKey
from valetkey.jose.objects import read_as, read_object

LEEWAY: Final = 60
"""Seconds that two honest clocks may differ."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims of every token here; each kind adds its own. Times are in seconds since 1970."""

    iss: str
    iat: int
    exp: int

    @classmethod
    def read(cls, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims in one form, if the standard allows several."""
        return claims


C = TypeVar("C", bound=Claims)


class Verified(msgspec.Struct, Generic[C], frozen=True):
    """Claims whose signature, type, issuer and time have been checked. Only `verify` makes one."""

    claims: C


class BadToken(ValueError):
    """The token is not valid. The message is for the log only."""


def sign(claims: Claims, *, key: PrivateKey, typ: str) -> str:
    """The claims as a signed token."""
    return jws.sign(msgspec.json.encode(claims), key=key, typ=typ)


def verify(
    token: str,
    claims: type[C],
    *,
    keys: Sequence[PublicKey],
    typ: Collection[str],
    issuer: str,
    now: int,
    algorithms: Collection[Algorithm] = ALGORITHMS,
) -> Verified[C]:
    """Verifies a token and its times. `now` is in seconds since 1970. Raises BadToken."""
    verified = prove(token, claims, keys=keys, typ=typ, issuer=issuer, algorithms=algorithms)
    check_time(verified, now, leeway=LEEWAY)
    return Verified(verified)


def check_time(claims: Claims, now: int, *, leeway: int) -> None:
    """Raises BadToken before the token was issued and once it is over; `leeway` in seconds."""
    if now >= claims.exp + leeway:
        raise BadToken(f"expired {now - claims.exp} s ago")
    if claims.iat > now + LEEWAY:
        raise BadToken("issued in the future")


def prove(
    token: str,
    claims: type[C],
    *,
    keys: Sequence[PublicKey],
    typ: Collection[str],
    issuer: str,
    algorithms: Collection[Algorithm] = ALGORITHMS,
    signed_here: Callable[[str], bool] | None = None,
) -> C:
    """The claims of `token`, signed by that issuer, whatever the time is. `signed_here` as in
    `jws.verify`. Raises BadToken.

    RFC 7519 7.2; RFC 8725 3.9 (issuer), 3.11 (typ).
    """
    try:
        payload = jws.verify(token, keys, algorithms=algorithms, typ=typ, signed_here=signed_here)
        proved = read_as(payload, claims)
        if proved is None:
            proved = msgspec.convert(claims.read(read_object(payload)), claims)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadToken(str(error)) from error
    if proved.iss != issuer:
        raise BadToken(f"issued by {proved.iss!r}")
    return proved


# Checks the times in tokens of others, whose clocks may differ.

SKEW: Final = 30
"""The largest difference of clocks in seconds: FAPI 2.0 needs at least 10, and less than 60."""


def is_over(now: int, exp: float) -> bool:
    """Whether a token has ended by any acceptable clock."""
    return now >= exp + SKEW


def why_not(
    now: int, *, exp: float | None, nbf: float | None = None, iat: float | None = None, longest: int
) -> str:
    """Why a token with these times is not valid now, or "". Times are in seconds since 1970, None
    if absent. It may end at most `longest` seconds from now, and begin at most that long ago."""
    began = [time for time in (nbf, iat) if time is not None]
    times = [*began, *([] if exp is None else [exp])]
    if not all(0 < time < 1e11 for time in times):
        return "a time out of range"
    if exp is not None and is_over(now, exp):
        return f"it ended {now - exp:.0f} s ago"
    if any(time > now + longest + SKEW for time in times):
        return f"it ends {max(times) - now:.0f} s from now"
    if any(time > now + SKEW for time in began):
        return f"it begins {max(began) - now:.0f} s from now"
    if any(time < now - longest - SKEW for time in began):
        return f"it began {now - min(began):.0f} s ago"
    return ""
