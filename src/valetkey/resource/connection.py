"""What an API knows of its authorization server, and the parts that ask it."""

from pathlib import Path
from urllib.parse import quote_plus

import httpx2

from valetkey.resource.admission import Admission
from valetkey.resource.api_halves import ApiHalves
from valetkey.resource.declaration import Declaration
from valetkey.resource.http import Http
from valetkey.resource.issuer import Issuer
from valetkey.resource.limits import Limits
from valetkey.resource.options import Options
from valetkey.resource.self_check import SelfCheck
from valetkey.resource.spending import JournalPlace
from valetkey.resource.token_status import StatusSource
from valetkey.resource.usage import Usage


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
