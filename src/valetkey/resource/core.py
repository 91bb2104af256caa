"""The core of the kit: an API, its options, and what the async and the blocking face share."""

import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_plus

import httpx2

from valetkey.resource.admission import Admission
from valetkey.resource.api_halves import ApiHalves
from valetkey.resource.binding import SenderProof
from valetkey.resource.calls import Call
from valetkey.resource.declaration import Declaration
from valetkey.resource.errors import Refused
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer, Loop, Rule
from valetkey.resource.limits import Limits
from valetkey.resource.need import Need, SignIn
from valetkey.resource.options import Options
from valetkey.resource.principal import Principal
from valetkey.resource.self_check import SelfCheck
from valetkey.resource.spending import Amount, JournalPlace
from valetkey.resource.token_status import Live, StatusSource
from valetkey.resource.usage import Usage
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import address, client_certificate, dpop
from valetkey.wire.metadata import ResourceMetadata

# What an API knows of its authorization server, and the parts that ask it.


class Connection:
    """The parts of one API that speak with its server. A new one knows nothing yet."""

    def __init__(self, api: Declaration, options: Options) -> None:
        name, secret = options.credentials or ("", "")
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        basic = httpx2.BasicAuth(quote_plus(name), quote_plus(secret))
        auth = basic if options.credentials else None
        self._mode = options.mode
        self._http = Http(options.http)
        issuer = Issuer(options.issuer, self._http)
        self.self_check = SelfCheck(
            issuer=issuer, http=self._http, auth=auth, catalog=api.published
        )
        self.status_source = StatusSource(
            options.mode,
            max_staleness=options.max_staleness,
            issuer=issuer,
            http=self._http,
            auth=basic,
            catalog=lambda: api.catalog,
            asks=auth is not None,
            signed_for=name if options.signed else "",
            on_ask=self._start_late,
        )
        api_halves = ApiHalves(issuer=issuer, http=self._http, auth=basic, audience=api.resource)
        self.admission = Admission(
            resource=api.resource,
            resource_metadata=api.metadata_address,
            issuer=issuer,
            status_source=self.status_source,
            max_delegations=options.max_delegations,
            api_halves=api_halves if options.split else None,
        )
        self.limits = Limits(
            issuer=issuer,
            http=self._http,
            auth=basic,
            catalog=lambda: api.catalog,
            resource_metadata=api.metadata_address,
            place=_journal_place(options.journal, options.issuer, name),
        )
        self.usage = Usage(issuer, self._http, auth)

    def start(self) -> None:
        """Starts what runs in the background of the running event loop."""
        self.status_source.start()
        # A follower presents its credentials by itself.
        self.self_check.start(credentials=self._mode != "follow")

    def _start_late(self) -> None:
        """The same at the first call, which presents the credentials by itself."""
        self.status_source.start()
        self.self_check.start(credentials=False)

    async def close(self) -> None:
        """Reports usage, returns leases, and stops what runs in the running event loop."""
        await self.usage.close()
        await self.limits.close()
        await self.status_source.close()
        await self.self_check.close()
        await self._http.close()


def _journal_place(folder: Path | None, issuer: str, name: str) -> JournalPlace | None:
    return JournalPlace(folder, f"{issuer} {name}") if name else None


class ApiCore(Declaration):
    """An API: what it declares, and the rules for its calls."""

    def __init__(self, options: Options) -> None:
        """Raises ValueError for a wrong catalog, for a resource that is not a web address, and for
        counted permissions without credentials."""
        super().__init__(options.catalog)
        if not address.host(self.resource):
            # RFC 9728 1.2: its metadata lies below it.
            raise ValueError(f"the resource {self.resource!r} is no web address")
        counted = [one.id for one in self.catalog.permissions if one.counted]
        if counted and options.credentials is None:
            raise ValueError(f"{', '.join(counted)}: what is counted needs credentials")
        self.options = options
        self._proxies = tuple(map(ipaddress.ip_network, options.certificate_proxies))
        self._connection = Connection(self, options)

    @property
    def issuer(self) -> str:
        """The authorization server."""
        return self.options.issuer

    @property
    def live(self) -> Live:
        """How the API learns of changes (see Options)."""
        return self.options.mode

    @property
    def usage(self) -> Usage:
        """What is reported to the server: which permissions were used."""
        return self._connection.usage

    @contextmanager
    def replaced(self, options: Options) -> Iterator[None]:
        """Uses these options, and a new connection, within a test."""
        before = self._connection
        self._connection = Connection(self, options)
        try:
            yield
        finally:
            self._connection = before

    def start(self) -> None:
        """Starts to follow the change log in the running event loop, where `live` says so, and
        compares the registered catalog with this one, for the log. Otherwise the first call does.
        """
        self._connection.start()

    async def close(self) -> None:
        """Reports usage, returns leases, and stops what runs in the running event loop."""
        await self._connection.close()

    async def catalog_difference(self) -> str:
        """How the registered catalog differs from this API's, in words; "" if they are equal or the
        server does not say. Raises Unreachable."""
        return await self._connection.self_check.difference()

    def rule(
        self,
        authorization: str,
        *,
        needs: Sequence[str],
        query: str,
        sender_proof: SenderProof,
        sign_in: SignIn,
        loop: Loop,
    ) -> Rule[Principal]:
        """The rule behind `verify`, by what that event loop has learnt. The caller runs it."""
        return self._connection.admission.verify(
            authorization,
            needs,
            query=query,
            sender_proof=sender_proof,
            sign_in=sign_in,
            loop=loop,
        )

    async def spend(
        self, principal: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """Counts one use of each permission that the user has limited. `amount` is for the one that
        has a unit. Raises Limited for a limit that is reached, Refused, Unreachable."""
        await self._connection.limits.spend(principal, needs, amount=amount)

    def check_amount(self, principal: Principal, need: Need, amount: Amount | None) -> None:
        """Raises Refused if the amount is malformed, even where the user has set no limit."""
        self._connection.limits.check(principal, need.permissions, amount)

    def refused(self, principal: Principal, error: InvalidRequest) -> Refused:
        """The refusal of a call by this caller."""
        return self._connection.limits.refused(principal, error)

    def sender_proof(self, call: Call) -> SenderProof:
        """What a call presents beside its access token. Raises Refused."""
        return SenderProof(
            method=call.method,
            path=call.path,
            proofs=call.proofs,
            certificate=self.certificate(call.peer, call.certificate),
        )

    def certificate(self, peer: str, header: str) -> bytes:
        """The caller's certificate in DER, from a `Client-Cert` header (RFC 9440); b"" if there is
        none, or if `peer` is not a trusted proxy. Raises Refused if it cannot be read."""
        if not header or not self._is_trusted(peer):
            return b""
        try:
            return client_certificate.read(header)
        except client_certificate.BadCertificate as error:
            raise self._connection.admission.refused(InvalidRequest(detail=str(error))) from error

    def _is_trusted(self, peer: str) -> bool:
        try:
            ip = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(ip in network for network in self._proxies)

    @property
    def metadata(self) -> ResourceMetadata:
        """The metadata of the API (RFC 9728 2)."""
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
            split_access_tokens_required=self.options.split,
            authorization_details_types_supported=(self.resource,),
            authorization_details_types_metadata_endpoint=self.types_address,
        )
