"""The same API with no framework but ASGI."""

import os
from typing import Any

import msgspec
from tests.resource.chirp_platform import CATALOG

from valetkey.resource import ResourceServer
from valetkey.resource.asgi import PRINCIPAL, Application, Needs, Receive, Scope, Send
from valetkey.resource.documents import documents

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ["PROXIES"].split(),
)
needs = Needs(server)


async def answer(send: Send, body: Any, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


@needs("chirps.read")
async def read(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, [])


@needs("chirps.write")
async def write(scope: Scope, receive: Receive, send: Send) -> None:
    caller = scope[PRINCIPAL]
    await answer(send, {"by": caller.sub, "with": caller.client_id}, 201)


@needs("tips.send", spend=lambda scope: scope["tip"]["amount"])
async def paid(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, {"sent": scope["tip"]["amount"]})


async def tip(scope: Scope, receive: Receive, send: Send) -> None:
    # What an amount is read from, an ASGI application reads before it asks.
    message = await receive()
    await paid({**scope, "tip": msgspec.json.decode(message["body"] or b"{}")}, receive, send)


@needs("account.close", max_age=300)
async def close(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, {"closed": scope[PRINCIPAL].sub})


ROUTES: dict[tuple[str, str], Application] = {
    ("GET", "/chirps"): read,
    ("POST", "/chirps"): write,
    ("POST", "/tips"): tip,
    ("DELETE", "/account"): close,
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    for address, document in documents(server).values():
        if address.endswith(scope["path"]):
            await answer(send, document())
            return
    route = ROUTES.get((scope["method"], scope["path"]))
    if route is None:
        await answer(send, "", 404)
    else:
        await route(scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        server.start()
        await send({"type": "lifespan.startup.complete"})
    await server.close()
    await send({"type": "lifespan.shutdown.complete"})
