"""What was used when, gathered by the kit and reported in batches, each thing once a day."""

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
from valetkey.wire import usage
from valetkey.wire.usage import DAY, MOST, PARAMETER, FamilyUsage

INTERVAL: Final = 30.0
"""Seconds between two reports."""

FIRST: Final = 1.0
"""Seconds from the first use to the first report."""

REMEMBERED: Final = 50_000
"""Uses of a day that are known to be told; beyond that, some are told again."""

log = logging.getLogger("valetkey.resource")


Whose: TypeAlias = tuple[str, tuple[str, ...]]
"""The family of the key behind a use, and the hands of which the server does not know by itself."""


def _whose(caller: Principal) -> Whose:
    return caller.token.family_id, caller.alone


class Usage:
    """Notes uses, and tells the authorization server now and then. A use costs a look into a set;
    what cannot be told is told later, and nothing waits for it."""

    def __init__(self, issuer: Issuer, http: Http, credentials: httpx2.Auth | None) -> None:
        """With no credentials, nothing is gathered."""
        self._issuer = issuer
        self._http = http
        self._credentials = credentials
        self._day = 0
        self._told: set[tuple[Whose, str]] = set()
        self._untold: dict[Whose, set[str]] = {}
        self._next = float("-inf")
        self._sending: asyncio.Task[None] | None = None

    def is_news(self, caller: Principal, permissions: Sequence[str]) -> bool:
        """Whether `note` would learn anything; on any thread."""
        if self._credentials is None or not caller.token.family_id:
            return False
        whose = _whose(caller)
        told = self._told
        return int(time.time()) // DAY != self._day or any(
            (whose, one) not in told for one in permissions
        )

    def note(self, caller: Principal, permissions: Sequence[str]) -> None:
        """The key has just opened these. Called in a running event loop."""
        if self._credentials is None or not caller.token.family_id:
            return
        whose = _whose(caller)
        today = int(time.time()) // DAY
        if today != self._day or len(self._told) > REMEMBERED:
            self._day = today
            self._told.clear()
        for one in permissions:
            use = (whose, one)
            if use not in self._told:
                self._told.add(use)
                self._untold.setdefault(whose, set()).add(one)
        if self._untold and self._begun() is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_later())

    async def close(self) -> None:
        """Tells what is left, as far as it can be told."""
        sending, self._sending = self._begun(), None
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        await self._send()

    def _begun(self) -> asyncio.Task[None] | None:
        """What is about to be sent, in this event loop: one from before a fork never will be."""
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
        while self._untold:
            first = list(self._untold)[:MOST]
            batch = {whose: self._untold.pop(whose) for whose in first}
            if not await self._reported(batch):
                # Told again at the next use: it is a day's mark, and any use of the day makes it.
                self._told -= {(whose, one) for whose, uses in batch.items() for one in uses}
                return

    async def _reported(self, batch: dict[Whose, set[str]]) -> bool:
        report = tuple(
            FamilyUsage(family=family, permissions=tuple(sorted(uses)), delegates=hands)
            for (family, hands), uses in batch.items()
        )
        try:
            address = (await self._issuer.metadata()).permission_usage_endpoint
            if not address:
                return True
            form = {PARAMETER: usage.write(report)}
            await self._http.post(address, form, self._credentials)
        except Unreachable as trouble:
            log.info("usage is not reported: %s", trouble)
            return False
        return True
