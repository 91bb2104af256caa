"""The server for hosts that do not await: an event loop in a thread of its own.

It starts with the first request, so after the fork of a server with workers.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey.embedded.host import HostSession, StartError
from valetkey.resource.loop_thread import Portal
from valetkey.wire.form import MAX_BYTES

if TYPE_CHECKING:
    from valetkey.embedded.application import Valetkey

BODY: Final = MAX_BYTES + 1
"""Bytes of a body to read: with one more than may be, it is refused."""


class Exchange:
    """One request and its reply, as ASGI messages in the server's loop."""

    def __init__(self, body: bytes) -> None:
        self._request: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body}]
        self._reply: asyncio.Queue[MutableMapping[str, Any] | None] = asyncio.Queue(1)
        self._hung_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, valetkey: "Valetkey", scope: dict[str, Any], host_session: HostSession) -> None:
        """Lets the server answer."""

        async def run() -> None:
            try:
                await valetkey.serve(
                    scope, self._receive, self._reply.put, host_session=host_session
                )
            finally:
                if not self._hung_up.is_set():
                    await self._reply.put(None)

        self._task = asyncio.create_task(run())

    async def next(self) -> MutableMapping[str, Any] | None:
        """The next message of the reply, None at its end. Raises what the server raised."""
        message = await self._reply.get()
        if message is None and self._task is not None:
            await self._task
        return message

    async def hang_up(self) -> None:
        """Nobody reads the rest of the reply."""
        self._hung_up.set()
        with contextlib.suppress(asyncio.QueueEmpty):
            self._reply.get_nowait()

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._request:
            return self._request.pop()
        await self._hung_up.wait()
        return {"type": "http.disconnect"}


class Answer(msgspec.Struct, frozen=True):
    """The head of a reply, the first chunk of its body, and where the others come from, None if
    there are none."""

    status: int
    headers: list[tuple[str, str]]
    first: bytes
    rest: Exchange | None = None


class Threaded:
    """The server in a thread, for every thread of this process."""

    def __init__(self, valetkey: "Valetkey") -> None:
        self.valetkey = valetkey
        self._portal = Portal(self._stop)
        self._process = 0
        self._running: contextlib.AsyncExitStack | None = None
        self._starting: asyncio.Task[None] | None = None
        self._parents: list[object] = []

    def start(self) -> None:
        """Starts the server in this process if it does not run yet. Raises StartError."""
        if self._running is None or self._process != os.getpid():
            _check_threads()
            self._portal.run(self._start_once)

    def answer(self, scope: dict[str, Any], body: bytes, host_session: HostSession) -> Answer:
        """The reply to a request with this body. Raises StartError."""
        self.start()
        return self._portal.run(lambda: self._answer(scope, body, host_session))

    def chunks(self, answer: Answer) -> Iterator[bytes]:
        """The body of the reply."""
        yield answer.first
        exchange = answer.rest
        if exchange is None:
            return
        try:
            while (message := self._portal.run(exchange.next)) is not None:
                yield message.get("body", b"")
        finally:
            self._portal.run(exchange.hang_up)

    async def chunks_async(self, answer: Answer) -> AsyncIterator[bytes]:
        """The body of the reply, for a host that awaits."""
        yield answer.first
        exchange = answer.rest
        if exchange is None:
            return
        loop = self._portal.loop
        try:
            while True:
                coming = asyncio.run_coroutine_threadsafe(exchange.next(), loop)
                message = await asyncio.wrap_future(coming)
                if message is None:
                    return
                yield message.get("body", b"")
        finally:
            asyncio.run_coroutine_threadsafe(exchange.hang_up(), loop)

    def notify_sign_out(self, request: Any) -> None:
        """As `Valetkey.notify_sign_out`, for hosts that do not await."""
        if self.valetkey.farewell(request) is not None:
            self.start()
            self._portal.run(lambda: self.valetkey.notify_sign_out(request))

    async def _answer(
        self, scope: dict[str, Any], body: bytes, host_session: HostSession
    ) -> Answer:
        exchange = Exchange(body)
        exchange.begin(self.valetkey, scope, host_session)
        head, first = await exchange.next(), await exchange.next()
        if head is None or first is None:
            raise StartError("the server did not answer")
        return Answer(
            head["status"],
            [(name.decode(), value.decode("latin-1")) for name, value in head["headers"]],
            first.get("body", b""),
            exchange if first.get("more_body", False) else None,
        )

    async def _start_once(self) -> None:
        if self._process not in {0, os.getpid()}:
            if isinstance(self.valetkey.settings.database.at, Path):
                # SQLite's locks are of a process: with those of its parent, a child would damage
                # the file.
                raise StartError(
                    "valetkey ran before this process was forked: send it no request while the "
                    "application is loaded"
                )
            # Stored, so that it is not garbage collected: that would close what the parent uses.
            self._parents.append(self._running)
            self._running = self._starting = None
        self._process = os.getpid()
        if self._running is not None:
            return  # It was started while this call was on its way here.
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        running = contextlib.AsyncExitStack()
        await running.enter_async_context(self.valetkey.running())
        self._running = running

    async def _stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()


def _check_threads() -> None:
    """Raise StartError in a uWSGI that runs no threads of applications: a request would wait for
    ever."""
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and not {"enable-threads", "threads"} & uwsgi.opt.keys():
        raise StartError("uWSGI runs no threads of applications: start it with --enable-threads")


def scope_of(environ: dict[str, Any], path: str) -> dict[str, Any]:
    """The ASGI scope of a WSGI request, with another path."""
    headers = [
        (name[5:].replace("_", "-").lower().encode(), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            text = str(environ[name]).encode("latin-1")
            headers.append((name.replace("_", "-").lower().encode(), text))
    return {
        "type": "http",
        "http_version": str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")).rpartition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "path": path,
        "query_string": str(environ.get("QUERY_STRING", "")).encode("latin-1"),
        "headers": headers,
        "client": (environ.get("REMOTE_ADDR") or "", 0),
    }
