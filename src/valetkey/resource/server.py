"""The core of the kit: whose key is it, and does it open this?"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus, urlsplit

import httpx2
import msgspec

from valetkey.jose import jwt
from valetkey.resource.binding import KNOWN, NOTHING, SCHEMES, Binding, Shown
from valetkey.resource.errors import Refused, Unreachable, refused
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.limits import Limits
from valetkey.resource.principal import Principal
from valetkey.resource.proxies import Proxies
from valetkey.resource.spending import Amount
from valetkey.resource.step_up import ANYHOW, SignIn
from valetkey.resource.usage import Usage
from valetkey.resource.worth import BOUND, Live, Worth, reason_of
from valetkey.spec.errors import (
    InsufficientAuthorization,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidRequest,
    InvalidToken,
    OAuthError,
)
from valetkey.wire import (
    access_token,
    authorization_details,
    bearer,
    client_certificate,
    dpop,
    metadata,
)
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import Catalog, Permission, Risk, mistakes
from valetkey.wire.metadata import ResourceMetadata

CATALOG_PATH: Final = "/.well-known/permission-catalog"
TYPES_PATH: Final = "/.well-known/authorization-details-types"

log = logging.getLogger("valetkey.resource")


class ResourceServer:
    """An API and its catalog.

    How it learns of a change: with `live="follow"` it follows the change log, and checks each call
    by itself. With `live="ask"` it asks at each call. With `live="list"` it looks the token up in
    its status list. With `live="token"` the token alone counts until it expires. The first two need
    `credentials`, its id and secret at the authorization server; where these are given, `ask` is
    meant unless said otherwise.
    """

    def __init__(
        self,
        *,
        issuer: str,
        catalog: Catalog,
        credentials: tuple[str, str] | None = None,
        live: Live | None = None,
        bound: float | Mapping[Risk, float] = BOUND,
        http: httpx2.AsyncClient | None = None,
        certificate_proxies: Sequence[str] = (),
    ) -> None:
        """`credentials` are an id and a secret, `http` may be a client of the caller's own. `bound`
        is for how many seconds a follower may rely on what it knows, for all permissions or by
        their risk (BOUND for a risk that is left out); past it, it asks.
        `certificate_proxies` are the addresses and networks whose `Client-Cert` header counts
        (RFC 9440): the frameworks read it from them alone.

        Raises ValueError for a catalog that is wrong, a resource that is no web address, an issuer
        that others could pose as, a bound that is none, and `follow` or `ask` without credentials.
        """
        self.catalog = catalog
        self.published()
        if not metadata.is_protected(issuer):
            raise ValueError(f"the issuer {issuer!r} is not https")
        if not urlsplit(catalog.resource).netloc:
            # RFC 9728 1.2: its metadata lies below it.
            raise ValueError(f"the resource {catalog.resource!r} is no web address")
        self.resource = catalog.resource
        self.live: Live = live or ("ask" if credentials else "token")
        if self.live in {"follow", "ask"} and credentials is None:
            raise ValueError(f"live={self.live!r} needs credentials")
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        name, secret = credentials or ("", "")
        self._http = Http(http)
        self._issuer = Issuer(issuer, self._http)
        self._bound = Binding(catalog.resource)
        self._credentials = httpx2.BasicAuth(quote_plus(name), quote_plus(secret))
        self._worth = Worth(
            self.live,
            bound=bound,
            issuer=self._issuer,
            http=self._http,
            auth=self._credentials,
            catalog=lambda: self.catalog,
            asks=credentials is not None,
        )
        counted = [one.id for one in catalog.permissions if one.counted]
        if counted and credentials is None:
            raise ValueError(f"{', '.join(counted)}: what is counted needs credentials")
        self._limits = Limits(
            issuer=self._issuer,
            http=self._http,
            auth=self._credentials,
            catalog=lambda: self.catalog,
            resource_metadata=self.metadata_address,
        )
        self._proxies = Proxies(certificate_proxies)
        self._usage = Usage(self._issuer, self._http, self._credentials if credentials else None)

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource!r})"

    def start(self) -> None:
        """Begins to follow, in the running event loop, where `live` says so; else the first call
        does."""
        self._worth.start()

    async def close(self) -> None:
        """Tells what is left to tell, returns what is leased, and lets go of what was begun in the
        running event loop."""
        await self._usage.close()
        await self._limits.close()
        await self._worth.close()
        await self._http.close()

    async def verify(
        self,
        authorization: str,
        *,
        needs: Sequence[str] = (),
        query: str = "",
        shown: Shown = NOTHING,
        sign_in: SignIn = ANYHOW,
    ) -> Principal:
        """The caller behind an `Authorization` header, who may do all that `needs` names.

        `query` is the call's query string: a token there is refused (RFC 9700 4.3.2). `shown` is
        what the call brings beside the token: a bound token opens nothing without it. `sign_in`
        is how its user has to have signed in (RFC 9470). Raises Refused, Unreachable.
        """
        try:
            principal = await self._allowed(self._sent(authorization, query), needs, shown)
            self._stepped_up(principal, sign_in)
        except Refused as refusal:
            # The detail is for whoever runs the API. Of the token it quotes the header at most.
            log.info("refused: %s (%.200s)", refusal, refusal.detail)
            raise
        except Unreachable as trouble:
            log.warning("nobody is let in: %s", trouble)
            raise
        return principal

    def certificate(self, peer: str, header: str) -> bytes:
        """The caller's certificate in DER, where the other end of the connection is a proxy that
        may tell it; b"" for none. Raises Refused where it cannot be read."""
        try:
            return self._proxies.certificate(peer, header)
        except client_certificate.BadCertificate as error:
            raise self._refused(InvalidRequest(detail=str(error))) from error

    def declare(self, *permissions: str | Permission) -> tuple[str, ...]:
        """Their ids. One that is given in full joins the catalog, if it is not in it yet. Raises
        ValueError for an id that the catalog does not have, and for one that means two things."""
        for one in permissions:
            if isinstance(one, Permission):
                self._join(one)
        names = tuple(one if isinstance(one, str) else one.id for one in permissions)
        unknown = [one for one in names if self.catalog.permission(one) is None]
        if unknown or not permissions:
            raise ValueError(f"not in the catalog of {self.resource}: {', '.join(unknown) or '-'}")
        return names

    def published(self) -> Catalog:
        """The catalog, for everybody to read. Raises ValueError for one that is wrong: what is
        declared piece by piece is whole only in the end."""
        wrong = mistakes(self.catalog)
        if wrong:
            raise ValueError(f"the catalog: {'; '.join(wrong)}")
        return self.catalog

    def _join(self, permission: Permission) -> None:
        there = self.catalog.permission(permission.id)
        if there is not None and there != permission:
            raise ValueError(f"{permission.id!r} was declared before, in other words")
        if there is None:
            permissions = (*self.catalog.permissions, permission)
            self.catalog = msgspec.structs.replace(self.catalog, permissions=permissions)

    async def spend(
        self, whose: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """One use of each of the permissions that the user has limited; `amount` is for the one
        that has a unit. Raises Refused, of which Limited says what ran out; Unreachable."""
        await self._limits.spend(whose, needs, amount=amount)

    async def _allowed(
        self, sent: tuple[str, str], needs: Sequence[str], shown: Shown
    ) -> Principal:
        scheme, text = sent
        token = await self._proved(scheme, text)
        try:
            self._bound.check(scheme, text, cnf=token.cnf, shown=shown)
        except OAuthError as error:
            raise self._refused(error, scheme=scheme) from error
        opens = await self._worth.opens(text, token, needs=needs)
        if opens.over:
            ended = InvalidToken(detail=f"the key is {opens.over}")
            raise self._refused(ended, scheme=scheme, reason=reason_of(opens))
        if not opens.permissions.issuperset(needs):
            lacks = " ".join(sorted(set(needs) - opens.permissions))
            details = self._details(token, needs)
            lacking = InsufficientAuthorization if details else InsufficientScope
            raise self._refused(
                lacking(detail=f"lacks {lacks}"),
                scheme=scheme,
                scope=" ".join(needs),
                reason="narrowed" if token.scopes.issuperset(needs) else "",
                allowed=" ".join(sorted(opens.permissions)),
                details=details,
            )
        self._usage.note(token, needs)
        return Principal(
            sub=token.sub,
            client_id=token.client_id,
            permissions=opens.permissions,
            token=token,
            limited=opens.limited & opens.permissions,
            grant_version=opens.version,
        )

    def _details(self, token: access_token.AccessToken, needs: Sequence[str]) -> tuple[Detail, ...]:
        """What an app that asks by details should ask for; nothing, for one that asks by scopes."""
        if all(one.type != self.resource for one in token.authorization_details):
            return ()
        return (Detail(type=self.resource, actions=tuple(needs)),)

    def _stepped_up(self, principal: Principal, wanted: SignIn) -> None:
        """Raises Refused where the user has to prove again, or better, who they are."""
        if wanted.holds(principal.token, int(time.time())):
            return
        # RFC 9470 3: what the new sign-in has to come to.
        scheme = "DPoP" if principal.token.cnf is not None else "Bearer"
        refusal = self._refused(InsufficientUserAuthentication(), scheme=scheme)
        age = "" if wanted.max_age is None else str(wanted.max_age)
        told = msgspec.structs.replace(
            refusal.challenge, acr_values=" ".join(wanted.acr), max_age=age
        )
        raise Refused(refusal.status, told, detail=f"signed in by {principal.token.acr!r}")

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

    def _refused(self, error: OAuthError, **more: Any) -> Refused:
        return refused(error, resource_metadata=self.metadata_address, **more)

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
            tls_client_certificate_bound_access_tokens=bool(self._proxies),
            resource_name=self.catalog.name,
            permission_catalog=self.catalog_address,
            authorization_details_types_supported={"oneOf": [self.resource]},
            authorization_details_types_metadata_endpoint=self.types_address,
        )

    @property
    def types_address(self) -> str:
        """Where the metadata of the type is, in which it may be asked for by details."""
        return metadata.well_known(self.resource, TYPES_PATH)

    @property
    def types(self) -> dict[str, Any]:
        """That metadata: the catalog once more. Raises ValueError for a catalog that is wrong."""
        described = {self.resource: authorization_details.described(self.published())}
        return {"authorization_details_types_metadata": described}
