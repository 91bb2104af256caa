"""Addresses of others from which something is fetched: https, and one reading only."""

import ipaddress
import re
from typing import Final

import msgspec

from valetkey.wire import address

MAX_LENGTH: Final = 2048

_PLAIN: Final = re.compile(
    r"https://(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?"
    r"(?:/[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*)?(?:\?[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?",
    re.ASCII,
)


class BadAddress(ValueError):
    """No https URL, or one that could be read in two ways. Says why."""


class Target(msgspec.Struct, frozen=True):
    """Where to: host (an IPv6 address without brackets), port, and path with query."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """`host:port`, as in the setting `fetch_local`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def target(url: str) -> Target:
    """The parts of an https URL. Raises BadAddress."""
    if len(url) > MAX_LENGTH or not _PLAIN.fullmatch(url):
        raise BadAddress("is no plain https URL with its host in lower case")
    parts = address.read(url)
    if parts is None or not _is_host(parts.host):
        raise BadAddress("has no proper host or port")
    query = f"?{parts.query}" if "?" in url else ""
    return Target(parts.host, parts.port or 443, (parts.path or "/") + query)


def why_not(url: str) -> str:
    """Why nothing is fetched from this address, or ""."""
    try:
        target(url)
    except BadAddress as error:
        return str(error)
    return ""


def _is_host(host: str) -> bool:
    # "127.1", "0x7f.1" and "2130706433" are addresses to a resolver, and names to a check of names.
    last = host.rpartition(".")[2]
    if ":" not in host and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        return ".." not in host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
