"""HTTP to the authorization server: short answers, soon, from the very address that was asked."""

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
from valetkey.wire import metadata
from valetkey.wire.change_log import BEAT, MAX_LENGTH

TIMEOUT: Final = 2.0
"""Seconds that the authorization server has for a whole answer."""

MAX_BYTES: Final = 256 * 1024
"""Of an answer: what is longer is none of ours."""

SILENCE: Final = 8 * BEAT
"""Seconds without a word after which a stream counts as cut."""

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

T = TypeVar("T")

log = logging.getLogger("valetkey.resource")


class Wrong(Unreachable):
    """The server has answered that the question is wrong: it is of no use to ask again."""


class NoStream(Unreachable):
    """There is an answer, but no stream: something on the way holds it up."""


class PerLoop(Generic[T]):
    """One value for each event loop: connections and locks do not outlive theirs, and a program
    may run several, one after the other as tests do or one in each thread."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """The running loop's."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = self._make()
        return self._made[loop]

    def of(self, loop: asyncio.AbstractEventLoop) -> T | None:
        """Another loop's, for a look from any thread; None where it has none."""
        return self._made.get(loop)

    def pop(self) -> T | None:
        """The running loop's, which is then forgotten."""
        return self._made.pop(asyncio.get_running_loop(), None)


class Http:
    """Sends requests, by the given client or by one of its own. While a server is silent, requests
    to it fail at once (see `breaker`)."""

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._given = client
        self._clients = PerLoop(lambda: httpx2.AsyncClient(timeout=TIMEOUT))
        self._breakers: PerLoop[dict[str, Breaker]] = PerLoop(dict)
        self._misconfigured = False

    async def close(self) -> None:
        """Lets go of the running loop's connections. A given client is its giver's to close."""
        for breaker in (self._breakers.pop() or {}).values():
            breaker.close()
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def get(self, address: str) -> bytes:
        """The document at the address. Raises Unreachable."""
        return await self._answer(httpx2.Request("GET", address))

    async def post(
        self, address: str, form: dict[str, str], auth: httpx2.Auth | None, *, accept: str = JSON
    ) -> bytes:
        """The answer to a form, in this media type. Raises Unreachable."""
        headers = {"Accept": accept}
        return await self._answer(httpx2.Request("POST", address, data=form, headers=headers), auth)

    async def ask(self, address: str, parameters: dict[str, str], auth: httpx2.Auth) -> bytes:
        """The answer to a question of the background, for which nobody waits. Raises
        Unreachable."""
        request = httpx2.Request("GET", address, params=parameters)
        return await self._answer(request, auth, in_background=True)

    async def events(
        self, address: str, parameters: dict[str, str], auth: httpx2.Auth
    ) -> AsyncGenerator[str, None]:
        """The data of each server-sent event, as it comes. Raises Unreachable, also where nothing
        comes for SILENCE; NoStream where there is an answer, but no stream."""
        headers = {"Accept": EVENTS}
        request = httpx2.Request("GET", address, params=parameters, headers=headers)
        breaker, client = self._breaker(request), self._given or self._clients.get()
        try:
            with breaker.background():
                async with asyncio.timeout(TIMEOUT):
                    response = await client.send(
                        request, auth=auth, follow_redirects=False, stream=True
                    )
            heard = time.monotonic()
            try:
                self._check_status(response, proves=True)
                _check_stream(response)
                async for data in _events(response):
                    heard = time.monotonic()
                    yield data
            except (httpx2.HTTPError, TimeoutError):
                breaker.failed(heard)
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
        # Made before the time runs: to read the certificates that it trusts takes a moment.
        client = self._given or self._clients.get()
        try:
            with breaker.background() if in_background else breaker.call():
                async with asyncio.timeout(TIMEOUT):
                    return await self._read(client, request, auth)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{request.url.host} does not answer") from error

    def _check_status(self, response: httpx2.Response, *, proves: bool) -> None:
        """Raises Unreachable; `proves`: the API has shown who it is."""
        status, url = response.status_code, response.url
        if status == 401 and proves:
            if not self._misconfigured:
                self._misconfigured = True
                log.error(
                    "misconfigured: %s does not take the credentials of this API, so nobody is let "
                    "in; check its id and its secret (%s answers 401)",
                    url.host,
                    url.path,
                )
            raise Misconfigured(f"{url.path} answers 401 to this API's credentials")
        if proves:
            self._misconfigured = False
        if status != 200:
            raise (Wrong if status == 400 else Unreachable)(f"{url.path} answers {status}")

    def _breaker(self, request: httpx2.Request) -> Breaker:
        """The running loop's, of the server of that request."""
        breakers, url = self._breakers.get(), request.url
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if origin not in breakers:
            breakers[origin] = Breaker(origin, partial(self._probe, origin))
        return breakers[origin]

    async def _probe(self, origin: str) -> None:
        """Any answer will do. Raises HTTPError, TimeoutError."""
        client = self._given or self._clients.get()
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
    """What follows `data:`, event by event; nothing else is said here."""
    pieces = response.aiter_bytes()
    rest, heard = b"", False
    while True:
        try:
            async with asyncio.timeout(SILENCE):
                rest += await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if heard:
                raise
            raise NoStream(f"{response.url.path} says nothing") from None
        heard = True
        *events, rest = rest.replace(b"\r\n", b"\n").split(b"\n\n")
        if len(rest) > 2 * MAX_LENGTH:
            raise Unreachable(f"{response.url.path} does not come to an end")
        for event in events:
            for line in event.split(b"\n"):
                if line.startswith(b"data:"):
                    yield line[5:].strip().decode("latin-1")
