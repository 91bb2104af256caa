"""The kit spends: each use of what a user has limited comes out of a lease.

What is left over goes back to the server: by whoever held it, as soon as the server is there; for a
process that was killed, by another one of this machine (see `journal`).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from valetkey.jose import seal
from valetkey.resource import lease_journal
from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Wrong
from valetkey.resource.lease_cache import Form, Held, Purse, seconds
from valetkey.resource.lease_journal import NOWHERE, Journal, Note, Slot
from valetkey.resource.principal import Principal
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission
from valetkey.wire.lease import GRACE, LONGEST_LEASE, MOST, PATH, RETURN_PATH, Answer

MOST_PURSES: Final = 10_000
"""From which on the empty ones are dropped."""

TIDY: Final = 5.0
"""Seconds between two looks at what was left over, one's own and of the dead."""

SELDOM: Final = 60.0
"""Seconds between two looks while the server cannot take anything back, at most."""

AT_ONCE: Final = 16
"""Leases that are returned side by side."""

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


class Place(msgspec.Struct, frozen=True):
    """Where this process notes what it has at hand (see `journal.ready`), and for whom."""

    folder: Path | None
    whose: str


class Leftover(msgspec.Struct, frozen=True, eq=False):
    """What gives back the rest of a lease, and where that is noted."""

    form: Form
    until: float
    slot: Slot


class Spending:
    """The purses of one event loop."""

    def __init__(self, post: Post, place: Place | None = None) -> None:
        """With no place, what is at hand ends with the process."""
        self._post = post
        self._place = place
        self._whose = "" if place is None else seal.digest(place.whose)[:16]
        self._folder: Path | None = None
        self._journal: Journal | None = None
        self._purses: dict[tuple[str, str], Purse] = {}
        self._left: list[Leftover] = []
        self._tidying: asyncio.Task[None] | None = None
        self._pause = TIDY
        self._next: asyncio.TimerHandle | None = None

    async def use(self, whose: Principal, permission: str, amount: int) -> Use:
        """One use of the permission. Raises Spent, Unreachable."""
        name = whose.grant_id, permission
        purse = self._purses.get(name) or self._new(name)
        fields = _fields(whose, permission)
        held = await purse.spend(amount, whose.grant_version, partial(self._ask, fields))
        return Use(held, amount)

    async def close(self) -> None:
        """Returns all that is at hand."""
        for name, purse in self._purses.items():
            self._give_back(purse, name)
        self._purses = {}
        if self._next is not None:
            self._next.cancel()
        if self._tidying is not None:
            await asyncio.wait([self._tidying])
        if self._left:
            await self._return_left()
        if self._journal is not None:
            self._journal.close()

    def _new(self, name: tuple[str, str]) -> Purse:
        self._begin()
        if len(self._purses) >= MOST_PURSES:
            self._purses = {key: one for key, one in self._purses.items() if not one.idle}

        def taken(purse: Purse, held: Held) -> None:
            # What lies idle is somebody else's to use.
            after = max(held.until - seconds(), 0)
            asyncio.get_running_loop().call_later(after, self._ended, purse, held, name)

        def note(lease: str) -> Slot:
            until = seconds() + LONGEST_LEASE
            return self._journal.note(*name, lease, until=until) if self._journal else NOWHERE

        self._purses[name] = Purse(taken, on_left=partial(self._keep, name), note=note)
        return self._purses[name]

    def _begin(self) -> None:
        if self._next is not None:
            return
        if self._place is not None:
            self._folder = lease_journal.ready(self._place.folder)
        if self._place is not None and self._folder is not None:
            try:
                self._journal = Journal(self._folder, self._whose)
            except OSError as trouble:
                log.info("what is leased is not noted: %s", trouble)
        self._tidy()

    # --- what is left over ---

    def _ended(self, purse: Purse, held: Held, name: tuple[str, str]) -> None:
        if purse.held is held:
            self._give_back(purse, name)

    def _give_back(self, purse: Purse, name: tuple[str, str]) -> None:
        held = purse.take()
        if held is not None:
            self._keep(name, held)
            if self._pause == TIDY:
                self._tidy_now()

    def _keep(self, name: tuple[str, str], held: Held) -> None:
        form = {"grant": name[0], "family": "-", "permission": name[1]} | held.left
        self._left.append(Leftover(form, held.until, held.slot))

    def _tidy(self) -> None:
        """Now, and from now on."""
        self._tidy_now()
        # Not all processes of a machine at once.
        after = self._pause * random.uniform(0.5, 1.5)  # noqa: S311 - nothing is guarded by it
        self._next = asyncio.get_running_loop().call_later(after, self._tidy)

    def _tidy_now(self) -> None:
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().create_task(self._tidied())

    async def _tidied(self) -> None:
        """What cannot be returned now is tried less and less often: a server that has too much to
        do is given no more."""
        try:
            done = await self._return_left() and await self._return_of_the_dead()
            self._pause = TIDY if done else min(2 * self._pause, SELDOM)
        finally:
            self._tidying = None

    async def _return_left(self) -> bool:
        """Returns what is left over; whether the server was there for it."""
        while self._left:
            some = self._left[:AT_ONCE]
            done = await asyncio.gather(*(self._returned(one.form) for one in some))
            for one, is_done in zip(some, done, strict=True):
                if is_done or seconds() >= one.until + GRACE:
                    self._left.remove(one)
                    one.slot.free()
            if not all(done):
                return False
        return True

    async def _return_of_the_dead(self) -> bool:
        for path, notes in self._orphans():
            due = [one for one in notes if seconds() < one.until + GRACE]
            if due and not lease_journal.is_of(path, self._whose):
                continue
            for one in due:
                if not await self._returned(_form(one)):
                    return False
            path.unlink(missing_ok=True)
        return True

    def _orphans(self) -> Iterator[tuple[Path, list[Note]]]:
        return iter(()) if self._folder is None else lease_journal.orphans(self._folder)

    async def _returned(self, form: Form) -> bool:
        """Whether there is nothing more to do about it."""
        try:
            await self._post(RETURN_PATH, form)
        except Wrong as trouble:
            log.warning("a lease is not returned: %s", trouble)
        except Unreachable as trouble:
            log.info("a lease is not returned yet: %s", trouble)
            return False
        return True

    async def _ask(self, fields: Form, form: Form) -> Answer:
        answer = await self._post(PATH, fields | form)
        try:
            return _ANSWER.decode(answer)
        except ValueError as error:  # also where it is no UTF-8
            raise Unreachable("the lease cannot be read") from error


_ANSWER: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)


def _form(note: Note) -> Form:
    about = {"grant": note.grant, "family": "-", "permission": note.permission, "back": note.lease}
    if note.uses is None:
        return about | {"unspent": "all"}
    return about | {"unused_uses": str(note.uses), "unused_amount": str(note.amount or 0)}


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
