"""The networks of an address, compared with the standard library."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.server.model.counters import IPV4, IPV6, UNKNOWN, network_of, networks_of


@given(st.ip_addresses())
def test_networks_are_those_of_the_standard_library(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    prefixes = IPV4 if ip.version == 4 else IPV6
    standard = [str(ipaddress.ip_network((ip, one), strict=False)) for one in prefixes]
    assert [*networks_of(str(ip))] == standard


@pytest.mark.parametrize(
    "text,network",
    [
        row("network", "IPv4", "192.0.2.77", "192.0.2.0/24"),
        row("network", "IPv4 and a port", "192.0.2.77:443", "192.0.2.0/24"),
        row("network", "IPv6", "2001:db8:1:2345::1", "2001:db8:1:2300::/56"),
        row("network", "IPv6 and a port", "[2001:db8:1:2345::1]:443", "2001:db8:1:2300::/56"),
        row("network", "IPv4 within IPv6", "::ffff:192.0.2.77", "192.0.2.0/24"),
        row("network", "no address", "unix:", UNKNOWN),
    ],
)
def test_the_network_of_one_subscriber(text: str, network: str) -> None:
    assert network_of(text) == network
