"""Single-use values and throttle counters: small records that expire."""

import ipaddress
from typing import ClassVar, Final, TypeAlias

from valetkey.server.model.record import Record

REVOKED: Final = "revoked access token"
"""The purpose of single-use values that mark revoked tokens without a family, until they expire."""


class SingleUse(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A value that was used, and counts only once. `purpose` is its namespace."""

    table: ClassVar[str] = "once"

    purpose: str
    value: str
    expires: int

    @property
    def key(self) -> str:
        return f"{self.purpose} {self.value}"

    @property
    def forget_at(self) -> int:
        return self.expires


class Throttle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The number of attempts in the window from `since` until `expires`. Only `Count` and `Uncount`
    write it."""

    table: ClassVar[str] = "throttles"

    bucket: str
    tried: int
    since: int
    expires: int

    @property
    def key(self) -> str:
        return self.bucket

    @property
    def forget_at(self) -> int:
        return self.expires

    def is_running(self, now: int) -> bool:
        """Whether its window is still open."""
        return now < self.expires


# The networks that contain an address. Throttles count anonymous callers by them.

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN: Final = "unknown"
"""Stands for the network of an address that cannot be parsed."""

IPV4: Final = (24,)
IPV6: Final = (64, 56, 48, 32)
"""Prefixes, the narrowest first: a link, a subscriber, a site, a provider. The owner of a wide
network has all the narrow ones in it."""


def parse(text: str) -> Address | None:
    """The address, with a port and brackets taken off, as proxies write them; None for none."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def networks_of(text: str) -> tuple[str, ...]:
    """The networks of the address, the narrowest first."""
    ip = parse(text)
    if ip is None:
        return (UNKNOWN,)
    number, bits, kind = int(ip), ip.max_prefixlen, type(ip)
    # `ipaddress.ip_network` does the same, and takes several times as long.
    return tuple(
        f"{kind(number >> (bits - prefix) << (bits - prefix))}/{prefix}"
        for prefix in (IPV4 if ip.version == 4 else IPV6)
    )


def network_of(text: str) -> str:
    """The network of one subscriber: a /24 of IPv4, a /56 of IPv6."""
    networks = networks_of(text)
    return networks[1] if len(networks) == len(IPV6) else networks[0]
