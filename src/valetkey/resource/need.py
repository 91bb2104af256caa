"""What a route asks of its callers, said in the same words in every framework."""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from valetkey.resource.limits import check_amounts
from valetkey.resource.spending import Amount
from valetkey.resource.step_up import SignIn, sign_in
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission

if TYPE_CHECKING:
    from valetkey.resource.server import ResourceServer

Spend: TypeAlias = Callable[[Any], Awaitable[Amount | None] | Amount | None]
"""How much a call is about, in the permission's unit; None where it does not say."""


UNREADABLE: Final = (ValueError, LookupError, TypeError, ArithmeticError)
"""What reading an amount from a body raises that does not have it: no JSON, no such member, not a
number. The call is refused then, and the log has the error."""


class Need(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A key that opens all of the `permissions`, within the limits that the user has set, and whose
    user signed in like this. `spend` tells how much a call is about."""

    permissions: tuple[str, ...]
    sign_in: SignIn
    spend: Spend | None = None

    async def told(self, request: object) -> Amount | None:
        """How much the call is about; None where that is not told. Raises InvalidRequest where it
        cannot be read from the call."""
        if self.spend is None:
            return None
        try:
            amount = self.spend(request)
            return await amount if isinstance(amount, Awaitable) else amount
        except UNREADABLE as error:
            raise _unreadable(error) from error

    def told_at_once(self, request: object) -> Amount | None:
        """The same where nothing can be awaited. Raises TypeError for a `spend` that would be."""
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


def need(
    server: "ResourceServer",
    permissions: tuple[str | Permission, ...],
    *,
    acr: str | Iterable[str],
    max_age: int | None,
    spend: Spend | None,
) -> Need:
    """What a route asks for. Raises ValueError for a name that the catalog lacks, or whose amount
    is not told, and for an age that is none."""
    names = server.declare(*permissions)
    check_amounts(server.catalog, names, told=spend is not None)
    return Need(permissions=names, sign_in=sign_in(acr, max_age), spend=spend)
