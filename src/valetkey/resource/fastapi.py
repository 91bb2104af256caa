"""The kit for FastAPI: a dependency that gives the caller, and says in OpenAPI what it needs."""

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request, Security
from fastapi.security import OAuth2AuthorizationCodeBearer, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.responses import Response

from valetkey.resource.calls import of_scope
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.interaction import Named
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Need, Spend, need
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.resource.starlette import answer, documents
from valetkey.wire.catalog import Permission


class Kit:
    """One API in FastAPI:

    kit = Kit(server)

    @app.post("/chirps")
    async def post(caller: Annotated[Principal, kit.needs("chirps.write")]):
    """

    def __init__(self, server: ResourceServer, *, authorize: str = "", token: str = "") -> None:
        """`authorize` and `token` are the endpoints that the documentation's button uses, where
        they are not valetkey's own."""
        self._server = server
        self._scheme = OAuth2AuthorizationCodeBearer(
            authorizationUrl=authorize or f"{server.issuer}/authorize",
            tokenUrl=token or f"{server.issuer}/token",
            scopes={one.id: one.can for one in server.catalog.permissions},
            auto_error=False,
        )

    def needs(
        self,
        *permissions: str | Permission,
        acr: str | Iterable[str] = (),
        max_age: int | None = None,
        spend: Spend | None = None,
    ) -> Any:
        """The caller, whose key opens all of the permissions, within the limits that the user has
        set, and who signed in by one of these `acr`, at most `max_age` seconds ago (RFC 9470).
        `spend` tells how much a call is about, for a permission that has a unit. A permission that
        is given in full is declared by that. Raises ValueError at once for a name that the catalog
        lacks, or whose amount is not told."""
        wanted = need(self._server, permissions, acr=acr, max_age=max_age, spend=spend)
        documented: Any = self._scheme.model
        documented.flows.authorizationCode.scopes |= {
            one.id: one.can for one in permissions if isinstance(one, Permission)
        }
        # Which permissions the dependency is asked for is in each route.
        caller = marked(_Caller(self._server, self._scheme, wanted), Mark((), self._server))
        return Security(caller, scopes=list(wanted.permissions))

    def publish(self, app: FastAPI) -> None:
        """Adds the API's metadata (RFC 9728) and its catalog to the application, which then answers
        a refusal as every other framework of the kit does, without a `detail` around it, and with
        an `x-fapi-interaction-id` in each reply."""
        app.add_middleware(Named)
        app.router.routes.extend(documents(self._server))
        app.add_exception_handler(Refusal, _answered)


class Refusal(HTTPException):
    """A refusal, as FastAPI answers with it."""

    def __init__(self, refusal: Refused | Unreachable) -> None:
        super().__init__(refusal.status, detail=refusal.body, headers=refusal.headers)
        self.refusal = refusal


async def _answered(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - it is registered for nothing else
    return answer(error.refusal)


class _Caller(SecurityBase):
    """The dependency. FastAPI documents it as the scheme, and has one thing to ask in each call: a
    scheme beside it would cost as much as the whole check of a token that is known."""

    def __init__(self, server: ResourceServer, scheme: SecurityBase, wanted: Need) -> None:
        self.model, self.scheme_name = scheme.model, scheme.scheme_name
        self._server = server
        self._wanted = wanted

    async def __call__(self, request: Request, scopes: SecurityScopes) -> Principal:
        # A router's own needs are added to those of its routes.
        asked = msgspec.structs.replace(self._wanted, permissions=tuple(scopes.scopes))
        try:
            return await self._server.admit(of_scope(request.scope), asked, request)
        except (Refused, Unreachable) as refusal:
            raise Refusal(refusal) from refusal
