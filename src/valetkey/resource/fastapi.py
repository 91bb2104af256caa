"""The kit for FastAPI: a dependency that gives the caller, and documents its needs in OpenAPI."""

from typing import Any, Unpack

import msgspec
from fastapi import FastAPI, HTTPException, Request, Security
from fastapi.security import OAuth2AuthorizationCodeBearer, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.responses import Response

from valetkey.resource.calls import WithInteractionId, of_scope
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.marks import Mark, marked
from valetkey.resource.need import Conditions, Need
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
        **conditions: Unpack[Conditions],
    ) -> Any:
        """A dependency: the caller, who has all of the permissions, within the limits that the user
        has set. See `Conditions` for the keywords. A Permission joins the catalog. Raises
        ValueError at once for a name that is not in the catalog, and for a permission with a unit
        and no `spend`."""
        need = self._server.need(*permissions, **conditions)
        documented: Any = self._scheme.model
        documented.flows.authorizationCode.scopes |= {
            one.id: one.can for one in permissions if isinstance(one, Permission)
        }
        # The permissions are in each route that depends on it.
        caller = marked(_Caller(self._server, self._scheme, need), Mark((), self._server))
        return Security(caller, scopes=list(need.permissions))

    def publish(self, app: FastAPI) -> None:
        """Adds the API's metadata (RFC 9728) and its catalog to the application. Refusals then have
        the body that the kit sends in every framework, without a `detail` around it, and each reply
        has an `x-fapi-interaction-id`."""
        app.add_middleware(WithInteractionId)
        app.router.routes.extend(documents(self._server))
        app.add_exception_handler(Refusal, _answered)


class Refusal(HTTPException):
    """A refusal as an exception of FastAPI."""

    def __init__(self, refusal: Refused | Unreachable) -> None:
        super().__init__(refusal.status, detail=refusal.body, headers=refusal.headers)
        self.refusal = refusal


async def _answered(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - it is registered for nothing else
    return answer(error.refusal)


class _Caller(SecurityBase):
    """The dependency. FastAPI documents it as the security scheme too: a second dependency for that
    would cost as much, in each call, as the whole check of a known token."""

    def __init__(self, server: ResourceServer, scheme: SecurityBase, need: Need) -> None:
        self.model, self.scheme_name = scheme.model, scheme.scheme_name
        self._server = server
        self._need = need

    async def __call__(self, request: Request, scopes: SecurityScopes) -> Principal:
        # A router's own needs are added to those of its routes.
        need = msgspec.structs.replace(self._need, permissions=tuple(scopes.scopes))
        try:
            return await self._server.verify_call(of_scope(request.scope), need, request)
        except (Refused, Unreachable) as refusal:
            raise Refusal(refusal) from refusal
