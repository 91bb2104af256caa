"""An API with no framework but ASGI. `uvicorn api_asgi:app`"""

import os
from pathlib import Path
from typing import Any

import msgspec

from valetkey.resource import ResourceServer, uses
from valetkey.resource.asgi import PRINCIPAL, Application, Needs, Receive, Scope, Send
from valetkey.resource.documents import documents

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
needs = Needs(server)

chirps: list[str] = []


@needs("chirps.read")
async def read(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, chirps)


@needs("chirps.write")
async def write(scope: Scope, receive: Receive, send: Send) -> None:
    body = await read_body(receive)
    if "text" not in body:
        await answer(send, "text is missing", 400)
        return
    chirps.append(body["text"])
    caller = scope[PRINCIPAL]
    await answer(send, {"by": caller.sub, "with": caller.client_id}, 201)


@needs("tips.send", spend=lambda scope: scope["tip"]["amount"])
async def paid(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, {"sent": scope["tip"]["amount"]})


@uses("tips.send")
async def tip(scope: Scope, receive: Receive, send: Send) -> None:
    # What an amount is read from, an ASGI application reads before it asks.
    await paid({**scope, "tip": await read_body(receive)}, receive, send)


@needs("account.close", max_age=300)
async def close(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, {"closed": scope[PRINCIPAL].sub})


routes: dict[tuple[str, str], Application] = {
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
        if address == server.resource + scope["path"]:
            await answer(send, document())
            return
    route = routes.get((scope["method"], scope["path"]))
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


async def read_body(receive: Receive) -> dict[str, str]:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        return msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        return {}


async def answer(send: Send, body: Any, status: int = 200) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})
