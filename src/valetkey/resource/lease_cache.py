"""What a node holds of a limit, and how it spends: from what is at hand, else from the server.

The server has deducted what is at hand, so spending it needs no word with anybody. A purse stops
before its lease ends by the server's clock, because it counts from before it asked.
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
"""Seconds: what is used up sooner was too little."""

MOST_WANTED: Final = 1024

TOLD: Final = 2.0
"""Seconds for which a refusal is not asked for again, at most: the user may raise the limit."""

TRIES: Final = 3
"""Leases that may be too old or too small when they arrive."""

Form: TypeAlias = dict[str, str]
Ask: TypeAlias = Callable[[Form], Awaitable[Answer]]

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


def seconds() -> float:
    """A time that no step of a clock takes back, and that goes on while the machine sleeps."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Spent(Exception):
    """There is nothing to spend."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.limit)
        self.refusal = refusal


class Held(msgspec.Struct, eq=False):
    """A lease at hand. `uses` and `amount` go down; None for not counted. `slot`: where that is
    noted."""

    lease: Leased
    since: float
    until: float
    uses: int | None
    amount: int | None
    slot: Slot = NOWHERE

    def spend(self, amount: int, now: float) -> bool:
        """One use of this amount, where there is enough, about which nobody is asked."""
        asks = self.lease.ask_above
        if now >= self.until or (asks is not None and amount > asks):
            return False
        if self.uses == 0 or (self.amount is not None and self.amount < amount):
            return False
        self._add(-1, -amount)
        return True

    def undo(self, amount: int) -> None:
        """The use was not made after all."""
        self._add(1, amount)

    def _add(self, uses: int, amount: int) -> None:
        if self.uses is not None:
            self.uses += uses
        if self.amount is not None:
            self.amount += amount
        self.slot.left(self.uses or 0, self.amount or 0)

    @property
    def left(self) -> Form:
        """What gives it back."""
        return {
            "back": self.lease.lease,
            "unused_uses": str(self.uses or 0),
            "unused_amount": str(self.amount or 0),
        }


class Purse:
    """What is at hand of one permission of one grant."""

    def __init__(
        self,
        on_lease: Callable[["Purse", Held], None],
        *,
        on_left: Callable[[Held], None] = lambda held: None,
        note: Callable[[str], Slot] = lambda lease: NOWHERE,
    ) -> None:
        """`on_lease` is told of each lease that is taken, `on_left` of each that may not have been
        given back; `note` tells where a lease of this name is noted."""
        self._on_lease = on_lease
        self._on_left = on_left
        self._note = note
        self._turn = asyncio.Lock()
        self._wanted = 1
        self._in_vain = 0
        self._pending: Form = {}
        self._slot = NOWHERE
        self._giving: Held | None = None
        self._refusal: Refused | None = None
        self._refused_amount = 0
        self._refused_until = 0.0
        self.held: Held | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it, and it holds nothing."""
        return self.held is None and not self._turn.locked()

    def at_hand(self, amount: int, version: int) -> Held | None:
        """One use of what is at hand, unless the grant has changed since: the lease that it came
        from."""
        held = self.held
        if held is None or version > held.lease.grant_version:
            return None
        return held if held.spend(amount, seconds()) else None

    async def spend(self, amount: int, version: int, ask: Ask) -> Held | None:
        """One use of this amount; the lease that it came from, None for one of its own. `ask` sends
        a form to the server. Raises Spent, Unreachable."""
        held = self.at_hand(amount, version)
        if held is not None:
            return held
        in_vain = self._in_vain
        # One question, however many need the answer, or learn that there is none.
        async with self._turn:
            held = self.at_hand(amount, version)
            if held is not None:
                return held
            if self._in_vain != in_vain:
                raise Unreachable("no lease, while others waited for one")
            self._check_refusal(amount, version)
            try:
                return await self._lease(amount, ask)
            except Unreachable:
                self._in_vain += 1
                raise

    def take(self) -> Held | None:
        """What is at hand, to be given back: it is spent no more."""
        held, self.held = self.held, None
        return held

    async def _lease(self, amount: int, ask: Ask) -> Held | None:
        for _ in range(TRIES):
            answer, since = await self._answer(amount, ask)
            if isinstance(answer, Refused):
                self._remember(answer, amount)
                raise Spent(answer)
            if answer.exact:
                return None
            held = self._taken(answer, since)
            self.held = held
            self._on_lease(self, held)
            if held.spend(amount, seconds()):
                return held
            # The answer to an earlier question: too old by now, or too little.
        raise Unreachable("every lease is over when it arrives")

    async def _answer(self, amount: int, ask: Ask) -> tuple[Answer, float]:
        asks = None if self.held is None else self.held.lease.ask_above
        if asks is not None and amount > asks:
            # What the user is asked about leaves what is at hand as it is.
            return await ask(self._form(amount)), seconds()
        self._learn()
        # Should the answer be lost, the same question brings the same lease.
        if not self._pending:
            self._pending = self._form(amount)
            self._slot = self._note(self._pending["lease"])
            self._giving = self.take()
        form = self._pending | ({} if self._giving is None else self._giving.left)
        try:
            since = seconds()
            answer = await ask(form)
        except Unreachable:
            # It may have been heard all the same.
            since = seconds()
            answer = await self._again(form, ask)
        if self._giving is not None:
            self._giving.slot.free()
        if not isinstance(answer, Leased) or answer.exact:
            self._slot.free()
        self._pending, self._giving = {}, None
        return answer, since

    async def _again(self, form: Form, ask: Ask) -> Answer:
        try:
            return await ask(form)
        except Unreachable:
            # What was held is given back by itself from now on.
            if self._giving is not None:
                self._on_left(self._giving)
            self._giving = None
            raise

    def _taken(self, lease: Leased, since: float) -> Held:
        slot, self._slot = self._slot, NOWHERE
        held = Held(lease, since, since + lease.expires_in, lease.uses, lease.amount, slot)
        slot.hold(held.uses or 0, held.amount or 0, held.until)
        return held

    def _form(self, amount: int) -> Form:
        return {
            "lease": base64url.encode(urandom(16)),
            "uses": str(self._wanted),
            "amount": str(amount),
            "reserve": str(amount * self._wanted),
        }

    def _learn(self) -> None:
        """Asks for more, where the last lease was used up at once, and for less, where it ended."""
        held, now = self.held, seconds()
        if held is None:
            return
        if now >= held.until:
            self._wanted = max(self._wanted // 2, 1)
        elif now < held.since + BRISK:
            self._wanted = min(self._wanted * 2, MOST_WANTED)

    def _check_refusal(self, amount: int, version: int) -> None:
        """Raises Spent where the server has just said so."""
        told = self._refusal
        if told is None or version > told.grant_version or seconds() >= self._refused_until:
            return
        if told.limit != "much" or amount >= self._refused_amount:
            raise Spent(told)

    def _remember(self, refusal: Refused, amount: int) -> None:
        if refusal.limit in {"often", "much", "hours"}:
            self._refusal, self._refused_amount = refusal, amount
            self._refused_until = seconds() + min(refusal.again_in or TOLD, TOLD)
