"""How often strangers may make this server keep something, by the network they come from."""

import ipaddress
from typing import Final

import msgspec

from valetkey.model.change import Create, Update
from valetkey.model.guard import Throttle
from valetkey.model.want import Always, One, Rule
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
    fresh = Throttle(
        bucket=bucket, tried=1, since=context.env.now, expires=context.env.now + pace.seconds
    )
    if row is None:
        yield (Always(Create(fresh)),)
    elif context.env.now >= row.expires:
        yield (Always(Update(msgspec.structs.replace(fresh, version=row.version))),)
    elif row.tried >= pace.most:
        raise TemporarilyUnavailable(f"too many {pace.what}s from your network", status=429)
    else:
        yield (Always(Update(msgspec.structs.replace(row, tried=row.tried + 1))),)


def network(address: str) -> str:
    """The network of an address: a /24, or the /56 that one subscriber has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 56), strict=False))
