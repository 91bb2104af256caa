"""Outbound requests: for documents that other hosts publish, and to deliver messages.

A document is cached for as long as its headers say, within limits, and a failure for seconds.
Requests for the same document share one fetch. Documents that anonymous callers cause to be fetched
have a small pool and cache of their own, so they take nothing from others (ATTACKS A97).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Final, Protocol, TypeAlias

import msgspec

from valetkey.jose.objects import depth, read_value
from valetkey.server.http import log
from valetkey.server.http.outbound import (
    Answer,
    Exchange,
    Outgoing,
    Refused,
    Resolve,
    exchange,
    permitted,
)
from valetkey.server.http.outbound_pool import (
    SIZES,
    CachedDocument,
    DocumentCache,
    FailureCache,
    NoRoom,
    Pace,
    Pool,
    Purpose,
)
from valetkey.server.model.query import Document, DocumentKind, DocumentRequest, Party, Unreachable
from valetkey.wire.address import BadAddress, Target, target

SECONDS: Final = 3.0
"""Seconds for a whole exchange: name, connection, TLS, answer."""

DEPTH: Final = 16
"""Levels to which a JSON document may be nested."""

CACHE_SIZE: Final = 512, 8 * 1024 * 1024
ANONYMOUS_CACHE_SIZE: Final = 128, 1024 * 1024
"""Documents in a cache, and their bytes in total."""

DEFAULT_SECONDS: Final = 300.0
MIN_SECONDS: Final = 5.0
MAX_SECONDS: Final = 86400.0
"""Seconds for which a document is cached: if its headers don't say, at least, at most. The minimum
spans the steps of one sign-in."""

ASK_SECONDS: Final = 10.0
"""Seconds for an exchange with a provider, for which a user waits."""

ASK_BYTES: Final = 64 * 1024
"""Bytes of a provider's answer: an ID Token may list many groups."""

REFETCH_SECONDS: Final = 10.0
"""Seconds after a fetch in which the same document is not fetched again, even on request."""

_OF_PROVIDERS: Final[frozenset[Purpose]] = frozenset({"upstream", "sign-in"})

_Whose: TypeAlias = tuple[Party, DocumentKind, str]


class Terms(msgspec.Struct, frozen=True):
    """How a kind of document is fetched: its maximum of bytes (`most`), whether it is JSON, and
    whether its media type has to say so (`typed`). `afresh`: a cached one is not good enough."""

    most: int
    accept: str
    json: bool = True
    typed: bool = False
    afresh: bool = False


TERMS: Final[dict[DocumentKind, Terms]] = {
    "keys": Terms(64 * 1024, "application/jwk-set+json, application/json"),
    "client": Terms(5 * 1024, "application/json", typed=True),
    # OpenID Connect Registration 5: its content when a client registers counts.
    "sector": Terms(64 * 1024, "application/json", afresh=True),
    "request": Terms(64 * 1024, "application/oauth-authz-req+jwt, application/jwt", json=False),
    "logo": Terms(64 * 1024, "image/png, image/jpeg", json=False),
    "provider": Terms(64 * 1024, "application/json"),
}


class Ask(Protocol):
    """Asks a provider: by a POST if there is a body, else by a GET. Raises nothing."""

    async def __call__(
        self, url: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Answer | Unreachable: ...


class Fetcher:
    """Makes outbound requests. `trust` returns the TLS context for each; `local` lists the
    `host:port`s that may be at addresses that are not public, `providers` those at which only
    providers may. `send` makes one exchange.

    What is fetched of a provider is cached apart: nobody else learns from the cache what a private
    host publishes (ATTACKS A51)."""

    def __init__(
        self,
        trust: Callable[[], SSLContext],
        *,
        local: Collection[str] = (),
        providers: Collection[str] = (),
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        send: Exchange = exchange,
    ) -> None:
        self._trust = trust
        self._send = send
        self._local = frozenset(local)
        self._providers = self._local.union(providers)
        self._resolve = resolve
        self._clock = clock
        self._pools = {purpose: Pool(size, resolve) for purpose, size in SIZES.items()}
        self._pace = Pace()
        self._cache = DocumentCache(*CACHE_SIZE)
        self._anonymous_cache = DocumentCache(*ANONYMOUS_CACHE_SIZE)
        self._provider_cache = DocumentCache(*ANONYMOUS_CACHE_SIZE)
        self._failed = FailureCache[_Whose]()
        self._silent = FailureCache[str]()
        self._flights: dict[_Whose, asyncio.Task[Document | Unreachable]] = {}

    def with_local(self, host: str) -> "Fetcher":
        """Another one, with connections of its own, that may also reach `host` as a local one."""
        local = (*self._local, host)
        return Fetcher(
            self._trust, local=local, resolve=self._resolve, clock=self._clock, send=self._send
        )

    async def documents(
        self, wants: Sequence[DocumentRequest]
    ) -> Mapping[DocumentRequest, Document | Unreachable]:
        """The documents that a rule requests. Raises nothing."""
        found = await asyncio.gather(*(self.get(want) for want in wants))
        return dict(zip(wants, found, strict=True))

    async def get(self, want: DocumentRequest) -> Document | Unreachable:
        """The document, from the cache or fetched now. Raises nothing."""
        key, now = (want.kind, want.url), self._clock()
        entry = None if TERMS[want.kind].afresh else self._cached(want)
        if entry is not None and now < entry.until and not (want.again and self._renew(entry, now)):
            return entry.document
        whose = (want.party, *key)
        if (failed := self._failed.get(whose, now)) is not None:
            return failed
        flight = self._flights.get(whose)
        if flight is None:
            flight = self._flights[whose] = asyncio.create_task(self._fetch(want))
            flight.add_done_callback(lambda _: self._flights.pop(whose, None))
        # Shielded: one of the callers that wait may go away while the others still wait.
        return await asyncio.shield(flight)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str] = {},
        purpose: Purpose = "delivery",
    ) -> Answer | Unreachable:
        """The host's answer to a message, with any status but a redirect. Raises nothing."""
        what = Outgoing(accept="*/*", body=body, headers={**headers, "content-type": content_type})
        try:
            return await self._exchange(target(url), what, most=5 * 1024, purpose=purpose)
        except (BadAddress, Refused) as error:
            return _unreachable(url, error)

    async def ask(
        self, url: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Answer | Unreachable:
        """The answer of a provider at which a user signs in: to a POST with a body, else to a GET.
        Nothing is cached. A provider that did not answer a moment ago is not asked again yet, so
        its users don't wait for it one by one. Raises nothing."""
        what = Outgoing(accept="application/json", body=body, headers=headers, whole=True)
        try:
            to = target(url)
        except BadAddress as error:
            return _unreachable(url, error)
        try:
            if (silent := self._silent.get(to.authority, self._clock())) is not None:
                return silent
            return await self._exchange(
                to, what, most=ASK_BYTES, purpose="sign-in", seconds=ASK_SECONDS
            )
        except Refused as error:
            why = _unreachable(url, error)
            if why.temporary and not isinstance(error, NoRoom):
                self._silent.put(to.authority, why, self._clock())
            return why

    def _cached(self, want: DocumentRequest) -> CachedDocument | None:
        key = (want.kind, want.url)
        if want.party == "upstream":
            return self._provider_cache.get(key)
        return self._cache.get(key) or self._anonymous_cache.get(key)

    def _renew(self, entry: CachedDocument, now: float) -> bool:
        """Whether the document may be fetched again already. Counts as a try if so."""
        if now - entry.tried < REFETCH_SECONDS:
            return False
        entry.tried = now
        return True

    async def _fetch(self, want: DocumentRequest) -> Document | Unreachable:
        try:
            answer = await self._request(want)
        except NoRoom as error:
            return _unreachable(want.url, error)  # That says nothing about the host.
        except (BadAddress, Refused) as error:
            why = _unreachable(want.url, error)
            self._failed.put((want.party, want.kind, want.url), why, self._clock())
            return why
        document = Document(answer.body, int(time.time()))
        now = self._clock()
        entry = CachedDocument(document, now + _seconds(answer.headers), now)
        caches = {"stranger": self._anonymous_cache, "upstream": self._provider_cache}
        caches.get(want.party, self._cache).put((want.kind, want.url), entry)
        return document

    async def _request(self, want: DocumentRequest) -> Answer:
        """The host's answer, checked. Raises BadAddress, Refused."""
        terms, to = TERMS[want.kind], target(want.url)
        is_anonymous = want.party == "stranger"
        if is_anonymous:
            self._admit(to, want)
        try:
            answer = await self._exchange(
                to, Outgoing(accept=terms.accept), most=terms.most, purpose=want.party
            )
        except Refused as error:
            if is_anonymous and error.temporary and not isinstance(error, NoRoom):
                self._silent.put(to.host, Unreachable(str(error)), self._clock())
            raise
        _check(answer, terms)
        return answer

    def _admit(self, to: Target, want: DocumentRequest) -> None:
        """Raises NoRoom for what anonymous callers may not request now: a host that did not answer
        a moment ago, whatever the path, or more than their network's share."""
        now = self._clock()
        if (silent := self._silent.get(to.host, now)) is not None:
            raise NoRoom(silent.why)
        if want.address:
            self._pace.count(want.address, now)

    async def _exchange(
        self, to: Target, what: Outgoing, *, most: int, purpose: Purpose, seconds: float = SECONDS
    ) -> Answer:
        pool = self._pools[purpose]
        local = self._providers if purpose in _OF_PROVIDERS else self._local
        with pool.room(to):
            try:
                async with asyncio.timeout(seconds):
                    addresses = await permitted(to, resolve=pool.resolve, local=local)
                    answer = await self._send(
                        to, what, addresses=addresses, trust=self._trust(), most=most
                    )
            except TimeoutError as error:
                raise Refused(f"it takes longer than {seconds:g} s", temporary=True) from error
        if 300 <= answer.status < 400:
            raise Refused("it redirects, and nobody follows")
        return answer


def _unreachable(url: str, error: BadAddress | Refused) -> Unreachable:
    temporary = isinstance(error, Refused) and error.temporary
    why = str(error) if isinstance(error, Refused) else f"it {error}"
    # The host alone: a path or a query may hold something private.
    host = url.partition("://")[2].partition("/")[0][:255]
    log.info("outbound request failed", host=host, why=why)
    return Unreachable(why, temporary)


def _check(answer: Answer, terms: Terms) -> None:
    if answer.status != 200:
        busy = answer.status >= 500 or answer.status == 429
        raise Refused(f"it answers with status {answer.status}", temporary=busy)
    if terms.typed and not _is_json(answer.headers.get("content-type", "")):
        raise Refused("it does not say that it is JSON")
    if not terms.json:
        return
    try:
        value = read_value(answer.body)
    except ValueError as error:
        raise Refused(f"it is not proper JSON: {error}") from error
    if depth(value) > DEPTH:
        raise Refused("it is nested too deep")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _seconds(headers: Mapping[str, str]) -> float:
    """For how many seconds the headers allow to cache a document (RFC 9111 4.2.1, 5.2.2)."""
    parts = (part.partition("=") for part in headers.get("cache-control", "").split(","))
    directives = {name.strip().lower(): value.strip(' "') for name, _, value in parts}
    if directives.keys() & {"no-store", "no-cache"}:
        return MIN_SECONDS
    lifetime = _number(directives.get("max-age", ""))
    if lifetime is None:
        lifetime = _until_expiry(headers)
    if lifetime is None:
        return DEFAULT_SECONDS
    return min(max(lifetime - (_number(headers.get("age", "")) or 0.0), MIN_SECONDS), MAX_SECONDS)


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _until_expiry(headers: Mapping[str, str]) -> float | None:
    if "expires" not in headers:
        return None
    try:
        expires = parsedate_to_datetime(headers["expires"])
        date = parsedate_to_datetime(headers["date"])
        return (expires - date).total_seconds()
    except (KeyError, ValueError, TypeError):
        return 0.0  # RFC 9111 5.3: an unreadable date has expired.
