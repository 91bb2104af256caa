"""Authentication for aiohttp: `aiohttp.ClientSession(middlewares=(KeyAuth(key),))`."""

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import AsyncIterablePayload

from valetkey.client.async_key import AsyncKey
from valetkey.client.auth import Outgoing, send_with_key
from valetkey.client.delegation import DelegatedKey
from valetkey.client.drivers import lowered
from valetkey.client.key import Key
from valetkey.client.machine import AsyncMachine, Machine
from valetkey.client.steps import Answer, Send


class KeyAuth:
    """Adds the token to calls, and renews it. It may serve several sessions."""

    def __init__(self, key: AsyncKey | Key | AsyncMachine | Machine | DelegatedKey) -> None:
        self._key = key

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        legs = send_with_key(self._key.flows, _outgoing(request))
        leg = await self._key.tasks.advance(legs)
        while isinstance(leg, Send):
            request.headers.update(leg.headers)
            response = await handler(request)
            answer = Answer(response.status, lowered(response.headers))
            try:
                leg = await self._key.tasks.advance(legs, answer)
            except BaseException:
                response.close()
                raise
            if not isinstance(leg, Send):
                return response
            response.release()
        raise TypeError("nothing was sent")


def _outgoing(request: ClientRequest) -> Outgoing:
    return Outgoing(
        method=request.method, url=str(request.url), repeatable=_is_repeatable(request.body)
    )


def _is_repeatable(body: object) -> bool:
    return not isinstance(body, AsyncIterablePayload)
