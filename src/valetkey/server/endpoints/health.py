"""Health checks for operators: alive, and ready."""

import asyncio
import time
from os import urandom
from typing import Final

from valetkey.server.http import file_limit
from valetkey.server.http.front import MethodHandler, refuse_json
from valetkey.server.http.reply import Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.store.keyring import run_signing
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.revocations.shipping import ShippingStore
from valetkey.spec.errors import TemporarilyUnavailable

FRESH: Final = 1.0
"""Seconds for which a successful write answers further checks."""


class WriteProbe:
    """Writes a row that expires at once, to check that the database takes writes. There is one such
    write per second, however many checks come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = float("-inf")
        self._running: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Returns if a write succeeds. Raises Unavailable."""
        if time.monotonic() - self._written < FRESH:
            return
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._write())
            self._running.add_done_callback(_ignore_failure)
        await asyncio.shield(self._running)

    async def _write(self) -> None:
        since = time.monotonic()
        row = SingleUse(purpose="readiness", value=urandom(16).hex(), expires=int(time.time()))
        await self._store.commit([Create(row)])
        self._written = since


def health(shell: Shell, shipped: ShippingStore | None = None) -> dict[str, MethodHandler]:
    """The handlers of `/healthz` (the process answers) and `/readyz` (it is not about to stop, it
    can open files, its keys are open and sign, its database answers now, and took a write in the
    last second). `shipped` is the store that writes revocations beside the database, if one does:
    where it can't, the answer says so, and is no refusal."""
    probe = WriteProbe(shell.store)
    draining = asyncio.Event()

    async def alive(request: Request) -> Reply:
        return json_reply({"status": "ok"})

    async def ready(request: Request) -> Reply:
        if draining.is_set():
            raise TemporarilyUnavailable("the server is about to stop")
        if not file_limit.room():
            raise TemporarilyUnavailable("no file can be opened")
        try:
            context = await shell.context()
            await shell.store.read()
        except Unavailable as error:
            return _not_ready(request, "keys and settings cannot be read from the database", error)
        ring = context.installation.keyring
        if ring.check_token is not None:
            try:
                await run_signing(ring, ring.check_token)
            except Unavailable as error:
                return _not_ready(request, "what holds the signing keys does not sign", error)
        try:
            await probe.check()
        except Unavailable as error:
            return _not_ready(request, "the database takes no writes", error)
        document = {"status": "ok"}
        if shipped is not None and shipped.numbers.is_failing:
            # All else is answered, and another node has the same place.
            document["revocations"] = "cannot be written"
        return json_reply(document)

    methods = frozenset({"GET", "HEAD"})
    return {
        "/healthz": MethodHandler(methods, alive),
        "/readyz": MethodHandler(methods, ready, drain=draining.set),
    }


def _not_ready(request: Request, why: str, error: Unavailable) -> Reply:
    # The detail, which may name files and hosts, is for the log alone.
    return refuse_json(request, TemporarilyUnavailable(why, detail=str(error)))


def _ignore_failure(task: "asyncio.Task[None]") -> None:
    """Checks that wait get the exception; without any, asyncio need not report it."""
    if not task.cancelled():
        task.exception()
