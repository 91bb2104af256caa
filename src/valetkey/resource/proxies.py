"""The proxies of an API that may tell whose certificate a connection has (RFC 9440)."""

import ipaddress
from collections.abc import Iterable

from valetkey.wire import client_certificate


class Proxies:
    """By their addresses and networks. Raises ValueError for what is neither."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(one) for one in networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def certificate(self, peer: str, header: str) -> bytes:
        """The caller's certificate in DER, where the other end of the connection may tell it; b""
        for none. Raises BadCertificate where it cannot be read."""
        return client_certificate.read(header) if header and self._trusts(peer) else b""

    def _trusts(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
