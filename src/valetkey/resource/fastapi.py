"""The kit for FastAPI: a dependency that gives the caller, and says in OpenAPI what it needs."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import OAuth2AuthorizationCodeBearer, SecurityScopes

from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.resource.starlette import documents, shown
from valetkey.resource.step_up import ANYHOW, SignIn, sign_in

Dependency: TypeAlias = Callable[..., Awaitable[Principal]]


class Kit:
    """One API in FastAPI:

    kit = Kit(server, authorize="https://id.example/authorize", token="https://id.example/token")

    @app.post("/chirps")
    async def post(caller: Annotated[Principal, kit.needs("chirps.write")]):
    """

    def __init__(self, server: ResourceServer, *, authorize: str, token: str) -> None:
        """`authorize` and `token` are the endpoints that the documentation's button uses."""
        self._server = server
        scheme = OAuth2AuthorizationCodeBearer(
            authorizationUrl=authorize,
            tokenUrl=token,
            scopes={one.id: one.can for one in server.catalog.permissions},
            auto_error=False,
        )
        self._scheme = scheme
        self._caller = _dependency(server, scheme, ANYHOW)

    def needs(
        self, *permissions: str, acr: str | Iterable[str] = (), max_age: int | None = None
    ) -> Any:
        """The caller, whose key opens all of the permissions, and who signed in by one of these
        `acr`, at most `max_age` seconds ago (RFC 9470). Raises ValueError at once for one that the
        catalog lacks."""
        self._server.check(permissions)
        wanted = sign_in(acr, max_age)
        caller = (
            self._caller if wanted == ANYHOW else _dependency(self._server, self._scheme, wanted)
        )
        return Security(caller, scopes=list(permissions))

    def publish(self, app: FastAPI) -> None:
        """Adds the API's metadata (RFC 9728) and its catalog to the application."""
        app.router.routes.extend(documents(self._server))


def _dependency(
    server: ResourceServer, scheme: OAuth2AuthorizationCodeBearer, wanted: SignIn
) -> Dependency:
    async def caller(
        request: Request, scopes: SecurityScopes, _: Annotated[str | None, Depends(scheme)]
    ) -> Principal:
        try:
            return await server.verify(
                request.headers.get("authorization", ""),
                needs=scopes.scopes,
                query=request.url.query,
                shown=shown(request),
                sign_in=wanted,
            )
        except (Refused, Unreachable) as refusal:
            raise HTTPException(
                refusal.status, detail=refusal.body, headers=refusal.headers
            ) from refusal

    return caller
