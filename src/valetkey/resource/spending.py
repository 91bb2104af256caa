"""The kit spends: each use of what a user has limited comes out of a lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import partial
from typing import Final, TypeAlias

import msgspec

from valetkey.resource.errors import Unreachable
from valetkey.resource.principal import Principal
from valetkey.resource.purse import Form, Held, Purse, seconds
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission
from valetkey.wire.lease import MOST, PATH, RETURN_PATH, Answer

MOST_PURSES: Final = 10_000
"""From which on the empty ones are dropped."""

LONGEST: Final = 64
"""Characters of an amount that is told as text."""

_EXACT: Final = Context(prec=LONGEST, traps=[InvalidOperation, Inexact])

Amount: TypeAlias = Decimal | int | str
"""In the permission's own unit. No float: cents would be lost."""

Post: TypeAlias = Callable[[str, Form], Awaitable[bytes]]
"""Sends a form to that path of the server. Raises Unreachable."""

log = logging.getLogger("valetkey.resource")


class Use(msgspec.Struct, frozen=True, eq=False):
    """A use that was paid for, and from which lease; None for one of its own."""

    held: Held | None
    amount: int

    def undo(self) -> None:
        """Puts it back: it was not made after all. A lease of its own is gone."""
        if self.held is not None:
            self.held.undo(self.amount)


class Spending:
    """The purses of one event loop."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._purses: dict[tuple[str, str], Purse] = {}
        self._returning: set[asyncio.Task[None]] = set()

    async def use(self, whose: Principal, permission: str, amount: int) -> Use:
        """One use of the permission. Raises Spent, Unreachable."""
        name = whose.grant_id, permission
        purse = self._purses.get(name) or self._new(name, whose)
        fields = _fields(whose, permission)
        held = await purse.spend(amount, whose.grant_version, partial(self._ask, fields))
        return Use(held, amount)

    async def close(self) -> None:
        """Returns all that is at hand."""
        for (grant, permission), purse in self._purses.items():
            self._give_back(purse, {"grant": grant, "family": "-", "permission": permission})
        if self._returning:
            await asyncio.wait(self._returning)

    def _new(self, name: tuple[str, str], whose: Principal) -> Purse:
        if len(self._purses) >= MOST_PURSES:
            self._purses = {key: one for key, one in self._purses.items() if not one.idle}
        fields = _fields(whose, name[1])

        def taken(purse: Purse, held: Held) -> None:
            # What lies idle is somebody else's to use.
            after = max(held.until - seconds(), 0)
            asyncio.get_running_loop().call_later(after, self._ended, purse, held, fields)

        self._purses[name] = Purse(taken)
        return self._purses[name]

    def _ended(self, purse: Purse, held: Held, fields: Form) -> None:
        if purse.held is held:
            self._give_back(purse, fields)

    def _give_back(self, purse: Purse, fields: Form) -> None:
        left = purse.take()
        if not left:
            return
        task = asyncio.get_running_loop().create_task(self._return(fields | left))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _return(self, form: Form) -> None:
        try:
            await self._post(RETURN_PATH, form)
        except Unreachable as trouble:
            log.info("a lease is stranded until its period ends: %s", trouble)

    async def _ask(self, fields: Form, form: Form) -> Answer:
        answer = await self._post(PATH, fields | form)
        try:
            return _ANSWER.decode(answer)
        except msgspec.DecodeError as error:
            raise Unreachable("the lease cannot be read") from error


_ANSWER: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)


def _fields(whose: Principal, permission: str) -> Form:
    return {
        "grant": whose.grant_id,
        "family": whose.token.family_id,
        "permission": permission,
    }


def units(amount: Amount, permission: Permission) -> int:
    """The amount in the smallest unit. Raises InvalidRequest for one that is none."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise InvalidRequest("the amount is no number")
    if isinstance(amount, str) and len(amount) > LONGEST:
        raise InvalidRequest("the amount is no number")
    try:
        exact = Decimal(amount)
        # Before it is multiplied or made whole: that of 1e999999 takes minutes.
        if not (exact.is_finite() and 0 < exact <= MOST):
            raise InvalidRequest("the amount is nothing, below nothing or too much")
        scaled = exact.scaleb(permission.decimals, _EXACT)
    except (InvalidOperation, ValueError) as error:
        raise InvalidRequest("the amount is no number") from error
    if scaled != scaled.to_integral_value():
        raise InvalidRequest(f"the amount has more than {permission.decimals} decimals")
    if scaled > MOST:
        raise InvalidRequest("the amount is too much")
    return int(scaled)
