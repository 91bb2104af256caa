"""Usage reports: which permissions were used on which day, sent in batches."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final, TypeAlias

import httpx2

from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.principal import Principal
from valetkey.wire import lease
from valetkey.wire.lease import DAY, MOST_USAGES, PARAMETER, FamilyUsage

INTERVAL: Final = 30.0
"""Seconds between two reports."""

FIRST: Final = 1.0
"""Seconds from the first use to the first report."""

REMEMBERED: Final = 50_000
"""Uses of a day that are remembered as reported; beyond that, some are reported again."""

log = logging.getLogger("valetkey.resource")


Whose: TypeAlias = tuple[str, tuple[str, ...]]
"""The token family of a use, and the delegates that the server does not know by itself."""


def _whose(caller: Principal) -> Whose:
    return caller.token.family_id, caller.offline_delegates


class Usage:
    """Notes uses, and reports them to the authorization server now and then. Noting a use costs one
    look into a set, and no call waits for a report."""

    def __init__(self, issuer: Issuer, http: Http, credentials: httpx2.Auth | None) -> None:
        """Without credentials, nothing is noted."""
        self._issuer = issuer
        self._http = http
        self._credentials = credentials
        self._day = 0
        self._reported_uses: set[tuple[Whose, str]] = set()
        self._pending: dict[Whose, set[str]] = {}
        self._next = float("-inf")
        self._sending: asyncio.Task[None] | None = None

    def is_new(self, caller: Principal, permissions: Sequence[str]) -> bool:
        """Whether one of the uses is not noted yet. May be called on any thread."""
        if self._credentials is None or not caller.token.family_id:
            return False
        whose = _whose(caller)
        reported = self._reported_uses
        return int(time.time()) // DAY != self._day or any(
            (whose, one) not in reported for one in permissions
        )

    def note(self, caller: Principal, permissions: Sequence[str]) -> None:
        """Notes a use of these permissions. Call it in a running event loop."""
        if self._credentials is None or not caller.token.family_id:
            return
        whose = _whose(caller)
        today = int(time.time()) // DAY
        if today != self._day or len(self._reported_uses) > REMEMBERED:
            self._day = today
            self._reported_uses.clear()
        for one in permissions:
            use = (whose, one)
            if use not in self._reported_uses:
                self._reported_uses.add(use)
                self._pending.setdefault(whose, set()).add(one)
        if self._pending and self._pending_task() is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_later())

    async def close(self) -> None:
        """Reports the rest, if the server answers."""
        sending, self._sending = self._pending_task(), None
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        await self._send()

    def _pending_task(self) -> asyncio.Task[None] | None:
        """The pending report of this event loop. One from before a fork is never sent."""
        task = self._sending
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            return None
        return task

    async def _send_later(self) -> None:
        try:
            await asyncio.sleep(max(FIRST, self._next - time.monotonic()))
            self._next = time.monotonic() + INTERVAL
            await self._send()
        finally:
            self._sending = None

    async def _send(self) -> None:
        while self._pending:
            first = list(self._pending)[:MOST_USAGES]
            batch = {whose: self._pending.pop(whose) for whose in first}
            if not await self._report(batch):
                # Reported at the next use: any use of the day will do.
                self._reported_uses -= {
                    (whose, one) for whose, uses in batch.items() for one in uses
                }
                return

    async def _report(self, batch: dict[Whose, set[str]]) -> bool:
        report = tuple(
            FamilyUsage(family=family, permissions=tuple(sorted(uses)), delegates=delegates)
            for (family, delegates), uses in batch.items()
        )
        try:
            address = (await self._issuer.metadata()).permission_usage_endpoint
            if not address:
                return True
            form = {PARAMETER: lease.write(report)}
            await self._http.post(address, form, self._credentials)
        except Unreachable as trouble:
            log.info("usage is not reported: %s", trouble)
            return False
        return True
