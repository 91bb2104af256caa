"""Two readings of the server's metrics, and what happened between them."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

REQUESTS: Final = "http_server_request_duration_seconds"
COMMITS: Final = "valetkey_commit_duration_seconds"
ROUTE: Final = ("http_route", "oauth_grant_type")
STATUS: Final = "http_response_status_code"

_LINE: Final = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Series(NamedTuple):
    """A number, by its name and its labels."""

    name: str
    labels: Mapping[str, str]
    value: float


class Reading(NamedTuple):
    """The metrics at a moment (seconds of a clock that only goes forward)."""

    at: float
    series: tuple[Series, ...]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the numbers with this name and these labels."""
        return sum(
            one.value
            for one in self.series
            if one.name == name and labels.items() <= one.labels.items()
        )


def read_text(text: str, at: float) -> Reading:
    """The metrics in Prometheus' text format. Lines that are not numbers are left out."""
    return Reading(at, tuple(_series(text)))


def _series(text: str) -> Iterator[Series]:
    for line in text.splitlines():
        match = None if line.startswith("#") else _LINE.match(line)
        if match is not None:
            try:
                yield Series(match[1], dict(_LABEL.findall(match[2] or "")), float(match[3]))
            except ValueError:
                continue


class Interval:
    """What happened between two readings."""

    def __init__(self, before: Reading, now: Reading) -> None:
        self.now = now
        self._before = before
        self._seconds = max(now.at - before.at, 1e-9)

    def rate(self, name: str, **labels: str) -> float:
        """How many a second. A server that started again counts from 0."""
        more = self.now.sum(name, **labels) - self._before.sum(name, **labels)
        return max(0.0, more) / self._seconds

    def outcomes(self) -> dict[str, float]:
        """Requests a second by the first digit of their status."""
        totals: dict[str, float] = {}
        for (status,) in self._requests(STATUS):
            rate = self.rate(f"{REQUESTS}_count", **{STATUS: status})
            totals[status[:1]] = totals.get(status[:1], 0.0) + rate
        return totals

    def routes(self) -> list[tuple[tuple[str, str], float]]:
        """Requests a second by route and grant type, the most first; without those that had
        none."""
        rates = [
            ((route, grant), self.rate(f"{REQUESTS}_count", **{ROUTE[0]: route, ROUTE[1]: grant}))
            for route, grant in self._requests(*ROUTE)
        ]
        return sorted((one for one in rates if one[1]), key=lambda one: -one[1])

    def _requests(self, *labels: str) -> list[tuple[str, ...]]:
        """What these labels of the requests are, in order."""
        name = f"{REQUESTS}_count"
        series = (one.labels for one in self.now.series if one.name == name)
        return sorted({tuple(one.get(label, "") for label in labels) for one in series})

    def quantile(self, name: str, share: float, **labels: str) -> float | None:
        """Within how many seconds this share (0 to 1) was done: a straight line within a bucket of
        the histogram. None for none."""
        limits = sorted(
            {
                float(one.labels["le"])
                for one in self.now.series
                if one.name == f"{name}_bucket" and labels.items() <= one.labels.items()
            }
        )
        counts = [self.rate(f"{name}_bucket", **labels, le=_label_of(one)) for one in limits]
        if not counts or not counts[-1]:
            return None
        rank, low, below = share * counts[-1], 0.0, 0.0
        for limit, count in zip(limits, counts, strict=True):
            if count >= rank:
                if limit == float("inf"):
                    return low
                return low + (limit - low) * (rank - below) / (count - below)
            low, below = limit, count
        return low


def _label_of(limit: float) -> str:
    """A limit of a bucket as the server writes it."""
    return "+Inf" if limit == float("inf") else str(limit)
