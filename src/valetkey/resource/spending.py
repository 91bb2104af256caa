"""Takes each use of a limited permission from a lease, and returns the rest of the leases.

A process returns its own leases, as soon as the server answers. The leases of a process that was
killed are returned by another one on the same machine (see `lease_journal`).
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
from valetkey.resource.lease_cache import CurrentLease, Form, LeaseCache, seconds
from valetkey.resource.lease_journal import NOWHERE, Journal, Note, Slot
from valetkey.resource.principal import Principal
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission
from valetkey.wire.lease import GRACE, LONGEST_LEASE, MOST, PATH, RETURN_PATH, Answer

MAX_CACHES: Final = 10_000
"""Beyond that, the idle ones are dropped."""

TIDY: Final = 5.0
"""Seconds between two rounds of returning leases."""

SELDOM: Final = 60.0
"""The largest number of these seconds, while the server does not answer."""

AT_ONCE: Final = 16
"""Leases that are returned side by side."""

LONGEST: Final = 64
"""Characters of an amount that is a text."""

_EXACT: Final = Context(prec=LONGEST, traps=[InvalidOperation, Inexact])

Amount: TypeAlias = Decimal | int | str
"""In the permission's own unit. No float: cents would be lost."""

Post: TypeAlias = Callable[[str, Form], Awaitable[bytes]]
"""Sends a form to that path of the server. Raises Unreachable."""

log = logging.getLogger("valetkey.resource")


class Use(msgspec.Struct, frozen=True, eq=False):
    """A use that was counted, and its lease; None for a lease of its own."""

    lease: CurrentLease | None
    amount: int

    def undo(self) -> None:
        """Gives back a use that was not made. A lease of its own cannot be given back."""
        if self.lease is not None:
            self.lease.undo(self.amount)


class JournalPlace(msgspec.Struct, frozen=True):
    """The folder where this process notes its leases (see `lease_journal.ready`), and the name of
    their owner."""

    folder: Path | None
    whose: str


class UnreturnedLease(msgspec.Struct, frozen=True, eq=False):
    """The form that returns the rest of a lease, and the journal slot of the lease."""

    form: Form
    until: float
    slot: Slot


class Spending:
    """The lease caches of one event loop."""

    def __init__(self, post: Post, place: JournalPlace | None = None) -> None:
        """Without a place, leases are not noted, and end with the process."""
        self._post = post
        self._place = place
        self._whose = "" if place is None else seal.digest(place.whose)[:16]
        self._folder: Path | None = None
        self._journal: Journal | None = None
        self._caches: dict[tuple[str, str], LeaseCache] = {}
        self._unreturned: list[UnreturnedLease] = []
        self._tidying: asyncio.Task[None] | None = None
        self._pause = TIDY
        self._next: asyncio.TimerHandle | None = None

    async def use(self, whose: Principal, permission: str, amount: int) -> Use:
        """One use of the permission. Raises Spent, Unreachable."""
        name = whose.grant_id, permission
        cache = self._caches.get(name) or self._new(name)
        fields = _fields(whose, permission)
        lease = await cache.spend(amount, whose.grant_version, partial(self._ask, fields))
        return Use(lease, amount)

    async def close(self) -> None:
        """Returns all leases."""
        for name, cache in self._caches.items():
            self._give_back(cache, name)
        self._caches = {}
        if self._next is not None:
            self._next.cancel()
        if self._tidying is not None:
            await asyncio.wait([self._tidying])
        if self._unreturned:
            await self._return_own()
        if self._journal is not None:
            self._journal.close()

    def _new(self, name: tuple[str, str]) -> LeaseCache:
        self._begin()
        if len(self._caches) >= MAX_CACHES:
            self._caches = {key: one for key, one in self._caches.items() if not one.idle}

        def return_later(cache: LeaseCache, lease: CurrentLease) -> None:
            # An idle lease is returned, so that others can use it.
            after = max(lease.until - seconds(), 0)
            asyncio.get_running_loop().call_later(after, self._return_ended, cache, lease, name)

        def note(lease: str) -> Slot:
            until = seconds() + LONGEST_LEASE
            return self._journal.note(*name, lease, until=until) if self._journal else NOWHERE

        self._caches[name] = LeaseCache(return_later, on_left=partial(self._keep, name), note=note)
        return self._caches[name]

    def _begin(self) -> None:
        if self._next is not None:
            return
        if self._place is not None:
            self._folder = lease_journal.ready(self._place.folder)
        if self._place is not None and self._folder is not None:
            try:
                self._journal = Journal(self._folder, self._whose)
            except OSError as trouble:
                log.info("leases are not noted: %s", trouble)
        self._tidy()

    # --- leases are returned ---

    def _return_ended(self, cache: LeaseCache, lease: CurrentLease, name: tuple[str, str]) -> None:
        if cache.current is lease:
            self._give_back(cache, name)

    def _give_back(self, cache: LeaseCache, name: tuple[str, str]) -> None:
        lease = cache.take()
        if lease is not None:
            self._keep(name, lease)
            if self._pause == TIDY:
                self._tidy_now()

    def _keep(self, name: tuple[str, str], lease: CurrentLease) -> None:
        form = {"grant": name[0], "family": "-", "permission": name[1]} | lease.return_form
        self._unreturned.append(UnreturnedLease(form, lease.until, lease.slot))

    def _tidy(self) -> None:
        """Returns leases now, and again and again."""
        self._tidy_now()
        # Not all processes of a machine at once.
        after = self._pause * random.uniform(0.5, 1.5)  # noqa: S311 - nothing is guarded by it
        self._next = asyncio.get_running_loop().call_later(after, self._tidy)

    def _tidy_now(self) -> None:
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().create_task(self._return_all())

    async def _return_all(self) -> None:
        """Returns what can be returned. After a failure the next round comes later, so that a busy
        server does not get busier."""
        try:
            done = await self._return_own() and await self._return_orphans()
            self._pause = TIDY if done else min(2 * self._pause, SELDOM)
        finally:
            self._tidying = None

    async def _return_own(self) -> bool:
        """Returns this process's leases. False if the server did not answer."""
        while self._unreturned:
            some = self._unreturned[:AT_ONCE]
            results = await asyncio.gather(*(self._return(one.form) for one in some))
            for one, is_returned in zip(some, results, strict=True):
                if is_returned or seconds() >= one.until + GRACE:
                    self._unreturned.remove(one)
                    one.slot.free()
            if not all(results):
                return False
        return True

    async def _return_orphans(self) -> bool:
        for path, notes in self._orphans():
            due = [one for one in notes if seconds() < one.until + GRACE]
            if due and not lease_journal.is_of(path, self._whose):
                continue
            for one in due:
                if not await self._return(_form(one)):
                    return False
            path.unlink(missing_ok=True)
        return True

    def _orphans(self) -> Iterator[tuple[Path, list[Note]]]:
        return iter(()) if self._folder is None else lease_journal.orphans(self._folder)

    async def _return(self, form: Form) -> bool:
        """Whether the lease is settled: returned, or refused for good."""
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
    """The amount in the smallest unit. Raises InvalidRequest for a malformed one."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise InvalidRequest("the amount is no number")
    if isinstance(amount, str) and len(amount) > LONGEST:
        raise InvalidRequest("the amount is no number")
    try:
        exact = Decimal(amount)
        # Before any arithmetic: that of 1e999999 takes minutes.
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
