"""What an API knows of its authorization server: metadata and keys, fetched when needed."""

import asyncio
import time
from typing import Final

import httpx2
import msgspec

from valetkey.jose.jwk import PublicKey, parse_set
from valetkey.jose.jws import BadSignature, read_header
from valetkey.jose.objects import read_object
from valetkey.resource.errors import Unreachable
from valetkey.wire import metadata
from valetkey.wire.metadata import ServerMetadata

FRESH: Final = 300.0
"""Seconds for which fetched keys are used without asking again."""

STALE: Final = 86400.0
"""Seconds for which old keys are still used while the server does not answer."""

PAUSE: Final = 5.0
"""Seconds between two fetches that an unknown key id brings about."""


class Issuer:
    """One authorization server, as seen by an API. Safe to share among tasks of one loop."""

    def __init__(self, issuer: str, http: httpx2.AsyncClient) -> None:
        self.issuer = issuer
        self._http = http
        self._metadata: ServerMetadata | None = None
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._fetching = asyncio.Lock()

    async def metadata(self) -> ServerMetadata:
        """The server's metadata (RFC 8414). Raises Unreachable."""
        if self._metadata is None:
            address = metadata.well_known(self.issuer, metadata.AUTHORIZATION_SERVER)
            found = _converted(await self.get(address))
            # RFC 8414 3.3: the document must be this very issuer's.
            if found.issuer != self.issuer:
                raise Unreachable(f"{address} speaks of {found.issuer}")
            self._metadata = found
        return self._metadata

    async def keys(self, token: str) -> tuple[PublicKey, ...]:
        """The keys that may have signed the token. Raises Unreachable where there are none."""
        now = time.monotonic()
        if now - self._fetched >= FRESH or (self._unknown(token) and now - self._tried >= PAUSE):
            await self._refresh(now)
        return self._keys

    def _unknown(self, token: str) -> bool:
        try:
            kid = read_header(token).get("kid")
        except BadSignature:
            return False
        return all(key.kid != kid for key in self._keys)

    async def _refresh(self, asked: float) -> None:
        """Fetches the keys once, however many ask at the same time."""
        async with self._fetching:
            if self._tried >= asked:
                return
            self._tried = time.monotonic()
            try:
                about = await self.metadata()
                self._keys = parse_set(read_object(await self.get(about.jwks_uri)))
                self._fetched = time.monotonic()
            except (Unreachable, ValueError) as error:
                if not self._keys or time.monotonic() - self._fetched >= STALE:
                    raise Unreachable(f"no keys of {self.issuer}") from error

    async def get(self, address: str) -> bytes:
        """A document. Raises Unreachable."""
        return await self._sent(self._http.build_request("GET", address))

    async def post(self, address: str, form: dict[str, str], auth: tuple[str, str]) -> bytes:
        """The answer to a form. Raises Unreachable."""
        request = self._http.build_request("POST", address, data=form)
        return await self._sent(request, httpx2.BasicAuth(*auth))

    async def _sent(self, request: httpx2.Request, auth: httpx2.Auth | None = None) -> bytes:
        try:
            response = await self._http.send(request, auth=auth, follow_redirects=False)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{self.issuer} does not answer") from error
        if response.status_code != 200:
            raise Unreachable(f"{request.url.path} answers {response.status_code}")
        return response.content


def _converted(raw: bytes) -> ServerMetadata:
    try:
        return msgspec.convert(read_object(raw), ServerMetadata)
    except (ValueError, msgspec.ValidationError) as error:
        raise Unreachable("the metadata cannot be read") from error
