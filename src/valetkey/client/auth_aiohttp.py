"""The key on every call of aiohttp: `aiohttp.ClientSession(middlewares=(KeyAuth(key),))`."""

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import AsyncIterablePayload

from valetkey.client.async_key import AsyncKey
from valetkey.client.carry import Outgoing, carry
from valetkey.client.drivers import lowered
from valetkey.client.key import Key
from valetkey.client.machine import AsyncMachine, Machine
from valetkey.client.steps import Answer, Send


class KeyAuth:
    """Sends the key along, and renews it. It serves any number of sessions."""

    def __init__(self, key: AsyncKey | Key | AsyncMachine | Machine) -> None:
        self._key = key

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        legs = carry(self._key.flows, _outgoing(request))
        leg = await self._key.tasks.advance(legs)
        response: ClientResponse | None = None
        while isinstance(leg, Send):
            if response is not None:
                response.release()
            request.headers.update(leg.headers)
            response = await handler(request)
            leg = await self._key.tasks.advance(
                legs, Answer(response.status, lowered(response.headers))
            )
        if response is None:
            raise TypeError("nothing was sent")
        return response


def _outgoing(request: ClientRequest) -> Outgoing:
    return Outgoing(
        method=request.method, url=str(request.url), repeatable=_is_repeatable(request.body)
    )


def _is_repeatable(body: object) -> bool:
    return not isinstance(body, AsyncIterablePayload)
