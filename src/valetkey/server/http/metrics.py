"""Metrics for Prometheus, on a port of their own (the extra `metrics`).

A request adds to numbers in memory, which costs microseconds. A scrape gets a copy, which another
thread writes (see `metrics_port`).
"""

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.http.front import App, Handler, MethodHandler
from valetkey.server.http.reply import Reply, StreamReply
from valetkey.server.http.request import Receive, Request, Scope, Send
from valetkey.server.model.change import Change
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.store.master_key import MasterKey, master_keys
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.revocations.shipping import ShipNumbers, ShippingStore
from valetkey.spec.errors import OAuthError

BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075),
    *(0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds in seconds: those of OpenTelemetry's `http.server.request.duration`, and a few
below."""


class Durations(msgspec.Struct):
    """How often something took how long: a number for each of BUCKETS, and one for above."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def merge(self, other: "Durations") -> None:
        """Count those of another process too."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class RequestKind(msgspec.Struct, frozen=True):
    """What a request was and came to. `route` is the path of the endpoint or page, with names for
    its parts; `grant_type` is "" away from the token endpoint; `error` is the registered code, ""
    for none."""

    method: str
    route: str
    grant_type: str
    status: int
    error: str


class SignatureNumbers(msgspec.Struct):
    """What a token or a service has signed: how often, in how many seconds, how often not; how many
    keys failed at last, and how much waits for it."""

    signed: int = 0
    seconds: float = 0.0
    failed: int = 0
    failing: int = 0
    waiting: int = 0

    def merge(self, other: "SignatureNumbers") -> None:
        """Count those of another process too."""
        self.signed += other.signed
        self.seconds += other.seconds
        self.failed += other.failed
        self.failing = max(self.failing, other.failing)
        self.waiting += other.waiting


def signature_numbers(master: MasterKey) -> dict[str, SignatureNumbers]:
    """Of the tokens and services of this process, by kind."""
    return {
        one.store: SignatureNumbers(
            signed=one.counts.signed,
            seconds=one.counts.seconds,
            failed=one.counts.failed,
            failing=len(one.counts.failing),
            waiting=0 if one.pool is None else one.pool.waiting,
        )
        for one in master_keys(master).tokens
    }


class Snapshot(msgspec.Struct):
    """The numbers of one process."""

    requests: list[tuple[RequestKind, Durations]] = []
    events: dict[str, int] = {}
    commits: Durations = msgspec.field(default_factory=Durations)
    failed_commits: int = 0
    loop_delay: float = 0.0
    connections: int = 0
    sign_ins: dict[str, int] = {}
    """Failed sign-ins, as `SignInFailures.totals`."""
    signatures: dict[str, SignatureNumbers] = {}
    """Of tokens and services that hold signing keys, by kind."""
    shipped: ShipNumbers | None = None
    """Of the place that keeps revocations, if there is one."""


class Observed(msgspec.Struct):
    """What is looked at now and then, by whichever process owns the port."""

    jobs: int = 0
    oldest_job: float = 0.0
    keys: dict[str, int] = {}


class RequestEnd(msgspec.Struct, frozen=True):
    """How a request ended: the registered `error` is "" for none."""

    route: str
    status: int
    error: str
    seconds: float


Note: TypeAlias = Callable[[Request, RequestEnd], None]
"""What is done with a request that has ended."""


class NoMeter:
    """Counts nothing, and costs nothing."""

    def __init__(self) -> None:
        self.connections: Callable[[], int] = lambda: 0
        self.sign_ins: Mapping[str, int] = {}
        self.signatures: Callable[[], dict[str, SignatureNumbers]] = dict
        self.shipped: ShippingStore | None = None
        self.loop_delay = 0.0

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        """The endpoints, by path."""
        return handlers

    def pages(self, app: App) -> App:
        """The pages."""
        return app

    def store(self, store: Store) -> Store:
        """The store."""
        return store

    def snapshot(self) -> Snapshot:
        """The numbers as they are."""
        return Snapshot(commits=Durations())


class Meter(NoMeter):
    """The numbers of this process."""

    def __init__(self, grant_types: Sequence[str] = ()) -> None:
        """`grant_types` are those to tell apart; others are one."""
        super().__init__()
        self._grant_types = frozenset(grant_types)
        self._requests: dict[RequestKind, Durations] = {}
        self._events: dict[str, int] = {}
        self._commits = Durations()
        self._failed_commits = 0

    def snapshot(self) -> Snapshot:
        """The numbers as they are."""
        return Snapshot(
            requests=list(self._requests.items()),
            events=dict(self._events),
            commits=self._commits,
            failed_commits=self._failed_commits,
            loop_delay=self.loop_delay,
            connections=self.connections(),
            sign_ins=dict(self.sign_ins),
            signatures=self.signatures(),
            shipped=None if self.shipped is None else self.shipped.numbers,
        )

    def request(self, kind: RequestKind, seconds: float) -> None:
        """Count a request."""
        durations = self._requests.get(kind)
        if durations is None:
            durations = self._requests[kind] = Durations()
        durations.add(seconds)

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        """The endpoints, whose requests are counted."""
        return {path: timed(path, one, self._count) for path, one in handlers.items()}

    def _count(self, request: Request, end: RequestEnd) -> None:
        grant_type = self._grant_type(end.route, request)
        kind = RequestKind(request.method, end.route, grant_type, end.status, end.error)
        self.request(kind, end.seconds)

    def _grant_type(self, path: str, request: Request) -> str:
        if path != "/token":
            return ""
        try:
            name = request.form().get("grant_type", "")
        except OAuthError:
            return ""
        return name if name in self._grant_types else "other"

    def pages(self, app: App) -> App:
        """The pages, which count their requests."""
        return timed_pages(app, self._count)

    def store(self, store: Store) -> Store:
        """The store, whose commits and events are counted."""
        return _MeasuredStore(store, self)

    def committed(self, seconds: float, events: Sequence[Event]) -> None:
        """Count a commit, and what it records."""
        self._commits.add(seconds)
        for event in events:
            self._events[event.kind] = self._events.get(event.kind, 0) + 1

    def not_committed(self) -> None:
        """Count a commit for which the database did not answer."""
        self._failed_commits += 1


_ERROR: Final = re.compile(rb'"error":"([a-z_]{1,64})"')


def timed(path: str, handler: MethodHandler, note: Note) -> MethodHandler:
    """The handler of that path; `note` gets each request, of a stream when it begins."""
    inner, clock = handler.handler, time.perf_counter

    async def timing(request: Request) -> Reply | StreamReply:
        began = clock()
        try:
            reply = await inner(request)
        except Exception as error:
            note(request, RequestEnd(path, *failure(error), clock() - began))
            raise
        note(request, RequestEnd(path, *outcome(reply), clock() - began))
        return reply

    replaced: Handler = timing
    return msgspec.structs.replace(handler, handler=replaced)


def timed_pages(app: App, note: Note) -> App:
    """The pages; `note` gets each request."""

    async def timing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, sender = time.perf_counter(), NotedSend(send)
        try:
            await app(scope, receive, sender)
        finally:
            seconds = time.perf_counter() - began
            request = Request.of(scope)
            request.address = scope.get("valetkey.address", request.address)
            note(request, RequestEnd(route_of(scope), sender.status, "", seconds))

    return timing


class NotedSend:
    """Sends the reply of a page, and notes its status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def route_of(scope: Scope) -> str:
    """Which of the pages it was, as Starlette says; the others are one."""
    route: str = getattr(scope.get("route"), "path", "other")
    return route


def outcome(reply: Reply | StreamReply) -> tuple[int, str]:
    """The status of a reply, and the registered code in an error reply, "" for none."""
    if reply.status < 400 or not isinstance(reply, Reply):
        return reply.status, ""
    match = _ERROR.search(reply.body)
    return reply.status, "" if match is None else match[1].decode()


def failure(error: Exception) -> tuple[int, str]:
    """The status and the registered code that an exception becomes."""
    if isinstance(error, OAuthError):
        return error.status, error.code
    return (503, "temporarily_unavailable") if isinstance(error, Unavailable) else (500, "")


class _MeasuredStore:
    """A store whose commits are counted. Everything else goes to the store itself."""

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store = store
        self._meter = meter
        # Not through `__getattr__`: reads are on the way of every request.
        self.read = store.read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        began = time.perf_counter()
        try:
            counters = await self._store.commit(changes, events)
        except Unavailable:
            self._meter.not_committed()
            raise
        self._meter.committed(time.perf_counter() - began, events)
        return counters
