"""Authentication for httpx2 clients."""

from collections.abc import AsyncGenerator, Generator

import httpx2

from valetkey.client.auth_flow import KeySource, Outgoing, send_with_key
from valetkey.client.drivers import AsyncDriver, Driver, lowered
from valetkey.client.steps import Answer, End, Send


class AsyncKeyAuth(httpx2.Auth):
    """Adds the token to the calls of an AsyncClient. `AsyncKey.auth()` makes one."""

    def __init__(self, key: KeySource, tasks: AsyncDriver) -> None:
        self._key = key
        self._tasks = tasks

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        legs = send_with_key(self._key, _outgoing(request))
        leg = await self._tasks.advance(legs)
        while isinstance(leg, Send):
            response = yield _bearing(request, leg)
            leg = await self._tasks.advance(legs, _answer(response))

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        raise TypeError("an AsyncKey is for an httpx2.AsyncClient")


class KeyAuth(AsyncKeyAuth):
    """Adds the token to the calls of a Client or an AsyncClient. `Key.auth()` makes one."""

    def __init__(self, key: KeySource, threads: Driver, tasks: AsyncDriver) -> None:
        super().__init__(key, tasks)
        self._threads = threads

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        legs = send_with_key(self._key, _outgoing(request))
        leg: Send | End = self._threads.advance(legs)
        while isinstance(leg, Send):
            response = yield _bearing(request, leg)
            leg = self._threads.advance(legs, _answer(response))


def _outgoing(request: httpx2.Request) -> Outgoing:
    return Outgoing(method=request.method, url=str(request.url), repeatable=_is_repeatable(request))


def _bearing(request: httpx2.Request, leg: Send) -> httpx2.Request:
    request.headers.update(leg.headers)
    return request


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, lowered(response.headers))


def _is_repeatable(request: httpx2.Request) -> bool:
    try:
        return request.content is not None
    except httpx2.RequestNotRead:
        return False
