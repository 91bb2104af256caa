"""A TCP proxy that cuts some replies: the server has done its work, and the client never hears."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

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
        server, forth = await asyncio.open_connection("127.0.0.1", self.target)
        asking = asyncio.create_task(_copied(client, forth))
        try:
            while (data := await server.read(CHUNK)) and self._passes():
                back.write(data)
        finally:
            asking.cancel()
            back.close()
            forth.close()

    def _passes(self) -> bool:
        self.replies += 1
        whole = self.chance.random() >= self.share
        self.cut += not whole
        return whole


async def _copied(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        to.write(data)


@contextlib.asynccontextmanager
async def cutting(target: int, *, share: float, seed: int) -> AsyncIterator[Proxy]:
    """A proxy before a port, which cuts a share of the replies."""
    proxy = Proxy(target, share, random.Random(seed), free_port())
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port)
    async with listening:
        yield proxy
