"""The networks that an address lies in, by which strangers are told apart."""

import ipaddress
from functools import lru_cache
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN: Final = "unknown"
"""The network of an address that cannot be read."""

IPV4: Final = (24,)
IPV6: Final = (64, 56, 48, 32)
"""Prefixes, the narrowest first: a link, a subscriber, a site, a provider. Whoever has a wide one
has all the narrow ones in it."""


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


@lru_cache(maxsize=4096)
def networks_of(text: str) -> tuple[str, ...]:
    """The networks of the address, the narrowest first."""
    ip = parse(text)
    if ip is None:
        return (UNKNOWN,)
    prefixes = IPV4 if ip.version == 4 else IPV6
    return tuple(str(ipaddress.ip_network((ip, one), strict=False)) for one in prefixes)


def network_of(text: str) -> str:
    """The network of one subscriber: a /24 of IPv4, a /56 of IPv6."""
    networks = networks_of(text)
    return networks[1] if len(networks) == len(IPV6) else networks[0]
