"""The app's own server, which holds the second part of each key. `uvicorn app_backend:app`"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request

from valetkey.client import App, Passphrase, SealedStore
from valetkey.client.holder_service import HolderService

backend = App(
    issuer=os.environ["ISSUER"],
    client_id="harbour-server",
    secret=os.environ["SECRET"],
    scope=(),
)
SEAL = Passphrase(os.environ["SEAL"])
SESSIONS = {"a session of the app's own": "miko"}


def signed_in(request: Request) -> str | None:
    """Whose phone this is, by the app's own sign-in. None: it gets no answer."""
    return SESSIONS.get(request.headers.get("x-session", ""))


def kept_for(user: str) -> SealedStore:
    """Where that user's part is kept."""
    return SealedStore(Path("shards") / user, SEAL)


service = HolderService(backend, kept_for, who=signed_in)


@asynccontextmanager
async def closing(_: FastAPI) -> AsyncIterator[None]:
    """At its end the server lets go of connections."""
    yield
    await service.aclose()


app = FastAPI(lifespan=closing)
app.mount("/shard", service)
