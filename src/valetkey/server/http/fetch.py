"""The one way out: documents that others publish, and messages that they asked for.

What is fetched is remembered for as long as its headers say, within limits, and a failure for
seconds; whoever asks for the same meanwhile waits for the same answer. What strangers ask for has
room and memory of its own, little of both: it takes nothing from what others need (ATTACKS A97).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Final, TypeAlias

import msgspec

from valetkey.jose.objects import depth, read_value
from valetkey.server.http import log
from valetkey.server.http.document_cache import Documents, Failures, Kept
from valetkey.server.http.outbound import Answer, Outgoing, Refused, Resolve, exchange, permitted
from valetkey.server.http.outbound_pool import SIZES, NoRoom, Pace, Pool
from valetkey.server.model.query import Document, DocumentKind, DocumentRequest, Party, Unreachable
from valetkey.wire.https import BadAddress, Target, target

SECONDS: Final = 3.0
"""For an exchange in all: name, connection, TLS, answer."""

DEPTH: Final = 16
"""To which a JSON document may be nested."""

REMEMBERED: Final = 512, 8 * 1024 * 1024
OF_STRANGERS: Final = 128, 1024 * 1024
"""How many documents are remembered, and how many bytes of them."""

UNSAID: Final = 300.0
SHORTEST: Final = 5.0
LONGEST: Final = 86400.0
"""Seconds for which a document is remembered: where its headers say nothing, at least, at most. The
shortest spans the steps of one sign-in."""

AGAIN: Final = 10.0
"""Seconds after a fetch in which the same document is not fetched again, whoever insists."""


_Whose: TypeAlias = tuple[Party, DocumentKind, str]


class Terms(msgspec.Struct, frozen=True):
    """How a kind of document is taken: at most so many bytes, JSON or not, and whether it has to
    say so itself. `afresh`: one that is remembered will not do."""

    most: int
    accept: str
    json: bool = True
    typed: bool = False
    afresh: bool = False


TERMS: Final[dict[DocumentKind, Terms]] = {
    "keys": Terms(64 * 1024, "application/jwk-set+json, application/json"),
    "client": Terms(5 * 1024, "application/json", typed=True),
    # OpenID Connect Registration 5: what it says when a client registers counts.
    "sector": Terms(64 * 1024, "application/json", afresh=True),
    "request": Terms(64 * 1024, "application/oauth-authz-req+jwt, application/jwt", json=False),
    "logo": Terms(64 * 1024, "image/png, image/jpeg", json=False),
}


class Fetcher:
    """Goes out. `trust` says who vouches for hosts, and is asked each time; `local` lists
    `host:port`s that may lie on addresses which are not public."""

    def __init__(
        self,
        trust: Callable[[], SSLContext],
        *,
        local: Collection[str] = (),
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trust = trust
        self._local = frozenset(local)
        self._clock = clock
        self._pools = {purpose: Pool(size, resolve) for purpose, size in SIZES.items()}
        self._pace = Pace()
        self._kept = Documents(*REMEMBERED)
        self._of_strangers = Documents(*OF_STRANGERS)
        self._failed = Failures[_Whose]()
        self._silent = Failures[str]()
        self._flights: dict[_Whose, asyncio.Task[Document | Unreachable]] = {}

    async def documents(
        self, wants: Sequence[DocumentRequest]
    ) -> Mapping[DocumentRequest, Document | Unreachable]:
        """What the rules want from outside. Raises nothing."""
        found = await asyncio.gather(*(self.get(want) for want in wants))
        return dict(zip(wants, found, strict=True))

    async def get(self, want: DocumentRequest) -> Document | Unreachable:
        """The document, remembered or fetched now. Raises nothing."""
        key, now = (want.kind, want.url), self._clock()
        kept = None
        if not TERMS[want.kind].afresh:
            kept = self._kept.get(key) or self._of_strangers.get(key)
        if kept is not None and now < kept.until and not (want.again and self._old(kept, now)):
            return kept.document
        whose = (want.party, *key)
        if (failed := self._failed.get(whose, now)) is not None:
            return failed
        flight = self._flights.get(whose)
        if flight is None:
            flight = self._flights[whose] = asyncio.create_task(self._fetched(want))
            flight.add_done_callback(lambda _: self._flights.pop(whose, None))
        # Shielded: one of those who wait may go away, and the others still want it.
        return await asyncio.shield(flight)

    async def post(
        self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = {}
    ) -> Answer | Unreachable:
        """What the host answers to a message: any status but a redirect. Raises nothing."""
        what = Outgoing(accept="*/*", body=body, headers={**headers, "content-type": content_type})
        try:
            return await self._exchanged(
                target(url), what, most=5 * 1024, pool=self._pools["delivery"]
            )
        except (BadAddress, Refused) as error:
            return _unreachable(url, error)

    def _old(self, kept: Kept, now: float) -> bool:
        """Whether it may be fetched again already. Whoever insists is counted, come what may."""
        if now - kept.tried < AGAIN:
            return False
        kept.tried = now
        return True

    async def _fetched(self, want: DocumentRequest) -> Document | Unreachable:
        try:
            answer = await self._taken(want)
        except NoRoom as error:
            return _unreachable(want.url, error)  # That says nothing of the host.
        except (BadAddress, Refused) as error:
            why = _unreachable(want.url, error)
            self._failed.put((want.party, want.kind, want.url), why, self._clock())
            return why
        document = Document(answer.body, int(time.time()))
        now = self._clock()
        kept = Kept(document, now + _seconds(answer.headers), now)
        memory = self._of_strangers if want.party == "stranger" else self._kept
        memory.put((want.kind, want.url), kept)
        return document

    async def _taken(self, want: DocumentRequest) -> Answer:
        """The answer of the host, checked. Raises BadAddress, Refused."""
        terms, to, pool = TERMS[want.kind], target(want.url), self._pools[want.party]
        stranger = want.party == "stranger"
        if stranger:
            self._admit(to, want)
        try:
            answer = await self._exchanged(
                to, Outgoing(accept=terms.accept), most=terms.most, pool=pool
            )
        except Refused as error:
            if stranger and error.temporary and not isinstance(error, NoRoom):
                self._silent.put(to.host, Unreachable(str(error)), self._clock())
            raise
        _check(answer, terms)
        return answer

    def _admit(self, to: Target, want: DocumentRequest) -> None:
        """Raises NoRoom for what strangers may not ask for now: a host that did not answer them
        just before, whatever its path, or more than their network's share."""
        now = self._clock()
        if (silent := self._silent.get(to.host, now)) is not None:
            raise NoRoom(silent.why)
        if want.address:
            self._pace.count(want.address, now)

    async def _exchanged(self, to: Target, what: Outgoing, *, most: int, pool: Pool) -> Answer:
        with pool.room(to):
            try:
                async with asyncio.timeout(SECONDS):
                    addresses = await permitted(to, resolve=pool.resolve, local=self._local)
                    answer = await exchange(
                        to, what, addresses=addresses, trust=self._trust(), most=most
                    )
            except TimeoutError as error:
                raise Refused(f"it takes longer than {SECONDS:g} s", temporary=True) from error
        if 300 <= answer.status < 400:
            raise Refused("it redirects, and nobody follows")
        return answer


def _unreachable(url: str, error: BadAddress | Refused) -> Unreachable:
    temporary = isinstance(error, Refused) and error.temporary
    why = str(error) if isinstance(error, Refused) else f"it {error}"
    # The host alone: a path or a query may hold what is nobody's business.
    host = url.partition("://")[2].partition("/")[0][:255]
    log.info("outside", host=host, why=why)
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
