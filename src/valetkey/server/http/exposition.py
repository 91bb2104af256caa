"""The numbers of the server in Prometheus' format, and the port on which it reads them."""

from collections.abc import Callable, Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from valetkey.server.http.metrics import BUCKETS, Durations, Observed, Snapshot
from valetkey.server.model.event import Kind

Numbers = Callable[[], tuple[Snapshot, Observed]]

_LABELS: Final = (
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "error_type",
    "oauth_grant_type",
)


def serve(numbers: Numbers, *, host: str, port: int, version: str) -> Callable[[], None]:
    """Serve the metrics at `/metrics` from a thread. Returns what ends that. Raises OSError if the
    port is in use."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbered(numbers, version))
    ProcessCollector(registry=registry)
    server, thread = start_http_server(port, addr=host, registry=registry)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1.0)

    return close


class Numbered(Collector):
    """Collects the numbers of the server."""

    def __init__(self, numbers: Numbers, version: str) -> None:
        self._numbers = numbers
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Everything, by the names of OpenTelemetry where it has one."""
        now, observed = self._numbers()
        info = GaugeMetricFamily("valetkey_build_info", "The version.", labels=["version"])
        info.add_metric([self._version], 1)
        yield info
        yield _requests(now)
        yield from _counters(now)
        yield _durations(
            "valetkey_commit_duration_seconds", "Commits of the database.", now.commits
        )
        yield from _gauges(now, observed)
        yield from _signatures(now)
        yield from _shipped(now)


def _requests(now: Snapshot) -> Metric:
    family = HistogramMetricFamily(
        "http_server_request_duration_seconds",
        "Requests, from the whole request to the whole reply.",
        labels=list(_LABELS),
    )
    for kind, durations in now.requests:
        labels = (kind.method, kind.route, str(kind.status), kind.error, kind.grant_type)
        family.add_metric(labels, _buckets(durations), durations.total)
    return family


def _durations(name: str, help_text: str, durations: Durations) -> Metric:
    family = HistogramMetricFamily(name, help_text)
    family.add_metric((), _buckets(durations), durations.total)
    return family


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    so_far, rows = 0, []
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), durations.counts, strict=True):
        so_far += count
        rows.append((bound, float(so_far)))
    return rows


def _counters(now: Snapshot) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "valetkey_events", "What happened: sign-ins, consents, stops, alarms.", labels=["kind"]
    )
    # Also what has not happened yet: Prometheus sees no increase in a series that begins with 1.
    for name, count in sorted({**dict.fromkeys(get_args(Kind), 0), **now.events}.items()):
        events.add_metric((name,), count)
    yield events
    failed = CounterMetricFamily(
        "valetkey_sign_ins_failed", "Sign-ins that failed, for users or not.", labels=["reason"]
    )
    for reason in ("wrong", "throttled"):
        failed.add_metric((reason,), now.sign_ins.get(reason, 0))
    yield failed
    yield CounterMetricFamily(
        "valetkey_sign_in_warnings",
        "Warnings in the log that many sign-ins fail.",
        value=now.sign_ins.get("warned", 0),
    )
    yield CounterMetricFamily(
        "valetkey_commits_failed", "Commits that got no answer.", value=now.failed_commits
    )


def _gauges(now: Snapshot, observed: Observed) -> Iterator[Metric]:
    rows = (
        ("valetkey_event_loop_delay_seconds", "How late the busiest process is.", now.loop_delay),
        ("http_server_open_connections", "Connections that are open.", now.connections),
        ("valetkey_outbox_messages", "Messages that wait, up to 1,000.", observed.jobs),
        ("valetkey_outbox_oldest_seconds", "Age of the oldest one.", observed.oldest_job),
    )
    for name, text, value in rows:
        yield GaugeMetricFamily(name, text, value=value)
    ages = GaugeMetricFamily(
        "valetkey_key_age_seconds", "Since when a key is the current one.", labels=["use"]
    )
    for use, age in sorted(observed.keys.items()):
        ages.add_metric((use,), age)
    yield ages


_SIGNATURES: Final = (
    (CounterMetricFamily, "valetkey_signatures", "By what holds the keys.", "signed"),
    (CounterMetricFamily, "valetkey_signature_seconds", "Seconds that these took.", "seconds"),
    (
        CounterMetricFamily,
        "valetkey_signatures_failed",
        "Signatures that it did not make.",
        "failed",
    ),
    (
        GaugeMetricFamily,
        "valetkey_signing_keys_failing",
        "Keys that did not sign at last.",
        "failing",
    ),
    (GaugeMetricFamily, "valetkey_signatures_waiting", "What waits for signatures.", "waiting"),
)
"""Families, and the field of `SignatureNumbers` that each has."""


def _signatures(now: Snapshot) -> Iterator[Metric]:
    """What tokens and services with signing keys do, if there are any."""
    if not now.signatures:
        return
    for family, name, words, field in _SIGNATURES:
        metric = family(name, words, labels=["store"])
        for store, numbers in sorted(now.signatures.items()):
            metric.add_metric((store,), getattr(numbers, field))
        yield metric


_SHIPPED: Final = (
    (CounterMetricFamily, "valetkey_revocations_written", "Writes beside the database.", "written"),
    (
        CounterMetricFamily,
        "valetkey_revocations_seconds",
        "Seconds that these took.",
        "seconds",
    ),
    (CounterMetricFamily, "valetkey_revocations_failed", "Writes that failed.", "failed"),
    (
        GaugeMetricFamily,
        "valetkey_revocations_failing",
        "Whether the last write failed.",
        "is_failing",
    ),
)
"""Families, and the field of `ShipNumbers` that each has."""


def _shipped(now: Snapshot) -> Iterator[Metric]:
    """What is written beside the database, if anything is."""
    if now.shipped is None:
        return
    for family, name, words, field in _SHIPPED:
        yield family(name, words, value=float(getattr(now.shipped, field)))
