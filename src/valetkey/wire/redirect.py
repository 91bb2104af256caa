"""Redirect URIs: which may be registered, which match, and how an answer is added to one."""

import re
from typing import Final
from urllib.parse import parse_qsl, quote

from valetkey.spec.names import Cite
from valetkey.wire import address

CITE: Final = Cite("RFC 9700", "4.1")
MAX_LENGTH: Final = 2048

LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
"""Hosts on which an app may listen at any port. RFC 8252 8.3 advises against the name, which may
resolve to somewhere else; MCP and many agents use it all the same."""

ANSWER: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
"""Parameters of our answer: one of them in the URI itself would stand there twice."""

# RFC 3986 2: the characters that a URI is made of; brackets only around the one address.
_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?://\[::1\])?"
    r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+",
    re.ASCII,
)
_LOOPBACK: Final = re.compile(
    rf"(http://(?:{'|'.join(map(re.escape, LOOPBACK))}))(:[0-9]{{1,5}})?(/[^#]*)?", re.ASCII
)
_WEB: Final = re.compile(
    r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(?:[/?].*)?", re.ASCII
)


def why_not(uri: str) -> str:
    """Why this URI may not be registered, or "" if it may.

    https, http on loopback (RFC 8252 7.3, 8.3), or a private scheme with a dot (7.1).
    """
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        return "is not a URI"
    if "*" in uri:
        return "may hold no wildcard"
    reserved = ANSWER & {
        name for name, _ in parse_qsl(uri.partition("?")[2], keep_blank_values=True)
    }
    if reserved:
        return f"may not hold {min(reserved)} in its query"
    return _why_not_scheme(uri)


def _why_not_scheme(uri: str) -> str:
    scheme = uri.partition(":")[0]
    if scheme == "https":
        web = _WEB.fullmatch(uri)
        return "" if web and _port_ok(web.group(1)) else "has no proper host or port"
    if scheme == "http":
        here = _LOOPBACK.fullmatch(uri)
        fits = here and _port_ok(here.group(2))
        return "" if fits else "must use https, or http on 127.0.0.1, [::1] or localhost"
    # RFC 8252 8.4: a private scheme is a reversed domain name, so it has a dot.
    return "" if "." in scheme else "must use https or a private scheme with a dot"


def is_loopback(uri: str) -> bool:
    """Whether this URI leads to the user's own device over http."""
    return _LOOPBACK.fullmatch(uri) is not None


def host(uri: str) -> str:
    """The host that a person would be sent to; the scheme where there is none; "" for what is no
    address."""
    parts = address.read(uri)
    return "" if parts is None else parts.host or f"{parts.scheme}:"


def origin(uri: str) -> str:
    """The origin for a Content-Security-Policy source: `https://host:port`, or `scheme:`; "" for
    what is no address."""
    parts = address.read(uri)
    if parts is None:
        return ""
    # CSP 3 2.3.1 has no address in brackets, and browsers block the way back to one.
    return f"{parts.scheme}:" if ":" in parts.host else parts.origin or f"{parts.scheme}:"


def matches(registered: str, requested: str) -> bool:
    """Character for character, but for the port on loopback (RFC 8252 7.3)."""
    if registered == requested:
        return True
    ours, other = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(requested)
    if ours is None or other is None or not _port_ok(other.group(2)):
        return False
    return (ours.group(1), ours.group(3)) == (other.group(1), other.group(3))


def _port_ok(port: str | None) -> bool:
    return port is None or 0 < int(port[1:]) < 65536


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """The URI with the parameters added to its query (RFC 6749 4.1.2)."""
    added = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items()
    )
    joint = "?" if "?" not in uri else ("" if uri.endswith(("?", "&")) else "&")
    return f"{uri}{joint}{added}"
