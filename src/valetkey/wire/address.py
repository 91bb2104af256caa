"""Addresses (RFC 3986 3), with one parser that never raises.

`urllib.parse` raises for some texts ("https://[") and quietly changes others (it drops tabs and
newlines), so it never parses text from others.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Final

import msgspec

PORTS: Final = {"https": 443, "http": 80}
"""The ports that need not be named."""

REMEMBERED: Final = 1024
SHORT: Final = 512
"""The number of cached addresses, and the longest one in the cache, in characters."""

MAX_LENGTH: Final = 65536
"""Characters of an address: no request line is longer."""

# Possessive quantifiers: matching takes linear time.
_ADDRESS: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*+):"
    r'(?://([!"$-.0->@-~]*+))?+'  # printable, but / ? #
    r'([!"$->@-~]*+)'  # but ? #
    r'(?:\?([!"$-~]*+))?+'  # but #
    r'(?:#([!"$-~]*+))?+',
    re.ASCII,
)
# RFC 3986 3.2: user information, a host (a name or an address in brackets), a port.
_AUTHORITY: Final = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*+@)?+"
    r"(\[[0-9A-Fa-f:.]*+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*+)"
    r"(?::([0-9]{0,5}+))?+",
    re.ASCII,
)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """The parts of an address. `scheme` and `host` are in lower case, an IPv6 address is without
    its brackets, and `port` is None where none is named; the others are as they were written.
    `authority` is "" for an address that has none, such as `com.example.app:/callback`."""

    scheme: str
    authority: str
    host: str
    port: int | None
    path: str
    query: str
    fragment: str

    @property
    def is_web(self) -> bool:
        """Whether it is of the web, and names a host."""
        return self.scheme in PORTS and bool(self.host)

    @property
    def has_user(self) -> bool:
        """Whether it holds a user name or a password."""
        return "@" in self.authority

    @property
    def origin(self) -> str:
        """The origin as browsers write it (RFC 6454 6.2), without the port that the scheme has
        anyway; "" for what is not of the web."""
        if not self.is_web:
            return ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in {None, PORTS[self.scheme]} else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def read(text: str) -> Address | None:
    """The parts of an absolute URI, None for any other text. Raises nothing.

    Within path, query and fragment every printable ASCII character but the backslash is taken, as
    browsers and servers do; host and port are strict.
    """
    return _read_cached(text) if len(text) <= SHORT else _read(text)


def _read(text: str) -> Address | None:
    if len(text) > MAX_LENGTH or "\\" in text:
        return None
    parts = _ADDRESS.fullmatch(text)
    if parts is None:
        return None
    scheme, authority, path, query, fragment = parts.groups()
    inside = _AUTHORITY.fullmatch(authority or "")
    if inside is None or _STRAY_PERCENT.search(authority or ""):
        return None
    host, number = inside[1].lower(), int(inside[2] or -1)
    if number == 0 or number > 65535 or not _is_host(host):
        return None
    port = None if number < 0 else number
    return Address(
        scheme=scheme.lower(),
        authority=authority or "",
        host=host.strip("[]"),
        port=port,
        path=path,
        query=query or "",
        fragment=fragment or "",
    )


_read_cached: Final = lru_cache(maxsize=REMEMBERED)(_read)


def canonical(text: str) -> str:
    """One spelling of a web address (RFC 3986 6.2.2.1, 6.2.3): scheme and host in lower case, no
    port that need not be named, and a path; any other text as it is."""
    parts = read(text)
    if parts is None or not parts.is_web or parts.has_user or "#" in text:
        return text
    query = f"?{parts.query}" if "?" in text else ""
    return f"{parts.origin}{parts.path or '/'}{query}"


def same(one: str, other: str) -> bool:
    """Whether two spellings name one resource: `https://api.example` and `https://api.example/`
    do."""
    return one == other or canonical(one) == canonical(other)


def origin(text: str) -> str:
    """The origin of the text, "" where it is no address of the web."""
    parts = read(text)
    return "" if parts is None else parts.origin


def host(text: str) -> str:
    """The host of an address, "" where there is none."""
    parts = read(text)
    return "" if parts is None else parts.host


def path(text: str) -> str:
    """The path of an address, "" where the text is none."""
    parts = read(text)
    return "" if parts is None else parts.path


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(host.strip("[]"))
    except ValueError:
        return False
    return True


# Addresses of others from which something is fetched: https, and one reading only.

MAX_HTTPS_LENGTH: Final = 2048

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
    if url[:7].lower() == "http://":
        raise BadAddress("has to begin with https://, not with http://")
    if len(url) > MAX_HTTPS_LENGTH or not _PLAIN.fullmatch(url):
        raise BadAddress("is no plain https URL with its host in lower case")
    parts = read(url)
    if parts is None or not _is_https_host(parts.host):
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


def _is_https_host(host: str) -> bool:
    # "127.1", "0x7f.1" and "2130706433" are addresses to a resolver, and names to a check of names.
    last = host.rpartition(".")[2]
    if ":" not in host and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        return ".." not in host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
