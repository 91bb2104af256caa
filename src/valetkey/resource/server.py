"""The core of the kit: an API, its catalog, and the parts that judge its callers."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import quote_plus

import httpx2

from valetkey.resource.admission import Verifying, log_refusal
from valetkey.resource.api_halves import Halves
from valetkey.resource.binding import NOTHING, Shown
from valetkey.resource.blocking import Blocking
from valetkey.resource.calls import Call
from valetkey.resource.declaration import Declared
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.limits import Limits
from valetkey.resource.need import Need
from valetkey.resource.principal import Principal
from valetkey.resource.proxies import Proxies
from valetkey.resource.self_check import SelfCheck
from valetkey.resource.spending import Amount, Place
from valetkey.resource.step_up import ANYHOW, SignIn
from valetkey.resource.steps import Loop, Rule, awaited
from valetkey.resource.token_status import BOUND, Live, Worth
from valetkey.resource.usage import Usage
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import address, client_certificate, dpop, metadata
from valetkey.wire.catalog import Catalog, Risk
from valetkey.wire.child_key import MAX_DEPTH
from valetkey.wire.metadata import ResourceMetadata


class ResourceServer(Declared):
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
        catalog: Catalog | Path | str,
        credentials: tuple[str, str] | None = None,
        live: Live | None = None,
        bound: float | Mapping[Risk, float] = BOUND,
        http: httpx2.AsyncClient | None = None,
        certificate_proxies: Sequence[str] = (),
        signed: bool = False,
        children: int = 0,
        split: bool = False,
        journal: Path | None = None,
    ) -> None:
        """`catalog` may be the file that it is in, TOML or JSON.
        `credentials` are an id and a secret, `http` may be a client of the caller's own. `bound`
        is for how many seconds a follower may rely on what it knows, for all permissions or by
        their risk (BOUND for a risk that is left out); past it, it asks.
        `certificate_proxies` are the addresses and networks whose `Client-Cert` header counts
        (RFC 9440): the frameworks read it from them alone. `signed`: what the server says of a
        token counts only where it has signed it (RFC 9701). `children`: through how many hands a
        key may have gone with no word to the server (see `wire.child_key`); 0, unless set.
        `split`: its tokens come in halves, of which it asks the server for one (see
        `wire.split_token`), and it takes no others; as its registration says.
        `journal`: the folder in memory (tmpfs) where processes of this API note what they have
        leased, so that others return it when one is killed; one of this user's own, unless set.

        Raises ValueError for a catalog that is wrong, a resource that is no web address, an issuer
        that others could pose as, a bound that is none, and `follow`, `ask` or `split` without
        credentials.
        """
        super().__init__(catalog)
        if not metadata.is_protected(issuer):
            raise ValueError(f"the issuer {issuer!r} is not https")
        if not address.host(self.resource):
            # RFC 9728 1.2: its metadata lies below it.
            raise ValueError(f"the resource {self.resource!r} is no web address")
        self.live: Live = live or ("ask" if credentials else "token")
        if self.live in {"follow", "ask"} and credentials is None:
            raise ValueError(f"live={self.live!r} needs credentials")
        counted = [one.id for one in self.catalog.permissions if one.counted]
        if counted and credentials is None:
            raise ValueError(f"{', '.join(counted)}: what is counted needs credentials")
        self.issuer = issuer
        self._bound = bound
        self._proxies = Proxies(certificate_proxies)
        self._credentials = credentials
        self._signed = signed
        if not 0 <= children <= MAX_DEPTH:
            raise ValueError(f"children={children!r} is not a number of hands up to {MAX_DEPTH}")
        self._children = children
        if split and credentials is None:
            raise ValueError("split needs credentials")
        self._split = split
        self._journal = journal
        self._given = http
        self.connect()

    def connect(self, http: httpx2.AsyncClient | None = None, *, live: Live | None = None) -> None:
        """Begins with nothing learnt, and speaks by this client from now on, in place of the one
        that it was made with; with neither, as it was made. Before it is used, or between two
        tests."""
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        name, secret = self._credentials or ("", "")
        auth = httpx2.BasicAuth(quote_plus(name), quote_plus(secret))
        self._http = Http(http or self._given)
        issuer = Issuer(self.issuer, self._http)
        self._self_check = SelfCheck(
            issuer=issuer,
            http=self._http,
            auth=auth if self._credentials else None,
            catalog=self.published,
        )
        self._worth = Worth(
            live or self.live,
            bound=self._bound,
            issuer=issuer,
            http=self._http,
            auth=auth,
            catalog=lambda: self.catalog,
            asks=self._credentials is not None or live == "ask",
            signed_for=name if self._signed else "",
            on_ask=self._begin,
        )
        self._verifying = Verifying(
            resource=self.resource,
            resource_metadata=self.metadata_address,
            issuer=issuer,
            worth=self._worth,
            children=self._children,
            halves=Halves(issuer=issuer, http=self._http, auth=auth, audience=self.resource)
            if self._split
            else None,
        )
        self._limits = Limits(
            issuer=issuer,
            http=self._http,
            auth=auth,
            catalog=lambda: self.catalog,
            resource_metadata=self.metadata_address,
            place=Place(self._journal, f"{self.issuer} {name}") if name else None,
        )
        self.usage = Usage(issuer, self._http, auth if self._credentials else None)

    def __repr__(self) -> str:
        return f"ResourceServer({self.resource!r})"

    def start(self) -> None:
        """Begins to follow, in the running event loop, where `live` says so, and checks whether the
        server knows this API as it is: the log says where not. Else the first call does."""
        self._worth.start()
        # A follower shows its credentials by itself.
        self._self_check.start(credentials=self.live != "follow")

    def _begin(self) -> None:
        self._worth.start()
        self._self_check.start(credentials=False)

    async def catalog_difference(self) -> str:
        """How the catalog that is registered at the server differs from this API's, in words; ""
        where it does not, or the server does not say. Raises Unreachable."""
        return await self._self_check.difference()

    async def close(self) -> None:
        """Tells what is left to tell, returns what is leased, and lets go of what was begun in the
        running event loop."""
        await self.usage.close()
        await self._limits.close()
        await self._worth.close()
        await self._self_check.close()
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
        rule = self.rule(
            authorization,
            needs=needs,
            query=query,
            shown=shown,
            sign_in=sign_in,
            loop=asyncio.get_running_loop(),
        )
        try:
            principal = await awaited(rule)
        except (Refused, Unreachable) as error:
            log_refusal(error)
            raise
        self.usage.note(principal, needs)
        return principal

    def rule(
        self,
        authorization: str,
        *,
        needs: Sequence[str],
        query: str,
        shown: Shown,
        sign_in: SignIn,
        loop: Loop,
    ) -> Rule[Principal]:
        """What `verify` does, by what that loop has learnt, for whoever asks the questions in
        another way."""
        return self._verifying.principal(
            authorization, needs, query=query, shown=shown, sign_in=sign_in, loop=loop
        )

    async def admit(self, call: Call, need: Need, request: object) -> Principal:
        """The caller behind a call, who may do what it needs, once what the user has limited is
        paid for. `need.spend` is asked about `request`. Raises Refused, Unreachable."""
        principal = await self.verify(
            call.authorization,
            needs=need.permissions,
            query=call.query,
            shown=self.shown(call),
            sign_in=need.sign_in,
        )
        await self._pay(principal, need, request)
        return principal

    async def allow(self, principal: Principal, need: Need, request: object) -> None:
        """Lets a caller do what is needed whom an earlier question has proved, within this call.
        Raises Refused, Unreachable."""
        try:
            self._verifying.judge(principal, need.permissions, need.sign_in)
        except Refused as error:
            log_refusal(error)
            raise
        self.usage.note(principal, need.permissions)
        await self._pay(principal, need, request)

    async def _pay(self, principal: Principal, need: Need, request: object) -> None:
        if need.spend is None and not principal.limited:
            return
        try:
            amount = await need.told(request)
        except InvalidRequest as error:
            raise self.refused(principal, error) from error
        self.check_amount(principal, need, amount)
        if principal.limited:
            await self.spend(principal, need.permissions, amount=amount)

    def check_amount(self, principal: Principal, need: Need, amount: Amount | None) -> None:
        """Raises Refused for what a route says as an amount and is none, whether the user has set
        a limit or not."""
        self._limits.check(principal, need.permissions, amount)

    def refused(self, principal: Principal, error: InvalidRequest) -> Refused:
        """The refusal of a call by this caller."""
        return self._limits.refused(principal, error)

    @cached_property
    def blocking(self) -> Blocking:
        """The same API for code that does not await."""
        return Blocking(self)

    def shown(self, call: Call) -> Shown:
        """What a call brings beside its access token. Raises Refused."""
        return Shown(
            method=call.method,
            path=call.path,
            proofs=call.proofs,
            certificate=self.certificate(call.peer, call.certificate),
        )

    def certificate(self, peer: str, header: str) -> bytes:
        """The caller's certificate in DER, where the other end of the connection is a proxy that
        may tell it; b"" for none. Raises Refused where it cannot be read."""
        try:
            return self._proxies.certificate(peer, header)
        except client_certificate.BadCertificate as error:
            raise self._verifying.refused(InvalidRequest(detail=str(error))) from error

    async def spend(
        self, whose: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """One use of each of the permissions that the user has limited; `amount` is for the one
        that has a unit. Raises Refused, of which Limited says what ran out; Unreachable."""
        await self._limits.spend(whose, needs, amount=amount)

    @property
    def metadata(self) -> ResourceMetadata:
        """What the API says of itself (RFC 9728 2)."""
        permissions = (permission.id for permission in self.catalog.permissions)
        return ResourceMetadata(
            resource=self.resource,
            authorization_servers=(self.issuer,),
            scopes_supported=(*permissions, *self.catalog.scopes),
            bearer_methods_supported=("header",),
            dpop_signing_alg_values_supported=dpop.ALGORITHMS,
            tls_client_certificate_bound_access_tokens=bool(self._proxies),
            resource_name=self.catalog.name,
            permission_catalog=self.catalog_address,
            split_access_tokens_required=self._split,
            authorization_details_types_supported=(self.resource,),
            authorization_details_types_metadata_endpoint=self.types_address,
        )
