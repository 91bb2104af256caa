"""A web app in FastAPI, with a claimed https address. `uvicorn app_web:app`"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx2
from fastapi import Cookie, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from valetkey.client import App, AsyncKey, Attempt, ClientError, MemoryStore, raise_for_refusal
from valetkey.jose.jwk import from_der

API = os.environ["API"]

registered = App(
    issuer=os.environ["ISSUER"],
    client_id="planner",
    private_key=from_der("ES256", Path(os.environ["PRIVATE_KEY"]).read_bytes()),
    scope=("openid", "offline_access", "chirps"),
    redirect_uri="https://planner.example/callback",
)
# A real app keeps these in its database: one key for each user, one attempt for each browser.
attempts: dict[str, Attempt] = {}
keys: dict[str, AsyncKey] = {}


@asynccontextmanager
async def closing(_: FastAPI) -> AsyncIterator[None]:
    """At its end the app lets go of connections."""
    yield
    for key in keys.values():
        await key.aclose()


app = FastAPI(lifespan=closing)


@app.get("/connect")
async def connect() -> Response:
    """Sends the browser to say yes."""
    session = secrets.token_urlsafe()
    keys[session] = AsyncKey(registered, MemoryStore())
    attempts[session] = await keys[session].begin()
    answer = RedirectResponse(attempts[session].address, 303)
    answer.set_cookie("session", session, secure=True, httponly=True, samesite="lax")
    return answer


@app.get("/callback")
async def callback(request: Request, session: Annotated[str, Cookie()] = "") -> Response:
    """The browser is back. The attempt is this very browser's, and is good once."""
    try:
        yes = await keys[session].finish(attempts.pop(session), request.url.query)
    except (ClientError, KeyError) as error:
        return JSONResponse({"connected": False, "why": str(error)}, 400)
    return JSONResponse({"connected": True, "without": sorted(yes.missing)})


@app.get("/timeline")
async def timeline(session: Annotated[str, Cookie()] = "") -> Response:
    """Calls the API with the user's key."""
    try:
        async with httpx2.AsyncClient(auth=keys[session].auth()) as api:
            answer = raise_for_refusal(await api.get(f"{API}/chirps"))
    except (ClientError, KeyError) as error:
        return JSONResponse({"connected": False, "why": str(error)}, 401)
    return JSONResponse({"chirps": len(answer.json())})
