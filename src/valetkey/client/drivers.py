"""Drivers run flows: one for threads, one for async tasks."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import httpx2

from valetkey.client.errors import ServerUnavailable
from valetkey.client.steps import (
    ApiCall,
    Await,
    Call,
    End,
    Flow,
    Reply,
    Request,
    Send,
    Sleep,
    Step,
)
from valetkey.trace_context import trace_headers

T = TypeVar("T")

TIMEOUT: Final = 10.0
"""Seconds for an answer of a server."""

MAX_BYTES: Final = 256 * 1024
"""The longest answer."""

Sending: TypeAlias = Callable[[Request], Awaitable[Reply]]


class Driver:
    """Runs flows in the calling thread."""

    def __init__(
        self,
        http: httpx2.Client | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._http = http
        self._making = threading.Lock()
        self._sleep = sleep

    def run(self, flow: Flow[T]) -> T:
        """The flow's result. Raises what it raises."""
        result: T = _result(self.advance(flow))
        return result

    def advance(self, flow: Flow[Any] | ApiCall, came: Any = None) -> Send | End:
        """Runs the flow until it has a request for an API, or ends."""
        move: Callable[[Any], Step | Send] = flow.send
        while True:
            try:
                step = move(came)
            except StopIteration as end:
                return End(end.value)
            if isinstance(step, Send):
                return step
            try:
                came, move = self.do(step), flow.send
            except BaseException as error:  # the flow releases its locks
                came, move = error, flow.throw

    def do(self, step: Step) -> Any:
        """Runs one step."""
        match step:
            case Request():
                return self.send(step)
            case Sleep(seconds):
                return self._sleep(seconds)
            case Await(future, seconds):
                return future.result(seconds)
            case Call(call):
                return call()
            case _:
                return step()

    def send(self, request: Request) -> Reply:
        """The server's answer. Raises ServerUnavailable."""
        outgoing = _outgoing(request)
        try:
            # A redirect would carry secrets to wherever it leads.
            response = self._client().send(outgoing, auth=None, follow_redirects=False, stream=True)
            try:
                body = b"".join(_bounded(response.iter_bytes()))
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise ServerUnavailable(f"{outgoing.url.host} does not answer") from error
        return _reply(response, body)

    def close(self) -> None:
        """Closes connections."""
        if self._http is not None:
            self._http.close()

    def _client(self) -> httpx2.Client:
        """The client, made at the first use: it takes longer than all the work of a delegated
        key."""
        with self._making:
            if self._http is None:
                self._http = httpx2.Client(timeout=TIMEOUT)
            return self._http


class AsyncDriver:
    """Runs flows in the calling task, and blocking steps in threads."""

    def __init__(
        self,
        http: httpx2.AsyncClient | None = None,
        *,
        send: Sending | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._send = send or self.send
        self._sleep = sleep

    async def run(self, flow: Flow[T]) -> T:
        """The flow's result. Raises what it raises. A cancelled task leaves no lock, and nothing
        half written."""
        result: T = _result(await self.advance(flow))
        return result

    async def advance(self, flow: Flow[Any] | ApiCall, came: Any = None) -> Send | End:
        """Runs the flow until it has a request for an API, or ends."""
        move: Callable[[Any], Step | Send] = flow.send
        while True:
            try:
                step = move(came)
            except StopIteration as end:
                return End(end.value)
            if isinstance(step, Send):
                return step
            try:
                came, move = await self.do(step), flow.send
            except BaseException as error:
                came, move = error, flow.throw

    async def do(self, step: Step) -> Any:
        """Runs one step."""
        match step:
            case Request():
                return await self._send(step)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Await(future, seconds):
                return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
            case Call(call):
                return await call()
            case _:
                return await to_the_end(step)

    async def send(self, request: Request) -> Reply:
        """The server's answer. Raises ServerUnavailable."""
        if self._http is None:
            # In the loop that uses it.
            self._http = httpx2.AsyncClient(timeout=TIMEOUT)
        outgoing = _outgoing(request)
        try:
            response = await self._http.send(
                outgoing, auth=None, follow_redirects=False, stream=True
            )
            try:
                body, chunks = b"", response.aiter_bytes()
                async for chunk in chunks:
                    body += chunk
                    _check_length(len(body))
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise ServerUnavailable(f"{outgoing.url.host} does not answer") from error
        return _reply(response, body)

    async def close(self) -> None:
        """Closes connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()


async def to_the_end(call: Callable[[], T]) -> T:
    """The result of the call, from a thread. A cancelled task waits for the call to end, because
    only then can it release a lock that the call takes."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _outgoing(request: Request) -> httpx2.Request:
    return httpx2.Request(
        request.method,
        request.url,
        headers={**request.headers, **trace_headers()},
        content=request.body or None,
    )


def _reply(response: httpx2.Response, body: bytes) -> Reply:
    return Reply(status=response.status_code, headers=lowered(response.headers), body=body)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers under names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        _check_length(length)
        yield chunk


def _check_length(length: int) -> None:
    if length > MAX_BYTES:
        raise ServerUnavailable("the server's answer does not come to an end")


def _result(end: Send | End) -> Any:
    if isinstance(end, Send):
        raise TypeError("this flow may not call an API")
    return end.result
