"""Traces for an OpenTelemetry collector (the extra `otel`): a span for each request, and below it
one for each read and commit of the store and for each outbound request.

A request continues the trace that its `traceparent` names (W3C Trace Context). Without a collector
in the settings nothing here is on the way. A span has no token, no user and no query: method,
route, status, the registered error, the host of an outbound request, how many queries and changes.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey import __version__
from valetkey.server.http import log
from valetkey.server.http.front import App, MethodHandler
from valetkey.server.http.metrics import NotedSend, failure, outcome, route_of
from valetkey.server.http.outbound import Answer, Exchange, Outgoing
from valetkey.server.http.reply import Reply, StreamReply
from valetkey.server.http.request import Receive, Request, Scope, Send
from valetkey.server.model.change import Change
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.store.port import Store
from valetkey.wire.address import Target

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler

TRACES_A_SECOND: Final = 50
"""Traces that a process records in a second: callers may ask for theirs by their `traceparent`."""

EXPORT_SECONDS: Final = 5.0
"""Seconds for which a batch is sent, and for which a stop waits for the last one."""

_recording: ContextVar[bool] = ContextVar("recording", default=False)
"""Whether the request of now is recorded."""

_TRACE_HEADERS: Final = ("traceparent", "tracestate")


class NoTracer:
    """Records nothing, and costs nothing."""

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        """The endpoints, by path."""
        return handlers

    def pages(self, app: App) -> App:
        """The pages."""
        return app

    def store(self, store: Store) -> Store:
        """The store."""
        return store

    def outbound(self, exchange: Exchange) -> Exchange:
        """What makes outbound requests."""
        return exchange

    async def close(self) -> None:
        """Sends what was recorded. Raises nothing, and takes EXPORT_SECONDS at most."""


NOT_TRACED: Final = NoTracer()


class Tracer(NoTracer):
    """Records spans, and sends them in batches from a thread of its own. While the collector is
    away, spans are dropped, and no request waits."""

    def __init__(self, processor: "SpanProcessor", *, share: float) -> None:
        """`share`: of the requests that no caller traces, how many are (0 to 1)."""
        # Imported here: an installation without the extra has neither.
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

        about = {"service.name": "valetkey", "service.version": __version__}
        self._share = share
        self._provider: TracerProvider = TracerProvider(
            sampler=_sampler(), resource=Resource.create(about), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("valetkey", __version__)
        self._propagator = tracecontext.TraceContextTextMapPropagator()
        self._api: Any = trace

    async def close(self) -> None:
        # A thread of its own: a collector that is away holds up neither the loop nor the exit.
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # The loop did not wait.
                loop.call_soon_threadsafe(closed.set)

        threading.Thread(target=shut_down, daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), EXPORT_SECONDS)

    def endpoints(self, handlers: Mapping[str, MethodHandler]) -> Mapping[str, MethodHandler]:
        return {path: self._traced(path, one) for path, one in handlers.items()}

    def _traced(self, path: str, handler: MethodHandler) -> MethodHandler:
        inner = handler.handler

        async def traced(request: Request) -> Reply | StreamReply:
            if not self._may_record(request):
                return await inner(request)
            with self._request(request, path) as span:
                try:
                    reply = await inner(request)
                except Exception as error:
                    _end(span, *failure(error))
                    raise
                _end(span, *outcome(reply))
                return reply

        return msgspec.structs.replace(handler, handler=traced)

    def pages(self, app: App) -> App:
        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request.of(scope)
            if not self._may_record(request):
                await app(scope, receive, send)
                return
            sender = NotedSend(send)
            with self._request(request, "page") as span:
                try:
                    await app(scope, receive, sender)
                finally:
                    route = route_of(scope)
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
                    _end(span, sender.status)

        return traced

    def _may_record(self, request: Request) -> bool:
        """Whether the request names a trace, or is one of the share. To have OpenTelemetry decide
        this would cost each request a fifth of what a token costs."""
        return bool(request.joined(b"traceparent")) or random.random() < self._share  # noqa: S311

    @contextlib.contextmanager
    def _request(self, request: Request, route: str) -> Iterator[Any]:
        """The span of a request."""
        # A repeated header is no reason to refuse a request: then the trace begins here.
        carrier = {name: request.joined(name.encode()) for name in _TRACE_HEADERS}
        with self._tracer.start_as_current_span(
            f"{request.method} {route}",
            context=self._propagator.extract({k: one for k, one in carrier.items() if one}),
            kind=self._api.SpanKind.SERVER,
            attributes={"http.request.method": request.method, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            before = _recording.set(span.is_recording())
            try:
                yield span
            finally:
                _recording.reset(before)

    def span(self, name: str, **attributes: str | int) -> Any:
        """A span of something that the server asks for, as a context."""
        return self._tracer.start_as_current_span(
            name,
            kind=self._api.SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
        )

    @property
    def is_recording(self) -> bool:
        """Whether a span of now records: background work has none."""
        return _recording.get()

    def store(self, store: Store) -> Store:
        return _TracedStore(store, self)

    def outbound(self, exchange: Exchange) -> Exchange:
        async def traced(to: Target, what: Outgoing, **options: Any) -> Answer:
            if not self.is_recording:
                return await exchange(to, what, **options)
            method = "GET" if what.body is None else "POST"
            # The host alone: a path or a query may hold something private.
            with self.span(f"{method} {to.host}", **{"server.address": to.host}) as span:
                answer = await exchange(to, what, **options)
                span.set_attribute("http.response.status_code", answer.status)
                return answer

        return traced


class _TracedStore:
    """A store whose reads and commits are spans of the request that waits for them."""

    def __init__(self, store: Store, tracer: Tracer) -> None:
        self._store = store
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, *wants: Any) -> Any:
        if not self._tracer.is_recording:
            return await self._store.read(*wants)
        with self._tracer.span("store read", **{"valetkey.queries": len(wants)}):
            return await self._store.read(*wants)

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        if not self._tracer.is_recording:
            return await self._store.commit(changes, events)
        with self._tracer.span("store commit", **{"valetkey.changes": len(changes)}):
            return await self._store.commit(changes, events)


def _end(span: Any, status: int, error: str = "") -> None:
    span.set_attribute("http.response.status_code", status)
    if error or status >= 500:
        span.set_attribute("error.type", error or str(status))


def _sampler() -> "Sampler":
    from opentelemetry.sdk.trace import sampling  # noqa: PLC0415

    class Bounded(sampling.Sampler):
        """Another sampler, for at most TRACES_A_SECOND in any one second."""

        def __init__(self, inner: sampling.Sampler, clock: Callable[[], float]) -> None:
            self._inner, self._clock = inner, clock
            self._second, self._count = 0, 0

        def should_sample(self, *arguments: Any, **options: Any) -> sampling.SamplingResult:
            result = self._inner.should_sample(*arguments, **options)
            if result.decision is not sampling.Decision.RECORD_AND_SAMPLE:
                return result
            second = int(self._clock())
            if second != self._second:
                self._second, self._count = second, 0
            self._count += 1
            if self._count > TRACES_A_SECOND:
                return sampling.SamplingResult(sampling.Decision.DROP)
            return result

        def get_description(self) -> str:
            return f"at most {TRACES_A_SECOND} a second of {self._inner.get_description()}"

    of_share, of_callers = (Bounded(sampling.ALWAYS_ON, time.monotonic) for _ in range(2))
    return sampling.ParentBased(of_share, remote_parent_sampled=of_callers)


def tracer_to(collector: str, *, share: float) -> Tracer:
    """Sends spans to the collector at this address (OTLP over HTTP)."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    log.info("traces are sent", collector=collector.partition("?")[0], share=share)
    exporter = OTLPSpanExporter(endpoint=collector, timeout=EXPORT_SECONDS)
    return Tracer(BatchSpanProcessor(exporter), share=share)
