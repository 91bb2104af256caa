"""HTTP requests to the authorization server: short timeouts, small answers, no redirects."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx2

from valetkey.resource.breaker import Breaker
from valetkey.resource.errors import Misconfigured, Unreachable
from valetkey.trace_context import trace_headers
from valetkey.wire import metadata
from valetkey.wire.change_log import BEAT, MAX_LENGTH

TIMEOUT: Final = 2.0
"""Seconds for a whole answer of the authorization server."""

MAX_BYTES: Final = 256 * 1024
"""The longest answer."""

SILENCE: Final = 8 * BEAT
"""Seconds without data after which a stream counts as broken."""

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

T = TypeVar("T")

log = logging.getLogger("valetkey.resource")


class Wrong(Unreachable):
    """The server answers that the request is malformed: it is useless to send it again."""


class NoStream(Unreachable):
    """There is an answer, but no stream: something on the way buffers it."""


class PerLoop(Generic[T]):
    """One value for each event loop: connections and locks do not outlive theirs, and a program
    may run several, one after the other as tests do or one in each thread."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """The value of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = self._make()
        return self._made[loop]

    def of(self, loop: asyncio.AbstractEventLoop) -> T | None:
        """The value of another loop, read from any thread; None if there is none."""
        return self._made.get(loop)

    def pop(self) -> T | None:
        """Removes and returns the value of the running loop."""
        return self._made.pop(asyncio.get_running_loop(), None)


class Http:
    """Sends requests, with the given client or one of its own. While a server is silent, requests
    to it fail at once (see `breaker`)."""

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._client = client
        self._clients = PerLoop(lambda: httpx2.AsyncClient(timeout=TIMEOUT))
        self._breakers: PerLoop[dict[str, Breaker]] = PerLoop(dict)
        self._misconfigured = False

    async def close(self) -> None:
        """Closes the running loop's connections, but not a given client."""
        for breaker in (self._breakers.pop() or {}).values():
            breaker.close()
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def get(self, address: str) -> bytes:
        """The document at the address. Raises Unreachable."""
        return await self._answer(httpx2.Request("GET", address, headers=trace_headers()))

    async def post(
        self, address: str, form: dict[str, str], auth: httpx2.Auth | None, *, accept: str = JSON
    ) -> bytes:
        """The answer to a form, in this media type. Raises Unreachable."""
        headers = {"Accept": accept, **trace_headers()}
        return await self._answer(httpx2.Request("POST", address, data=form, headers=headers), auth)

    async def ask(self, address: str, parameters: dict[str, str], auth: httpx2.Auth) -> bytes:
        """The answer to a background request, which no caller waits for. Raises Unreachable."""
        request = httpx2.Request("GET", address, params=parameters)
        return await self._answer(request, auth, in_background=True)

    async def events(
        self, address: str, parameters: dict[str, str], auth: httpx2.Auth
    ) -> AsyncGenerator[str, None]:
        """The data of each server-sent event, as it comes. Raises Unreachable, also after SILENCE,
        and NoStream if the answer is not a stream."""
        headers = {"Accept": EVENTS}
        request = httpx2.Request("GET", address, params=parameters, headers=headers)
        breaker, client = self._breaker(request), self._client or self._clients.get()
        try:
            with breaker.background():
                async with asyncio.timeout(TIMEOUT):
                    response = await client.send(
                        request, auth=auth, follow_redirects=False, stream=True
                    )
            last_data = time.monotonic()
            try:
                self._check_status(response, proves=True)
                _check_stream(response)
                async for data in _events(response):
                    last_data = time.monotonic()
                    yield data
            except (httpx2.HTTPError, TimeoutError):
                breaker.failed(last_data)
                raise
            finally:
                await response.aclose()
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{request.url.host} does not go on") from error

    async def _answer(
        self,
        request: httpx2.Request,
        auth: httpx2.Auth | None = None,
        *,
        in_background: bool = False,
    ) -> bytes:
        breaker = self._breaker(request)
        # Before the timeout starts: loading the trusted certificates takes a moment.
        client = self._client or self._clients.get()
        try:
            with breaker.background() if in_background else breaker.call():
                async with asyncio.timeout(TIMEOUT):
                    return await self._read(client, request, auth)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{request.url.host} does not answer") from error

    def _check_status(self, response: httpx2.Response, *, proves: bool) -> None:
        """Raises Unreachable. `proves`: the request had the API's credentials."""
        status, url = response.status_code, response.url
        if status == 401 and proves:
            if not self._misconfigured:
                self._misconfigured = True
                log.error(
                    "misconfigured: %s refuses the credentials of this API, so it lets nobody in; "
                    "check its id and its secret (%s answers 401)",
                    url.host,
                    url.path,
                )
            raise Misconfigured(f"{url.path} answers 401 to this API's credentials")
        if proves:
            self._misconfigured = False
        if status != 200:
            raise (Wrong if status == 400 else Unreachable)(f"{url.path} answers {status}")

    def _breaker(self, request: httpx2.Request) -> Breaker:
        """The running loop's breaker for the server of that request."""
        breakers, url = self._breakers.get(), request.url
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if origin not in breakers:
            breakers[origin] = Breaker(origin, partial(self._probe, origin))
        return breakers[origin]

    async def _probe(self, origin: str) -> None:
        """Sends a request; any answer will do. Raises HTTPError, TimeoutError."""
        client = self._client or self._clients.get()
        request = httpx2.Request("GET", origin + metadata.AUTHORIZATION_SERVER)
        async with asyncio.timeout(TIMEOUT):
            answer = await client.send(request, auth=None, follow_redirects=False, stream=True)
            await answer.aclose()

    async def _read(
        self, client: httpx2.AsyncClient, request: httpx2.Request, auth: httpx2.Auth | None
    ) -> bytes:
        # A redirect would carry credentials to wherever it leads.
        response = await client.send(request, auth=auth, follow_redirects=False, stream=True)
        try:
            self._check_status(response, proves=auth is not None)
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise Unreachable(f"{request.url.path} does not come to an end")
            return body
        finally:
            await response.aclose()


def _check_stream(response: httpx2.Response) -> None:
    if response.headers.get("content-type", "").partition(";")[0].strip() != EVENTS:
        raise NoStream(f"{response.url.path} is no stream")


async def _events(response: httpx2.Response) -> AsyncGenerator[str, None]:
    """The data of each event."""
    chunks = response.aiter_bytes()
    buffer, has_data = b"", False
    while True:
        try:
            async with asyncio.timeout(SILENCE):
                buffer += await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if has_data:
                raise
            raise NoStream(f"{response.url.path} says nothing") from None
        has_data = True
        *events, buffer = buffer.replace(b"\r\n", b"\n").split(b"\n\n")
        if len(buffer) > 2 * MAX_LENGTH:
            raise Unreachable(f"{response.url.path} does not come to an end")
        for event in events:
            for line in event.split(b"\n"):
                if line.startswith(b"data:"):
                    yield line[5:].strip().decode("latin-1")
