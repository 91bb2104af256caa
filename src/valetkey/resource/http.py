"""HTTP to the authorization server: short answers, soon, from the very address that was asked."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx2

from valetkey.resource.errors import Unreachable

TIMEOUT: Final = 2.0
"""Seconds that the authorization server has for a whole answer."""

MAX_BYTES: Final = 256 * 1024
"""Of an answer: what is longer is none of ours."""

T = TypeVar("T")


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

    def pop(self) -> T | None:
        """The running loop's, which is then forgotten."""
        return self._made.pop(asyncio.get_running_loop(), None)


class Http:
    """Sends requests, by the given client or by one of its own."""

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._given = client
        self._clients = PerLoop(lambda: httpx2.AsyncClient(timeout=TIMEOUT))

    async def close(self) -> None:
        """Lets go of the running loop's connections. A given client is its giver's to close."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def get(self, address: str) -> bytes:
        """The document at the address. Raises Unreachable."""
        return await self._answer(httpx2.Request("GET", address))

    async def post(self, address: str, form: dict[str, str], auth: httpx2.Auth) -> bytes:
        """The answer to a form. Raises Unreachable."""
        return await self._answer(httpx2.Request("POST", address, data=form), auth)

    async def _answer(self, request: httpx2.Request, auth: httpx2.Auth | None = None) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._read(request, auth)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{request.url.host} does not answer") from error

    async def _read(self, request: httpx2.Request, auth: httpx2.Auth | None) -> bytes:
        client = self._given or self._clients.get()
        # A redirect would carry credentials to wherever it leads.
        response = await client.send(request, auth=auth, follow_redirects=False, stream=True)
        try:
            if response.status_code != 200:
                raise Unreachable(f"{request.url.path} answers {response.status_code}")
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise Unreachable(f"{request.url.path} does not come to an end")
            return body
        finally:
            await response.aclose()
