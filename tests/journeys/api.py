"""A small API of the platform behind the kit, on a loopback port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import free_port

from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, documents, lifespan
from valetkey.resource.token_status import MAX_STALENESS

ROUTES = (
    ("GET", "/chirps", "chirps.read"),
    ("POST", "/chirps", "chirps.write"),
    ("PUT", "/profile", "profile.write"),
    ("GET", "/messages", "dms.read"),
    ("POST", "/messages", "dms.send"),
)
"""Method, path, and the permission that it needs."""


def hear() -> None:
    """Waits until APIs know of a change that was just made, or ask: what they know is never older
    than BOUND, and nothing tells when they have read it."""
    time.sleep(MAX_STALENESS)


@contextmanager
def chirp(issuer: str) -> Iterator[str]:
    """Chirp, for the time of a test; its address."""
    kit = ResourceServer(
        issuer=issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )
    needs = Needs(kit)

    async def done(request: Request) -> Response:
        return JSONResponse({"for": request.state.principal.sub})

    routes = [Route(path, needs(one)(done), methods=[method]) for method, path, one in ROUTES]
    app = Starlette(routes=[*routes, *documents(kit)], lifespan=lifespan(kit))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
