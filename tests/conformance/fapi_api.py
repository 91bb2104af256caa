"""A protected resource for FAPI 2.0: an API behind the kit, over TLS, by itself or behind nginx,
which asks for certificates and tells them (RFC 9440)."""

import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.client.running import running as listening
from tests.conformance.op import SECRETS
from tests.live import free_port
from tests.mtls import NGINX, nginx

from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, documents, lifespan
from valetkey.wire.catalog import Catalog, Permission

READ: Final = "accounts.read"
NAME: Final = "bank"


class Api(msgspec.Struct, frozen=True):
    """Where it listens: `port` by itself, `front` as its callers know it."""

    port: int
    front: int

    @property
    def resource(self) -> str:
        return f"https://127.0.0.1:{self.front}"

    @property
    def address(self) -> str:
        return f"{self.resource}/accounts"

    @property
    def catalog(self) -> Catalog:
        permission = Permission(id=READ, can="see your accounts")
        return Catalog(resource=self.resource, name="Bank", permissions=(permission,))

    def table(self) -> str:
        """How it is declared."""
        return (
            f'[[resource_server]]\nid = "{NAME}"\nsecret_env = "SECRET_{NAME.upper()}"\n'
            f'[resource_server.catalog]\nresource = "{self.resource}"\nname = "Bank"\n'
            f'[[resource_server.catalog.permissions]]\nid = "{READ}"\ncan = "see your accounts"\n'
        )


def planned() -> Api:
    """An API that listens nowhere yet."""
    port = free_port()
    return Api(port, free_port() if NGINX else port)


@contextlib.contextmanager
def running(
    api: Api, folder: Path, *, issuer: str, trust: ssl.SSLContext, pair: tuple[Path, Path]
) -> Iterator[None]:
    """The API, which asks the server at `issuer` about each token."""
    http = httpx2.AsyncClient(verify=trust)
    kit = ResourceServer(
        issuer=issuer,
        catalog=api.catalog,
        credentials=(NAME, SECRETS[NAME]),
        http=http,
        certificate_proxies=("127.0.0.1",) if NGINX else (),
    )

    @Needs(kit)(READ)
    async def read(request: Request) -> Response:
        return JSONResponse({"sub": request.state.principal.sub})

    @contextlib.asynccontextmanager
    async def whole(app: Any) -> AsyncIterator[None]:
        async with http, lifespan(kit)(app):
            yield

    app = Starlette(routes=[Route("/accounts", read), *documents(kit)], lifespan=whole)
    with listening(app, port=api.port, tls=pair), _front(api, folder, pair):
        yield


@contextlib.contextmanager
def _front(api: Api, folder: Path, pair: tuple[Path, Path]) -> Iterator[None]:
    if not NGINX:
        yield
        return
    own = folder / "front"
    own.mkdir()
    upstream = f"https://127.0.0.1:{api.port}"
    process = nginx(own, port=api.front, upstream=upstream, certificate=pair[0], key=pair[1])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
