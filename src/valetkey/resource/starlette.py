"""The kit for Starlette: a decorator for endpoints, and the two documents."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import quote, urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from valetkey.resource.binding import Shown
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.limits import check_amounts
from valetkey.resource.marks import Mark, marked, open_to_all
from valetkey.resource.server import ResourceServer
from valetkey.resource.spending import Amount
from valetkey.resource.step_up import sign_in
from valetkey.wire import client_certificate, dpop
from valetkey.wire.catalog import Permission

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
AnyEndpoint: TypeAlias = Callable[[Request], Awaitable[Response] | Response]
Measure: TypeAlias = Callable[[Request], Awaitable[Amount | None] | Amount | None]
"""How much a call is about, in the permission's unit; None where it does not say."""


class Needs:
    """Makes the decorator for one API:

    needs = Needs(server)

    @needs("chirps.write")
    async def post(request: Request) -> Response:
        author = request.state.principal.sub
    """

    def __init__(self, server: ResourceServer) -> None:
        self._server = server

    def __call__(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Measure | None = None,
    ) -> Callable[[AnyEndpoint], Endpoint]:
        """The endpoint runs only for a key that opens all of the permissions, within the limits
        that the user has set, and whose user signed in by one of these `acr`, at most `max_age`
        seconds ago (RFC 9470). The caller is `request.state.principal`. `spend` tells how much a
        call is about, for a permission that has a unit. A permission that is given in full is
        declared by that. Raises ValueError at once for a name that the catalog lacks, or whose
        amount is not told."""
        names = self._server.declare(*permissions)
        check_amounts(self._server.catalog, names, told=spend is not None)
        wanted = sign_in(acr, max_age)

        def guard(endpoint: AnyEndpoint) -> Endpoint:
            @functools.wraps(endpoint)
            async def guarded(request: Request) -> Response:
                try:
                    principal = request.state.principal = await self._server.verify(
                        request.headers.get("authorization", ""),
                        needs=names,
                        query=request.url.query,
                        shown=shown(request, self._server),
                        sign_in=wanted,
                    )
                    if principal.limited:
                        await self._server.spend(
                            principal, names, amount=await measured(spend, request)
                        )
                except (Refused, Unreachable) as refusal:
                    return answer(refusal)
                return await _called(endpoint, request)

            return marked(guarded, Mark(names, self._server))

        return guard


def shown(request: Request, server: ResourceServer) -> Shown:
    """What the request brings beside its access token. Raises Refused."""
    raw = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    return Shown(
        method=request.method,
        path=raw.decode("ascii", "replace"),
        proofs=tuple(request.headers.getlist(dpop.HEADER)),
        certificate=_certificate(request, server),
    )


async def measured(spend: Measure | None, request: Request) -> Amount | None:
    """How much the call is about; None where that is not told."""
    if spend is None:
        return None
    amount = spend(request)
    return await amount if isinstance(amount, Awaitable) else amount


def _certificate(request: Request, server: ResourceServer) -> bytes:
    peer = "" if request.client is None else request.client.host
    # Two of them: which one did the proxy write? What cannot be read is refused.
    told = ", ".join(request.headers.getlist(client_certificate.HEADER))
    return server.certificate(peer, told)


async def _called(endpoint: AnyEndpoint, request: Request) -> Response:
    made = (
        endpoint(request)
        if inspect.iscoroutinefunction(endpoint)
        else await run_in_threadpool(endpoint, request)
    )
    return made if isinstance(made, Response) else await made


def answer(refusal: Refused | Unreachable) -> Response:
    """The refusal as a response."""
    return JSONResponse(refusal.body, status_code=refusal.status, headers=refusal.headers)


def lifespan(server: ResourceServer) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """For `Starlette(lifespan=…)` or `FastAPI(lifespan=…)`: follows the change log meanwhile, and
    lets go of connections at the end."""

    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        server.start()
        yield
        await server.close()

    return running


def documents(server: ResourceServer) -> list[Route]:
    """The routes of the API's metadata (RFC 9728) and of its catalog, by itself and as the metadata
    of its type of authorization details, as they are when asked: a permission may be declared later
    than this."""
    return [
        _document(server.metadata_address, lambda: server.metadata),
        _document(server.catalog_address, server.published),
        _document(server.types_address, lambda: server.types),
    ]


def _document(address: str, document: Callable[[], Any]) -> Route:
    @open_to_all
    async def published(request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
        body = msgspec.json.encode(document())
        return Response(body, media_type="application/json", headers=headers)

    return Route(urlsplit(address).path, published, methods=["GET"])
