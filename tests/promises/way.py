"""The network between APIs and the server: it can be cut, hold data back, or deliver it late."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Literal, TypeAlias

from tests.live import free_port

Mood: TypeAlias = Literal["passes", "cut", "holds", "late"]

DELAY = 1.7
"""Seconds by which what is late comes late."""


class Way:
    """A TCP proxy before a port. `mood` may change at any time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0
        self._mood: Mood = "passes"
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    def be(self, mood: Mood) -> None:
        """From now on, for connections that are open as well."""
        self._mood = mood
        if mood == "cut":
            for writer in self._writers:
                writer.transport.abort()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection."""
        if self._mood == "cut":
            back.transport.abort()
            return
        try:
            server, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            back.transport.abort()
            return
        self._writers |= {back, forth}
        try:
            copies = [self._copy(client, forth, late=False), self._copy(server, back, late=True)]
            tasks = [asyncio.create_task(one) for one in copies]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        finally:
            self._writers -= {back, forth}
            for writer in (back, forth):
                writer.transport.abort()

    async def _copy(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, late: bool
    ) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(due - loop.time())
                while self._mood == "holds":
                    await self._changed.wait()
                to.write(data)

        delivering = asyncio.create_task(deliver())
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    delay = DELAY if late and self._mood == "late" else 0.0
                    waiting.put_nowait((loop.time() + delay, data))
        finally:
            delivering.cancel()


@contextlib.asynccontextmanager
async def way() -> AsyncIterator[Way]:
    """A way, until it is no longer needed."""
    one = Way()
    serving: set[asyncio.Task[None]] = set()

    async def served(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await one.serve(client, back)
        serving.discard(task)

    listening = await asyncio.start_server(served, "127.0.0.1", one.port)
    try:
        yield one
    finally:
        listening.close()
        for task in [*serving]:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
