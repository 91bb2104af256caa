"""The authorization server of an API: its metadata and keys, fetched when needed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from valetkey.jose.jwk import SERVER_ALGORITHMS, PublicKey, parse_set
from valetkey.jose.jws import BadSignature, read_header
from valetkey.jose.objects import read_object
from valetkey.resource.breaker import BreakerOpen
from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Http, PerLoop
from valetkey.wire import metadata
from valetkey.wire.metadata import ServerMetadata

# Rules of the kit: generators that read from top to bottom.
#
# A rule looks up what an event loop has learnt already, on any thread, and yields an Ask for the
# rest. Its driver awaits the answer in that loop, or waits for it on another thread.

T = TypeVar("T")

Loop: TypeAlias = asyncio.AbstractEventLoop
Ask: TypeAlias = Callable[[], Awaitable[Any]]
"""Asks the server, in the event loop. May raise."""

Rule: TypeAlias = Generator[Ask, Any, T]


async def run(rule: Rule[T]) -> T:
    """Runs a rule in the running event loop, and returns its decision."""
    try:
        ask = next(rule)
        while True:
            ask = rule.send(await ask())
    except StopIteration as end:
        decided: T = end.value
        return decided


FRESH: Final = 300.0
"""Seconds for which fetched keys are used without another request."""

STALE: Final = 3600.0
"""Seconds for which old keys are used while the server does not answer. No access token lives
longer."""

PAUSES: Final = (1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until the next fetch, after zero, one, two … failures in a row. Forged key ids, or a
server that is down, cause no more requests than that."""


class Issuer:
    """One authorization server, as seen by an API."""

    def __init__(self, issuer: str, http: Http) -> None:
        self.issuer = issuer
        self._http = http
        self._metadata: ServerMetadata | None = None
        self._keys: tuple[PublicKey, ...] = ()
        self._kids: frozenset[str] = frozenset()
        self._fetched = float("-inf")
        self._next = float("-inf")
        self._failures = 0
        self._answers = True
        self._fetching = PerLoop(asyncio.Lock)
        self._revoked: frozenset[str] = frozenset()

    async def metadata(self) -> ServerMetadata:
        """The server's metadata (RFC 8414). Raises Unreachable."""
        if self._metadata is None:
            address = metadata.well_known(self.issuer, metadata.AUTHORIZATION_SERVER)
            try:
                self._metadata = metadata.read_server(
                    await self._http.get(address), issuer=self.issuer
                )
            except metadata.BadMetadata as error:
                raise Unreachable(f"{address}: {error}") from error
        return self._metadata

    async def keys(self, token: str) -> tuple[PublicKey, ...]:
        """The keys that may have signed the token. Raises Unreachable if the server is silent, and
        its keys are unknown, too old, or not the token's."""
        kid = _kid(token)
        if self._due(kid):
            # One request, however many calls wait.
            async with self._fetching.get():
                if self._due(kid):
                    await self._fetch(kid)
        return self._good(kid)

    def keys_for(self, token: str) -> Rule[tuple[PublicKey, ...]]:
        """The same as a rule: it asks only if the keys are not known."""
        kid = _kid(token)
        if not self._due(kid):
            return self._good(kid)
        keys: tuple[PublicKey, ...] = yield partial(self.keys, token)
        return keys

    def _good(self, kid: str) -> tuple[PublicKey, ...]:
        if not self._answers and (self._age() >= STALE or not self._knows(kid)):
            raise Unreachable(f"no keys of {self.issuer}")
        return self._keys

    def forget_keys(self) -> None:
        """Forgets the keys, because the server has replaced them."""
        self._fetched = self._next = float("-inf")

    def revoke_key(self, kid: str) -> None:
        """Refuses all that the key of that id signed, even if a cache still publishes the key."""
        self._revoked |= {kid}
        self._take(self._keys)

    def _take(self, keys: Iterable[PublicKey]) -> None:
        self._keys = tuple(key for key in keys if key.kid not in self._revoked)
        self._kids = frozenset(key.kid for key in self._keys)

    def _due(self, kid: str) -> bool:
        return time.monotonic() >= self._next and (self._age() >= FRESH or not self._knows(kid))

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    def _knows(self, kid: str) -> bool:
        """Whether another request would be useless for this key id; "" is a token without one."""
        return not kid or kid in self._kids or kid in self._revoked

    async def _fetch(self, kid: str) -> None:
        try:
            document = await self.metadata()
            keys = parse_set(
                read_object(await self._http.get(document.jwks_uri)),
                algorithms=metadata.signing_algorithms(document),
                # Metadata does not list algorithms of access tokens; a key may name its own.
                if_named=SERVER_ALGORITHMS,
            )
            self._take(keys)
            self._fetched = time.monotonic()
            self._answers = True
        except BreakerOpen:
            # The breaker decides when to ask again.
            self._answers = False
            return
        except (Unreachable, ValueError):
            self._answers = False
        failed = not self._answers or not self._knows(kid)
        self._failures = self._failures + 1 if failed else 0
        self._next = time.monotonic() + PAUSES[min(self._failures, len(PAUSES) - 1)]


def _kid(token: str) -> str:
    """The key id in the token; "" if it has none or is malformed."""
    try:
        kid = read_header(token).get("kid")
    except BadSignature:
        return ""
    return kid if isinstance(kid, str) else ""
