"""Is it alive, is it ready? For whoever runs the server."""

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
from valetkey.server.store.port import Store, Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

FRESH: Final = 1.0
"""Seconds for which a write that succeeded speaks for the next ones."""


class WriteProbe:
    """Writes a row that is forgotten at once, to see whether that can be done. However many ask,
    there is one such write in a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = float("-inf")
        self._under_way: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Returns where a write succeeds. Raises Unavailable."""
        if time.monotonic() - self._written < FRESH:
            return
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._write())
            self._under_way.add_done_callback(_seen)
        await asyncio.shield(self._under_way)

    async def _write(self) -> None:
        since = time.monotonic()
        row = SingleUse(purpose="readiness", value=urandom(16).hex(), expires=int(time.time()))
        await self._store.commit([Create(row)])
        self._written = since


def health(shell: Shell) -> dict[str, MethodHandler]:
    """`/healthz`: the process answers. `/readyz`: it can open files, its keys are open, its
    database answers now, and took a write in the last second."""
    probe = WriteProbe(shell.store)

    async def alive(request: Request) -> Reply:
        return json_reply({"status": "ok"})

    async def ready(request: Request) -> Reply:
        if not file_limit.room():
            raise TemporarilyUnavailable("no file can be opened")
        try:
            await shell.context()
            await shell.store.read()
        except Unavailable as error:
            return _not_ready(request, "keys and settings cannot be read from the database", error)
        try:
            await probe.check()
        except Unavailable as error:
            return _not_ready(request, "the database takes no writes", error)
        return json_reply({"status": "ok"})

    methods = frozenset({"GET", "HEAD"})
    return {"/healthz": MethodHandler(methods, alive), "/readyz": MethodHandler(methods, ready)}


def _not_ready(request: Request, why: str, error: Unavailable) -> Reply:
    # The detail, which may name files and hosts, is for the log alone.
    return refuse_json(request, TemporarilyUnavailable(why, detail=str(error)))


def _seen(task: "asyncio.Task[None]") -> None:
    """Whoever still waits is told why it failed; where nobody does, it is no news."""
    if not task.cancelled():
        task.exception()
