"""A TCP proxy that drops some replies after the server has done its work."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec
from tests.live import free_port

CHUNK = 65536


class Proxy(msgspec.Struct):
    """`port` is where it listens; `cut` counts the replies that it cut, of `replies`."""

    target: int
    share: float
    chance: random.Random
    port: int = 0
    replies: int = 0
    cut: int = 0

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection."""
        async with _closing(back):
            server, forth = await asyncio.open_connection("127.0.0.1", self.target)
            async with _closing(forth), _meanwhile(_copied(client, forth)):
                while (data := await server.read(CHUNK)) and self._passes():
                    back.write(data)

    def _passes(self) -> bool:
        self.replies += 1
        whole = self.chance.random() >= self.share
        self.cut += not whole
        return whole


async def _copied(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        to.write(data)


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task


@contextlib.asynccontextmanager
async def cutting(target: int, *, share: float, seed: int) -> AsyncIterator[Proxy]:
    """A proxy before a port, which cuts a share of the replies. All that it opened is closed when
    it ends."""
    proxy = Proxy(target, share, random.Random(seed), free_port())
    serving: set[asyncio.Task[None]] = set()

    async def served(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        try:
            await proxy.serve(client, back)
        except (OSError, asyncio.CancelledError):
            pass  # Either side went away, or the proxy ends.
        finally:
            serving.discard(task)

    listening = await asyncio.start_server(served, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
