"""How the user has to have signed in (RFC 9470)."""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.wire.access_token import AccessToken


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """The sign-in that a route needs. `acr` lists the accepted ways, the preferred one first; ()
    for any. `max_age` is how many seconds ago it may have been; None for any time."""

    acr: tuple[str, ...] = ()
    max_age: int | None = None

    def holds(self, token: AccessToken, now: int) -> bool:
        """Whether the sign-in of the token is sufficient; `now` is in seconds since 1970."""
        if self.acr and token.acr not in self.acr:
            return False
        return self.max_age is None or now - token.auth_time <= self.max_age


ANYHOW: Final = SignIn()


def sign_in(acr: str | Iterable[str], max_age: int | None) -> SignIn:
    """The sign-in that a route needs. Raises ValueError for a negative age."""
    if max_age is not None and max_age < 0:
        raise ValueError("max_age is a number of seconds, or None")
    ways = tuple(acr.split() if isinstance(acr, str) else acr)
    return SignIn(acr=ways, max_age=max_age) if ways or max_age is not None else ANYHOW
