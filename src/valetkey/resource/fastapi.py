"""The kit for FastAPI: a dependency that gives the caller, and says in OpenAPI what it needs."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import OAuth2AuthorizationCodeBearer, SecurityScopes

from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.limits import check_amounts
from valetkey.resource.marks import Mark, marked
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.resource.starlette import Measure, documents, measured, shown
from valetkey.resource.step_up import SignIn, sign_in
from valetkey.wire.catalog import Permission

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
        self._scheme = OAuth2AuthorizationCodeBearer(
            authorizationUrl=authorize,
            tokenUrl=token,
            scopes={one.id: one.can for one in server.catalog.permissions},
            auto_error=False,
        )

    def needs(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Measure | None = None,
    ) -> Any:
        """The caller, whose key opens all of the permissions, within the limits that the user has
        set, and who signed in by one of these `acr`, at most `max_age` seconds ago (RFC 9470).
        `spend` tells how much a call is about, for a permission that has a unit. A permission that
        is given in full is declared by that. Raises ValueError at once for a name that the catalog
        lacks, or whose amount is not told."""
        names = self._server.declare(*permissions)
        check_amounts(self._server.catalog, names, told=spend is not None)
        documented: Any = self._scheme.model
        documented.flows.authorizationCode.scopes |= {
            one.id: one.can for one in permissions if isinstance(one, Permission)
        }
        wanted = sign_in(acr, max_age)
        caller = _dependency(self._server, self._scheme, wanted, spend=spend)
        # Which permissions the dependency is asked for is in each route.
        return Security(marked(caller, Mark((), self._server)), scopes=list(names))

    def publish(self, app: FastAPI) -> None:
        """Adds the API's metadata (RFC 9728) and its catalog to the application."""
        app.router.routes.extend(documents(self._server))


def _dependency(
    server: ResourceServer,
    scheme: OAuth2AuthorizationCodeBearer,
    wanted: SignIn,
    *,
    spend: Measure | None,
) -> Dependency:
    async def caller(
        request: Request, scopes: SecurityScopes, _: Annotated[str | None, Depends(scheme)]
    ) -> Principal:
        try:
            principal = await server.verify(
                request.headers.get("authorization", ""),
                needs=scopes.scopes,
                query=request.url.query,
                shown=shown(request, server),
                sign_in=wanted,
            )
            if principal.limited:
                amount = await measured(spend, request)
                await server.spend(principal, scopes.scopes, amount=amount)
        except (Refused, Unreachable) as refusal:
            raise HTTPException(
                refusal.status, detail=refusal.body, headers=refusal.headers
            ) from refusal
        return principal

    return caller
