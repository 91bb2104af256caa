"""Metrics, traces and the log of requests, as the settings want them."""

from collections.abc import Collection

from valetkey import __version__
from valetkey.server.http.metrics import Meter, NoMeter
from valetkey.server.http.metrics_port import MetricsPort
from valetkey.server.http.request_log import NoRequestLog, RequestLog
from valetkey.server.http.tracing import NoTracer, tracer_to
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.settings.tree import Settings
from valetkey.server.store.port import Store


def make_meter(settings: Settings, features: Collection[Feature]) -> NoMeter:
    """What counts requests, if anything does."""
    if not settings.metrics_port:
        return NoMeter()
    return Meter([one.name for of in features for one in of.grant_types])


def make_metrics_port(settings: Settings, meter: NoMeter, store: Store) -> MetricsPort:
    """What publishes the numbers of the meter."""
    return MetricsPort(
        meter,
        store,
        host=settings.metrics_host,
        port=settings.metrics_port,
        workers=settings.workers,
        version=__version__,
    )


def make_tracer(settings: Settings) -> NoTracer:
    """What records requests for a collector, if there is one."""
    if not settings.trace_collector:
        return NoTracer()
    return tracer_to(settings.trace_collector, share=settings.trace_share)


def make_request_log(settings: Settings) -> NoRequestLog:
    """What logs each request, if anything does."""
    return RequestLog() if settings.log_requests else NoRequestLog()
