"""Leases of a user's limit, in one process: uses come from the current lease, or from a new one.

The server has deducted the whole lease, so a use of it needs no request. The process stops to use a
lease before it ends by the server's clock, because it counts from before its request.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from os import urandom
from typing import Final, TypeAlias

import msgspec

from valetkey.jose import base64url
from valetkey.resource.errors import Unreachable
from valetkey.resource.lease_journal import NOWHERE, Slot
from valetkey.wire.lease import Answer, Leased, Refused

BRISK: Final = 5.0
"""Seconds: a lease that is used up sooner was too small."""

MAX_USES: Final = 1024

REFUSAL_SECONDS: Final = 2.0
"""Seconds for which a refusal is remembered, at most: the user may raise the limit."""

TRIES: Final = 3
"""Leases that may be too old or too small when they arrive."""

Form: TypeAlias = dict[str, str]
Ask: TypeAlias = Callable[[Form], Awaitable[Answer]]

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


def seconds() -> float:
    """A clock that never goes back, and that goes on while the machine sleeps."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Spent(Exception):
    """The limit is used up. `refusal` is the server's answer."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.limit)
        self.refusal = refusal


class CurrentLease(msgspec.Struct, eq=False):
    """A lease in use. `uses` and `amount` go down; None if they are not counted. `slot` is its note
    in the journal."""

    lease: Leased
    since: float
    until: float
    uses: int | None
    amount: int | None
    slot: Slot = NOWHERE

    def spend(self, amount: int, now: float) -> bool:
        """Takes one use of this amount. False if the lease is over or too small, or if the user
        wants to be asked about the amount."""
        asks = self.lease.ask_above
        if now >= self.until or (asks is not None and amount > asks):
            return False
        if self.uses == 0 or (self.amount is not None and self.amount < amount):
            return False
        self._add(-1, -amount)
        return True

    def undo(self, amount: int) -> None:
        """Gives one use back that was not made."""
        self._add(1, amount)

    def _add(self, uses: int, amount: int) -> None:
        if self.uses is not None:
            self.uses += uses
        if self.amount is not None:
            self.amount += amount
        self.slot.update(self.uses or 0, self.amount or 0)

    @property
    def return_form(self) -> Form:
        """The form fields that return the rest of it."""
        return {
            "back": self.lease.lease,
            "unused_uses": str(self.uses or 0),
            "unused_amount": str(self.amount or 0),
        }


class LeaseCache:
    """The leases of one permission of one grant."""

    def __init__(
        self,
        on_lease: Callable[["LeaseCache", CurrentLease], None],
        *,
        on_left: Callable[[CurrentLease], None] = lambda held: None,
        note: Callable[[str], Slot] = lambda lease: NOWHERE,
    ) -> None:
        """`on_lease` gets each new lease, and `on_left` each one that may not have been returned.
        `note` gives a journal slot for the id of a lease."""
        self._on_lease = on_lease
        self._on_left = on_left
        self._note = note
        self._turn = asyncio.Lock()
        self._next_uses = 1
        self._in_vain = 0
        self._pending: Form = {}
        self._slot = NOWHERE
        self._returning: CurrentLease | None = None
        self._refusal: Refused | None = None
        self._refused_amount = 0
        self._refused_until = 0.0
        self.current: CurrentLease | None = None

    @property
    def idle(self) -> bool:
        """Whether it has no lease, and no caller waits for one."""
        return self.current is None and not self._turn.locked()

    def at_hand(self, amount: int, version: int) -> CurrentLease | None:
        """Takes one use of the current lease, and returns that lease. None if there is none, if it
        is too small, or if the grant has changed since."""
        lease = self.current
        if lease is None or version > lease.lease.grant_version:
            return None
        return lease if lease.spend(amount, seconds()) else None

    async def spend(self, amount: int, version: int, ask: Ask) -> CurrentLease | None:
        """Takes one use of this amount, and returns its lease; None for a lease of its own. `ask`
        sends a form to the server. Raises Spent, Unreachable."""
        lease = self.at_hand(amount, version)
        if lease is not None:
            return lease
        in_vain = self._in_vain
        # One request, however many callers wait: they share its answer, or its failure.
        async with self._turn:
            lease = self.at_hand(amount, version)
            if lease is not None:
                return lease
            if self._in_vain != in_vain:
                raise Unreachable("no lease, while others waited for one")
            self._check_refusal(amount, version)
            try:
                return await self._lease(amount, ask)
            except Unreachable:
                self._in_vain += 1
                raise

    def take(self) -> CurrentLease | None:
        """Removes the current lease, so that it can be returned."""
        lease, self.current = self.current, None
        return lease

    async def _lease(self, amount: int, ask: Ask) -> CurrentLease | None:
        for _ in range(TRIES):
            answer, since = await self._answer(amount, ask)
            if isinstance(answer, Refused):
                self._remember(answer, amount)
                raise Spent(answer)
            if answer.exact:
                return None
            lease = self._current_lease(answer, since)
            self.current = lease
            self._on_lease(self, lease)
            if lease.spend(amount, seconds()):
                return lease
            # The answer to an earlier request: too old or too small by now.
        raise Unreachable("every lease is over when it arrives")

    async def _answer(self, amount: int, ask: Ask) -> tuple[Answer, float]:
        asks = None if self.current is None else self.current.lease.ask_above
        if asks is not None and amount > asks:
            # A use that the user is asked about has a lease of its own.
            return await ask(self._form(amount)), seconds()
        self._learn()
        # If the answer is lost, the same request gets the same lease.
        if not self._pending:
            self._pending = self._form(amount)
            self._slot = self._note(self._pending["lease"])
            self._returning = self.take()
        form = self._pending | ({} if self._returning is None else self._returning.return_form)
        try:
            since = seconds()
            answer = await ask(form)
        except Unreachable:
            # The server may have got the request.
            since = seconds()
            answer = await self._again(form, ask)
        if self._returning is not None:
            self._returning.slot.free()
        if not isinstance(answer, Leased) or answer.exact:
            self._slot.free()
        self._pending, self._returning = {}, None
        return answer, since

    async def _again(self, form: Form, ask: Ask) -> Answer:
        try:
            return await ask(form)
        except Unreachable:
            # The old lease is returned by a request of its own.
            if self._returning is not None:
                self._on_left(self._returning)
            self._returning = None
            raise

    def _current_lease(self, answer: Leased, since: float) -> CurrentLease:
        slot, self._slot = self._slot, NOWHERE
        until = since + answer.expires_in
        slot.hold(answer.uses or 0, answer.amount or 0, until)
        return CurrentLease(answer, since, until, answer.uses, answer.amount, slot)

    def _form(self, amount: int) -> Form:
        return {
            "lease": base64url.encode(urandom(16)),
            "uses": str(self._next_uses),
            "amount": str(amount),
            "reserve": str(amount * self._next_uses),
        }

    def _learn(self) -> None:
        """Doubles the next lease if the last one was used up at once, and halves it if it ended
        unused."""
        lease, now = self.current, seconds()
        if lease is None:
            return
        if now >= lease.until:
            self._next_uses = max(self._next_uses // 2, 1)
        elif now < lease.since + BRISK:
            self._next_uses = min(self._next_uses * 2, MAX_USES)

    def _check_refusal(self, amount: int, version: int) -> None:
        """Raises Spent if the server has refused the same a moment ago."""
        refusal = self._refusal
        if refusal is None or version > refusal.grant_version or seconds() >= self._refused_until:
            return
        if refusal.limit != "much" or amount >= self._refused_amount:
            raise Spent(refusal)

    def _remember(self, refusal: Refused, amount: int) -> None:
        if refusal.limit in {"often", "much", "hours"}:
            self._refusal, self._refused_amount = refusal, amount
            self._refused_until = seconds() + min(
                refusal.again_in or REFUSAL_SECONDS, REFUSAL_SECONDS
            )
