"""An API in Starlette. `uvicorn api_starlette:app`"""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, documents, lifespan

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
async def read(request: Request) -> JSONResponse:
    return JSONResponse(chirps)


@needs("chirps.write")
async def write(request: Request) -> JSONResponse:
    caller = request.state.principal
    chirps.append(await field(request, "text"))
    return JSONResponse({"by": caller.sub, "with": caller.client_id}, 201)


async def how_much(request: Request) -> str:
    return await field(request, "amount")


@needs("tips.send", spend=how_much)
async def tip(request: Request) -> JSONResponse:
    return JSONResponse({"sent": await how_much(request)})


@needs("account.close", max_age=300)
async def close(request: Request) -> JSONResponse:
    return JSONResponse({"closed": request.state.principal.sub})


async def field(request: Request, name: str) -> str:
    try:
        return str((await request.json())[name])
    except (ValueError, LookupError, TypeError):
        raise HTTPException(400, f"{name} is missing") from None


app = Starlette(
    routes=[
        Route("/chirps", read),
        Route("/chirps", write, methods=["POST"]),
        Route("/tips", tip, methods=["POST"]),
        Route("/account", close, methods=["DELETE"]),
        *documents(server),
    ],
    lifespan=lifespan(server),
)
