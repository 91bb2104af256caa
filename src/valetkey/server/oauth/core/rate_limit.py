"""Rate limits by network, for requests that anyone can make the server store."""

from operator import le
from typing import Final

import msgspec

from valetkey.server.model.change import Count
from valetkey.server.model.counters import Throttle, networks_of
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import TemporarilyUnavailable

WIDER: Final = (1, 2, 4, 16)
"""How much more each wider network of an address may have than the narrowest one."""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The most requests of the kind `what` from one network: `most` in `seconds`."""

    what: str
    most: int
    seconds: int


def count(pace: RateLimit, address: str, context: Context) -> Rule[None]:
    """Count one request, whatever its result. Raises TemporarilyUnavailable (429) above the
    limit."""
    now = context.env.now
    networks = networks_of(address)
    allowed = [pace.most * times for times, _ in zip(WIDER, networks, strict=False)]
    counts = [
        Count(Throttle(bucket=f"{pace.what} {one}", tried=1, since=now, expires=now + pace.seconds))
        for one in networks
    ]
    queries = [One(Throttle, each.record.bucket) for each in counts]
    # Read first, so that requests above the limit cause no write.
    results = yield tuple(queries)
    rows = [results.one(want) for want in queries]
    tried = [row.tried + 1 if row is not None and row.is_running(now) else 1 for row in rows]
    if all(map(le, tried, allowed)):
        results = yield tuple(counts)
        tried = [results.counter(each).tried for each in counts]
    if not all(map(le, tried, allowed)):
        raise TemporarilyUnavailable(f"too many {pace.what}s from your network", status=429)
