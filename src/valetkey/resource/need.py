"""What a route needs of its callers: the same in every framework."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypedDict

import msgspec

from valetkey.resource.spending import Amount
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import Catalog

# How the user has to have signed in (RFC 9470).


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


ANYHOW: Final[SignIn] = SignIn()


def sign_in(acr: str | Iterable[str], max_age: int | None) -> SignIn:
    """The sign-in that a route needs. Raises ValueError for a negative age."""
    if max_age is not None and max_age < 0:
        raise ValueError("max_age is a number of seconds, or None")
    ways = tuple(acr.split() if isinstance(acr, str) else acr)
    return SignIn(acr=ways, max_age=max_age) if ways or max_age is not None else ANYHOW


Spend: TypeAlias = Callable[[Any], Awaitable[Amount | None] | Amount | None]
"""Reads from a request how much the call is about, in the permission's unit; None if it does not
say."""

UNREADABLE: Final = (ValueError, LookupError, TypeError, ArithmeticError)
"""What a Spend may raise for a bad body: no JSON, no such member, not a number. The call is then
refused, and the log has the error."""


class Conditions(TypedDict, total=False):
    """The keywords of `needs(…)` in every framework.

    `acr` lists the ways to sign in that the route accepts, and `max_age` is how many seconds ago
    the user may have signed in (RFC 9470). `spend` reads how much a call is about, for a permission
    that has a unit; it gets the framework's request.
    """

    acr: str | Iterable[str]
    max_age: int | None
    spend: Spend | None


class Need(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one route needs: all of the `permissions`, within the limits of the user, and a sign-in
    like this. `spend` reads how much a call is about."""

    permissions: tuple[str, ...]
    sign_in: SignIn
    spend: Spend | None = None

    async def read_amount(self, request: object) -> Amount | None:
        """How much the call is about; None if it does not say. Raises InvalidRequest if it cannot
        be read from the call."""
        if self.spend is None:
            return None
        try:
            amount = self.spend(request)
            return await amount if isinstance(amount, Awaitable) else amount
        except UNREADABLE as error:
            raise _unreadable(error) from error

    def read_amount_sync(self, request: object) -> Amount | None:
        """The same without `await`. Raises TypeError for an async `spend`."""
        try:
            amount = None if self.spend is None else self.spend(request)
        except UNREADABLE as error:
            raise _unreadable(error) from error
        if isinstance(amount, Awaitable):
            if inspect.iscoroutine(amount):
                amount.close()
            raise TypeError("spend= may not be async here")
        return amount


def _unreadable(error: Exception) -> InvalidRequest:
    return InvalidRequest("the amount cannot be read", detail=repr(error))


def check_amounts(catalog: Catalog, permissions: Sequence[str], *, has_amount: bool) -> None:
    """Raises ValueError if a route needs a permission with a unit and reads no amount, if it reads
    one for a permission without, and if it would read one amount for two permissions."""
    declared = [catalog.permission(one) for one in permissions]
    measured = [one.id for one in declared if one is not None and one.unit]
    if len(measured) > 1:
        raise ValueError(f"{', '.join(measured)}: one amount cannot be for both")
    if measured and not has_amount:
        raise ValueError(f"{measured[0]} has amounts: say how much by spend=")
    if has_amount and not measured:
        raise ValueError(f"{', '.join(permissions)}: spend= is for what has a unit")
