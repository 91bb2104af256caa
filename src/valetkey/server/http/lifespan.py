"""For how long the application runs, as the server says it (the ASGI lifespan protocol)."""

from contextlib import AbstractAsyncContextManager

from valetkey.server.http.request import Receive, Send


async def lifespan(
    running: AbstractAsyncContextManager[None], receive: Receive, send: Send
) -> None:
    """What runs beside the requests, from the server's start to its end. Whatever goes wrong at the
    start is the server's to tell: it does not begin."""
    await receive()
    async with running:
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
