"""One frame of `valetkey top`, as lines of text."""

import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from valetkey.cli.monitoring.samples import COMMITS, REQUESTS, ROUTE, Interval
from valetkey.cli.monitoring.statistics_table import GROUPS, delays, sum_of

WIDTH: Final = 12
ROUTES: Final = 15

OUTCOMES: Final = {"2": "ok", "3": "redirected", "4": "refused", "5": "failed"}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame has. `interval` is None without metrics, for which `why` says the reason.
    `counted` are the statistics of this hour, `before` those of the frame before; None where they
    cannot be read."""

    place: str
    why: str = ""
    interval: Interval | None = None
    counted: Mapping[str, int] | None = None
    before: Mapping[str, int] = {}


def lines_of(frame: Frame, *, width: int = 80) -> Iterator[str]:
    """The lines, the most important first: a small terminal cuts the end off. What is said in words
    is wrapped at `width`."""
    clock = time.strftime("%H:%M:%S UTC", time.gmtime())
    yield f"valetkey top   {frame.place}   {clock}"
    yield ""
    if frame.interval is not None:
        yield from _rates(frame.interval)
    if frame.counted is not None:
        yield from _counted(frame.counted, frame.before)
    if frame.interval is not None:
        yield from _routes(frame.interval)
    if frame.why:
        yield ""
        yield from textwrap.wrap(frame.why, width)


def _rates(of: Interval) -> Iterator[str]:
    outcomes = (f"{OUTCOMES.get(one, one)} {rate:.1f}" for one, rate in of.outcomes().items())
    yield _row(
        "requests",
        f"{of.rate(f'{REQUESTS}_count'):.1f}/s",
        _times(of, REQUESTS),
        "  ".join(outcomes),
    )
    failed = of.rate("valetkey_commits_failed_total")
    yield _row(
        "commits",
        f"{of.rate(f'{COMMITS}_count'):.1f}/s",
        _times(of, COMMITS),
        f"failed {failed:.1f}",
    )
    delay = of.now.sum("valetkey_event_loop_delay_seconds")
    connections = of.now.sum("http_server_open_connections")
    yield _row("load", f"{connections:.0f} connections", f"loop {_ms(delay)} late")
    messages = of.now.sum("valetkey_outbox_messages")
    oldest = of.now.sum("valetkey_outbox_oldest_seconds")
    yield _row("queue", f"{messages:.0f} messages", f"oldest {oldest:.0f} s" if messages else "")
    wrong, throttled = (
        of.rate("valetkey_sign_ins_failed_total", reason=one) for one in ("wrong", "throttled")
    )
    yield _row("sign-ins", f"{wrong:.1f}/s wrong", f"{throttled:.1f}/s throttled")


def _counted(now: Mapping[str, int], before: Mapping[str, int]) -> Iterator[str]:
    numbers = []
    for name, prefix in GROUPS:
        count, more = sum_of(now, prefix), sum_of(now, prefix) - sum_of(before, prefix)
        numbers.append(f"{name} {count:,}" + (f" (+{more:,})" if before and more > 0 else ""))
    yield _row("this hour", *numbers)
    reached = delays(now)
    every = sum(count for _, count in reached)
    shares = [
        f"within {int(limit) / 1000:g} s {count / every:.0%}"
        if limit.isdecimal()
        else f"longer {count / every:.0%}"
        for limit, count in reached
    ]
    yield _row("followers", *(shares or ["no change reached an API this hour"]))


def _routes(of: Interval) -> Iterator[str]:
    yield ""
    yield f"{'route':<44}{'per s':>9}{'p50':>10}{'p99':>10}"
    routes = of.routes()
    for pair, rate in routes[:ROUTES]:
        labels = dict(zip(ROUTE, pair, strict=True))
        name = " ".join(filter(None, pair))[:43]
        quantiles = (of.quantile(REQUESTS, share, **labels) for share in (0.5, 0.99))
        yield f"{name:<44}{rate:>9.1f}" + "".join(f"{_ms(one):>10}" for one in quantiles)
    if not routes:
        yield "no request"


def _times(of: Interval, name: str) -> str:
    return f"p50 {_ms(of.quantile(name, 0.5))}  p99 {_ms(of.quantile(name, 0.99))}"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f} ms"


def _row(name: str, *cells: str) -> str:
    return f"{name:<{WIDTH}}" + "   ".join(filter(None, cells))
