"""The relying party: the domain to which passkeys belong, and the pages that may use them.

Apart from `accounts.webauthn`, as a start need not load what checks signatures.
"""

import msgspec

from valetkey.wire import address


class RelyingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for passkeys: the domain to which they belong, the name that the browser may show,
    and the origins of the pages that may use them."""

    rp_id: str
    name: str
    origins: tuple[str, ...]


def why_not_possible(issuer: str) -> str:
    """Why browsers have no passkeys for pages at this address, "" if they do. They need a secure
    context and a domain (WebAuthn 5.1.3)."""
    parts = address.read(issuer)
    if parts is None:
        return "is no address"
    host = parts.host
    is_local = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "https" and not is_local:
        return "is neither https nor localhost"
    if ":" in host or host.rpartition(".")[2].isdecimal():
        return "has an IP address as its host"
    return ""


def belongs_to(host: str, rp_id: str) -> bool:
    """Whether the pages of this host may use passkeys of that domain."""
    return host == rp_id or host.endswith(f".{rp_id}")
