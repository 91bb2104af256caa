"""The core of the kit: whose key is it, and does it open this?"""

import logging
import time
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import quote_plus, unquote_plus, urlsplit

import httpx2
import msgspec

from valetkey.jose import jwt
from valetkey.resource.errors import Refused, Unreachable, refused
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.principal import Principal
from valetkey.spec.errors import InsufficientScope, InvalidRequest, InvalidToken
from valetkey.wire import access_token, bearer, metadata
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import Catalog, mistakes
from valetkey.wire.introspection import Introspection
from valetkey.wire.metadata import ResourceMetadata

Live: TypeAlias = Literal["introspect", "local"]

CATALOG_PATH: Final = "/.well-known/permission-catalog"

log = logging.getLogger("valetkey.resource")


class ResourceServer:
    """An API and its catalog.

    With `credentials` (its id and secret at the authorization server) each call is checked there
    too, so that what a user takes away is gone at the next call (`live="introspect"`). Without,
    the token alone counts until it expires (`live="local"`): a change then takes up to the token's
    lifetime to be seen.
    """

    def __init__(
        self,
        *,
        issuer: str,
        catalog: Catalog,
        credentials: tuple[str, str] | None = None,
        live: Live | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """`credentials` are an id and a secret, `http` may be a client of the caller's own.

        Raises ValueError for a catalog that is wrong, a resource that is no web address, an issuer
        that others could pose as, and `introspect` without credentials.
        """
        wrong = mistakes(catalog)
        if wrong:
            raise ValueError(f"the catalog: {'; '.join(wrong)}")
        if not metadata.is_protected(issuer):
            raise ValueError(f"the issuer {issuer!r} is not https")
        if not urlsplit(catalog.resource).netloc:
            # RFC 9728 1.2: its metadata lies below it.
            raise ValueError(f"the resource {catalog.resource!r} is no web address")
        self.catalog = catalog
        self.resource = catalog.resource
        self.live: Live = live or ("introspect" if credentials else "local")
        if self.live == "introspect" and credentials is None:
            raise ValueError("live='introspect' needs credentials")
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        name, secret = credentials or ("", "")
        self._credentials = httpx2.BasicAuth(quote_plus(name), quote_plus(secret))
        self._http = Http(http)
        self._issuer = Issuer(issuer, self._http)

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource!r})"

    async def close(self) -> None:
        """Lets go of the connections that were made in the running event loop."""
        await self._http.close()

    async def verify(
        self, authorization: str, *, needs: Sequence[str] = (), query: str = ""
    ) -> Principal:
        """The caller behind an `Authorization` header, who may do all that `needs` names.

        `query` is the call's query string: a token there is refused (RFC 9700 4.3.2). Raises
        Refused, Unreachable.
        """
        try:
            return await self._allowed(self._sent(authorization, query), needs)
        except Refused as refusal:
            # The detail is for whoever runs the API. Of the token it quotes the header at most.
            log.info("refused: %s (%.200s)", refusal, refusal.detail)
            raise
        except Unreachable as trouble:
            log.warning("nobody is let in: %s", trouble)
            raise

    def check(self, permissions: Sequence[str]) -> None:
        """Raises ValueError for a permission that the catalog does not have."""
        unknown = [one for one in permissions if self.catalog.permission(one) is None]
        if unknown or not permissions:
            raise ValueError(f"not in the catalog of {self.resource}: {', '.join(unknown) or '-'}")

    async def _allowed(self, text: str, needs: Sequence[str]) -> Principal:
        principal = await self._now(text, await self._proved(text))
        if not principal.may(*needs):
            raise refused(
                InsufficientScope(),
                scope=" ".join(needs),
                resource_metadata=self.metadata_address,
                detail=f"lacks {' '.join(sorted(set(needs) - principal.permissions))}",
            )
        return principal

    def _sent(self, authorization: str, query: str) -> str:
        names = (unquote_plus(part.partition("=")[0]) for part in query.split("&"))
        if "access_token" in names:
            raise self._refused(InvalidRequest("an access token does not belong into a query"))
        if authorization.partition(" ")[0].lower() != "bearer":
            # RFC 6750 3.1: who sends no token, or speaks of another scheme, is told nothing more.
            raise Refused(401, Challenge(resource_metadata=self.metadata_address))
        text = bearer.read_header(authorization)
        if text is None:
            raise self._refused(InvalidToken(detail="not of the form of a token"))
        return text

    async def _proved(self, text: str) -> access_token.AccessToken:
        keys = await self._issuer.keys(text)
        try:
            return access_token.verify(
                text,
                keys=keys,
                issuer=self._issuer.issuer,
                audience=self.resource,
                now=int(time.time()),
            ).claims
        except jwt.BadToken as error:
            raise self._refused(InvalidToken(detail=str(error))) from error

    async def _now(self, text: str, token: access_token.AccessToken) -> Principal:
        """What the key opens now, as far as `live` asks."""
        scopes = token.scopes
        if self.live == "introspect":
            told = await self._introspected(text)
            if not told.active:
                raise self._refused(InvalidToken(detail="not active any more"))
            scopes = frozenset(told.scope.split())
        known = frozenset(permission.id for permission in self.catalog.permissions)
        return Principal(
            sub=token.sub, client_id=token.client_id, permissions=scopes & known, token=token
        )

    async def _introspected(self, text: str) -> Introspection:
        address = (await self._issuer.metadata()).introspection_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} offers no introspection")
        answer = await self._http.post(address, {"token": text}, self._credentials)
        try:
            return msgspec.json.decode(answer, type=Introspection)
        except msgspec.DecodeError as error:
            raise Unreachable("the introspection cannot be read") from error

    def _refused(self, error: InvalidRequest | InvalidToken) -> Refused:
        return refused(error, resource_metadata=self.metadata_address)

    @property
    def metadata_address(self) -> str:
        """Where the RFC 9728 document is, below the identifier of the API."""
        return metadata.well_known(self.resource, metadata.PROTECTED_RESOURCE)

    @property
    def catalog_address(self) -> str:
        """Where the catalog is."""
        return metadata.well_known(self.resource, CATALOG_PATH)

    @property
    def metadata(self) -> ResourceMetadata:
        """What the API says of itself (RFC 9728 2)."""
        permissions = (permission.id for permission in self.catalog.permissions)
        return ResourceMetadata(
            resource=self.resource,
            authorization_servers=(self._issuer.issuer,),
            scopes_supported=(*permissions, *self.catalog.scopes),
            bearer_methods_supported=("header",),
            resource_name=self.catalog.name,
            permission_catalog=self.catalog_address,
        )
