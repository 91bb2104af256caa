"""The one way out: documents that others publish, and messages that they asked for.

What is fetched is remembered for as long as its headers say, within limits; whoever asks for the
same meanwhile waits for the same answer. Failures are not remembered.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Final

import msgspec

from valetkey.http import log
from valetkey.http.exchange import (
    Answer,
    Outgoing,
    Refused,
    Resolve,
    exchange,
    permitted,
    system_resolver,
)
from valetkey.jose.objects import depth, read_value
from valetkey.model.want import Document, DocumentKind, Outside, Unreachable
from valetkey.wire.https import BadAddress, Target, target

SECONDS: Final = 3.0
"""For an exchange in all: name, connection, TLS, answer."""

DEPTH: Final = 16
"""To which a JSON document may be nested."""

AT_ONCE: Final = 64
"""Exchanges at once, with all hosts together."""

AT_ONCE_EACH: Final = 8
"""Exchanges at once with one host."""

REMEMBERED: Final = 512
REMEMBERED_BYTES: Final = 8 * 1024 * 1024
"""How much is remembered: the documents asked for last."""

UNSAID: Final = 300.0
SHORTEST: Final = 5.0
LONGEST: Final = 86400.0
"""Seconds for which a document is remembered: where its headers say nothing, at least, at most. The
shortest spans the steps of one sign-in."""

AGAIN: Final = 10.0
"""Seconds after a fetch in which the same document is not fetched again, whoever insists."""


class Terms(msgspec.Struct, frozen=True):
    """How a kind of document is taken: at most so many bytes, JSON or not, and whether it has to
    say so itself."""

    most: int
    accept: str
    json: bool = True
    typed: bool = False


TERMS: Final[dict[DocumentKind, Terms]] = {
    "keys": Terms(64 * 1024, "application/jwk-set+json, application/json"),
    "client": Terms(5 * 1024, "application/json", typed=True),
    "sector": Terms(64 * 1024, "application/json"),
    "request": Terms(64 * 1024, "application/oauth-authz-req+jwt, application/jwt", json=False),
    "logo": Terms(64 * 1024, "image/png, image/jpeg", json=False),
}


class _Kept(msgspec.Struct):
    """A remembered document: until when it is good, and when somebody last went for it."""

    document: Document
    until: float
    tried: float


class Fetcher:
    """Goes out. `trust` says who vouches for hosts, and is asked each time; `local` lists
    `host:port`s that may lie on addresses which are not public."""

    def __init__(
        self,
        trust: Callable[[], SSLContext],
        *,
        local: Collection[str] = (),
        resolve: Resolve = system_resolver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trust = trust
        self._local = frozenset(local)
        self._resolve = resolve
        self._clock = clock
        self._kept: OrderedDict[tuple[DocumentKind, str], _Kept] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[DocumentKind, str], asyncio.Task[Document | Unreachable]] = {}
        self._busy: Counter[str] = Counter()

    async def documents(self, wants: Sequence[Outside]) -> Mapping[Outside, Document | Unreachable]:
        """What the rules want from outside. Raises nothing."""
        found = await asyncio.gather(*(self.get(want) for want in wants))
        return dict(zip(wants, found, strict=True))

    async def get(self, want: Outside) -> Document | Unreachable:
        """The document, remembered or fetched now. Raises nothing."""
        key = (want.kind, want.url)
        kept = self._kept.get(key)
        now = self._clock()
        if kept is not None and now < kept.until and not (want.again and self._old(kept, now)):
            self._kept.move_to_end(key)
            return kept.document
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._fetched(want))
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # Shielded: one of those who wait may go away, and the others still want it.
        return await asyncio.shield(flight)

    async def post(
        self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = {}
    ) -> Answer | Unreachable:
        """What the host answers to a message: any status but a redirect. Raises nothing."""
        what = Outgoing(accept="*/*", body=body, headers={**headers, "content-type": content_type})
        try:
            return await self._exchanged(target(url), what, most=5 * 1024)
        except (BadAddress, Refused) as error:
            return _unreachable(url, _why(error))

    def _old(self, kept: _Kept, now: float) -> bool:
        """Whether it may be fetched again already. Whoever insists is counted, come what may."""
        if now - kept.tried < AGAIN:
            return False
        kept.tried = now
        return True

    async def _fetched(self, want: Outside) -> Document | Unreachable:
        terms = TERMS[want.kind]
        try:
            answer = await self._exchanged(
                target(want.url), Outgoing(accept=terms.accept), most=terms.most
            )
            _check(answer, terms)
        except (BadAddress, Refused) as error:
            return _unreachable(want.url, _why(error))
        document = Document(answer.body, int(time.time()))
        self._remember((want.kind, want.url), document, seconds=_seconds(answer.headers))
        return document

    async def _exchanged(self, to: Target, what: Outgoing, *, most: int) -> Answer:
        if self._busy.total() >= AT_ONCE or self._busy[to.host] >= AT_ONCE_EACH:
            raise Refused("too much is under way already")
        self._busy[to.host] += 1
        try:
            async with asyncio.timeout(SECONDS):
                addresses = await permitted(to, resolve=self._resolve, local=self._local)
                answer = await exchange(
                    to, what, addresses=addresses, trust=self._trust(), most=most
                )
        except TimeoutError as error:
            raise Refused(f"it takes longer than {SECONDS:g} s") from error
        finally:
            self._busy[to.host] -= 1
            self._busy += Counter()  # Drops the hosts that are at 0.
        if 300 <= answer.status < 400:
            raise Refused("it redirects, and nobody follows")
        return answer

    def _remember(
        self, key: tuple[DocumentKind, str], document: Document, *, seconds: float
    ) -> None:
        now = self._clock()
        self._forget(key)
        self._kept[key] = _Kept(document, now + seconds, now)
        self._bytes += len(document.body)
        while len(self._kept) > REMEMBERED or self._bytes > REMEMBERED_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[DocumentKind, str]) -> None:
        kept = self._kept.pop(key, None)
        self._bytes -= 0 if kept is None else len(kept.document.body)


def _why(error: BadAddress | Refused) -> str:
    return f"it {error}" if isinstance(error, BadAddress) else str(error)


def _unreachable(url: str, why: str) -> Unreachable:
    # The host alone: a path or a query may hold what is nobody's business.
    host = url.partition("://")[2].partition("/")[0][:255]
    log.info("outside", host=host, why=why)
    return Unreachable(why)


def _check(answer: Answer, terms: Terms) -> None:
    if answer.status != 200:
        raise Refused(f"it answers with status {answer.status}")
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
    """How long the headers allow to remember it (RFC 9111 4.2.1, 5.2.2)."""
    parts = (part.partition("=") for part in headers.get("cache-control", "").split(","))
    directives = {name.strip().lower(): value.strip(' "') for name, _, value in parts}
    if directives.keys() & {"no-store", "no-cache"}:
        return SHORTEST
    said = _number(directives.get("max-age", ""))
    if said is None:
        said = _until_expiry(headers)
    if said is None:
        return UNSAID
    return min(max(said - (_number(headers.get("age", "")) or 0.0), SHORTEST), LONGEST)


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
        return 0.0  # RFC 9111 5.3: what cannot be read has expired.
