"""The core of the kit: whose key is it, and does it open this?"""

import logging
import time
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import quote_plus, unquote_plus, urlsplit

import httpx2
import msgspec

from valetkey.jose import jwt
from valetkey.resource.binding import KNOWN, NOTHING, SCHEMES, Binding, Shown
from valetkey.resource.errors import Refused, Unreachable, refused
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.principal import Principal
from valetkey.spec.errors import InsufficientScope, InvalidRequest, InvalidToken, OAuthError
from valetkey.wire import access_token, bearer, dpop, metadata
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
        self._bound = Binding(catalog.resource)

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource!r})"

    async def close(self) -> None:
        """Lets go of the connections that were made in the running event loop."""
        await self._http.close()

    async def verify(
        self,
        authorization: str,
        *,
        needs: Sequence[str] = (),
        query: str = "",
        shown: Shown = NOTHING,
    ) -> Principal:
        """The caller behind an `Authorization` header, who may do all that `needs` names.

        `query` is the call's query string: a token there is refused (RFC 9700 4.3.2). `shown` is
        what the call brings beside the token: a bound token opens nothing without it. Raises
        Refused, Unreachable.
        """
        try:
            return await self._allowed(self._sent(authorization, query), needs, shown)
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

    async def _allowed(
        self, sent: tuple[str, str], needs: Sequence[str], shown: Shown
    ) -> Principal:
        scheme, text = sent
        token = await self._proved(scheme, text)
        try:
            self._bound.check(scheme, text, cnf=token.cnf, shown=shown)
        except OAuthError as error:
            raise self._refused(error, scheme=scheme) from error
        principal = await self._now(scheme, text, token)
        if not principal.may(*needs):
            lacks = " ".join(sorted(set(needs) - principal.permissions))
            missing = InsufficientScope(detail=f"lacks {lacks}")
            raise self._refused(missing, scheme=scheme, scope=" ".join(needs))
        return principal

    def _sent(self, authorization: str, query: str) -> tuple[str, str]:
        """The scheme and the token."""
        names = (unquote_plus(part.partition("=")[0]) for part in query.split("&"))
        if "access_token" in names:
            raise self._refused(InvalidRequest("an access token does not belong into a query"))
        if authorization.partition(" ")[0].lower() not in KNOWN:
            # RFC 6750 3.1: who sends no token, or speaks of another scheme, is told nothing more.
            raise Refused(401, Challenge(resource_metadata=self.metadata_address))
        sent = bearer.read_header(authorization, schemes=SCHEMES)
        if sent is None:
            raise self._refused(InvalidToken(detail="not of the form of a token"))
        return sent

    async def _proved(self, scheme: str, text: str) -> access_token.AccessToken:
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
            raise self._refused(InvalidToken(detail=str(error)), scheme=scheme) from error

    async def _now(self, scheme: str, text: str, token: access_token.AccessToken) -> Principal:
        """What the key opens now, as far as `live` asks."""
        scopes = token.scopes
        if self.live == "introspect":
            told = await self._introspected(text)
            if not told.active:
                raise self._refused(InvalidToken(detail="not active any more"), scheme=scheme)
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

    def _refused(self, error: OAuthError, *, scheme: str = "Bearer", scope: str = "") -> Refused:
        return refused(error, scope=scope, resource_metadata=self.metadata_address, scheme=scheme)

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
            dpop_signing_alg_values_supported=dpop.ALGORITHMS,
            resource_name=self.catalog.name,
            permission_catalog=self.catalog_address,
        )
