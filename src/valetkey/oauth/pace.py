"""How often strangers may make this server keep something, by the network they come from."""

import ipaddress
from typing import Final

import msgspec

from valetkey.model.change import Count
from valetkey.model.guard import Throttle
from valetkey.model.want import One, Rule
from valetkey.oauth.context import Context
from valetkey.spec.errors import TemporarilyUnavailable

UNKNOWN: Final = "unknown"
"""The network of whoever has no address."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many of `what` in so many seconds from one network."""

    what: str
    most: int
    seconds: int


def count(pace: Pace, address: str, context: Context) -> Rule[None]:
    """Counts one, whatever comes of it. Raises TemporarilyUnavailable (429) beyond the most."""
    bucket = f"{pace.what} {network(address)}"
    wanted = One(Throttle, bucket)
    row = (yield (wanted,)).one(wanted)
    now = context.env.now
    # Looked at first, so that those beyond the most have nothing written.
    tried = row.tried if row is not None and row.runs(now) else 0
    if tried < pace.most:
        more = Count(Throttle(bucket=bucket, tried=1, since=now, expires=now + pace.seconds))
        tried = (yield (more,)).counter(more).tried - 1
    if tried >= pace.most:
        raise TemporarilyUnavailable(f"too many {pace.what}s from your network", status=429)


def network(address: str) -> str:
    """The network of an address: a /24, or the /56 that one subscriber has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 56), strict=False))
