"""An API in FastAPI. `uvicorn api_fastapi:app`"""

import os
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, Request

from valetkey.resource import Principal, ResourceServer
from valetkey.resource.fastapi import Kit
from valetkey.resource.starlette import lifespan

CATALOG = Path(__file__).parent.parent / "catalog.toml"

server = ResourceServer(
    issuer=os.environ["ISSUER"],
    catalog=CATALOG,
    credentials=("chirp", os.environ["CHIRP_SECRET"]),
    live="follow",
    certificate_proxies=os.environ.get("PROXIES", "").split(),
)
kit = Kit(server)
app = FastAPI(lifespan=lifespan(server))
kit.publish(app)

chirps: list[str] = []


@app.get("/chirps")
async def read(caller: Annotated[Principal, kit.needs("chirps.read")]) -> list[str]:
    return chirps


@app.post("/chirps", status_code=201)
def write(
    caller: Annotated[Principal, kit.needs("chirps.write")],
    text: Annotated[str, Body(embed=True)],
) -> dict[str, str]:
    chirps.append(text)
    return {"by": caller.sub, "with": caller.client_id}


async def how_much(request: Request) -> str:
    # What is no amount, the kit refuses.
    return str((await request.json())["amount"])


@app.post("/tips")
async def tip(
    caller: Annotated[Principal, kit.needs("tips.send", spend=how_much)],
    amount: Annotated[str, Body(embed=True)],
) -> dict[str, str]:
    return {"sent": amount}


@app.delete("/account")
async def close(
    caller: Annotated[Principal, kit.needs("account.close", max_age=300)],
) -> dict[str, str]:
    return {"closed": caller.sub}
