"""Access tokens in a call (RFC 6750): the header that carries one, under the scheme of its kind,
and the challenge that refuses one.
"""

import re
from collections.abc import Iterable
from string import ascii_letters, digits
from typing import Final

import msgspec

from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 6750", "3")

_B64TOKEN: Final = f"{ascii_letters}{digits}-._~+/".encode()
"""What a token is made of (RFC 6750 2.1), beside the `=` behind it."""

# A name begins where none goes on: else each of its letters would be tried as a beginning.
_PARAMETER: Final = re.compile(
    r'(?<![A-Za-z_])([A-Za-z_]+)="((?:[^"\\]|\\.)*)"(?:\s*,\s*|$)', re.ASCII
)
_UNQUOTABLE: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def read_header(value: str, *, schemes: Iterable[str] = ("Bearer",)) -> tuple[str, str] | None:
    """The scheme, as it stands in `schemes`, and the token of an Authorization header; None where
    there is no token of one of these schemes. Schemes have no case."""
    name, _, rest = value.strip().partition(" ")
    token = rest.lstrip(" ")
    written = token.rstrip("=").encode("ascii", "replace")
    if not written or written.translate(None, _B64TOKEN):
        return None
    for scheme in schemes:
        if scheme == name or scheme.lower() == name.lower():
            return scheme, token
    return None


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a resource server says when it refuses. An empty field is left out.

    `scheme` is that of the tokens that it speaks of; `algs` lists the algorithms of proofs, where
    that scheme has any (RFC 9449 7.1). `scope` lists all that the call needs, space-separated;
    `resource_metadata` is the address of the RFC 9728 document, where an app finds the
    authorization server. `authorization_remediation` lists the authorization details that the call
    needs (see `wire.authorization_details.write_remedy`). `acr_values` and `max_age` (in seconds)
    say how the user has to sign in (RFC 9470 3). Ours are `reason`, the state of the grant, and
    `allowed`, the permissions that it still has there, space-separated. The other fields are set
    where a limit of the user is the reason (see `wire.lease`).
    """

    realm: str = ""
    error: str = ""
    error_description: str = ""
    scope: str = ""
    resource_metadata: str = ""
    acr_values: str = ""
    authorization_remediation: str = ""
    max_age: str = ""
    algs: str = ""
    scheme: str = "Bearer"
    reason: str = ""
    allowed: str = ""
    permission: str = ""
    limit: str = ""
    per: str = ""
    most: str = ""
    unit: str = ""
    decimals: str = ""
    back_at: str = ""
    ask_uri: str = ""

    def header(self) -> str:
        """The value of WWW-Authenticate."""
        parameters = [
            f'{name}="{_UNQUOTABLE.sub("", value)}"'
            for name, value in msgspec.structs.asdict(self).items()
            if value and name != "scheme"
        ]
        return f"{self.scheme} {', '.join(parameters)}".rstrip()


def read_challenge(header: str, *, schemes: Iterable[str] = ("Bearer",)) -> Challenge | None:
    """The challenge in a WWW-Authenticate header, or None where it is of none of these schemes.
    Where several stand in a row, the first one's scheme and the parameters of all."""
    name, _, rest = header.strip().partition(" ")
    scheme = next((one for one in schemes if one.lower() == name.lower()), None)
    if scheme is None:
        return None
    values = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
    fields = {name: values[name] for name in Challenge.__struct_fields__ if name in values}
    return Challenge(**(fields | {"scheme": scheme}))


# `x-fapi-interaction-id`: one name for a call, in the logs of both sides (FAPI 1.0 Baseline
# 6.2.1). An API returns the one that the caller sent, or makes one.

INTERACTION_CITE: Final = Cite("FAPI 1.0 Baseline", "6.2.1")
HEADER: Final = "x-fapi-interaction-id"

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def read(value: str) -> str:
    """The id that a caller sent, as it is; "" for anything but a UUID: nothing else of a caller's
    goes into a reply."""
    return value if _UUID.fullmatch(value) else ""


def make(raw: bytes) -> str:
    """An id of these 16 random bytes (RFC 9562 5.4)."""
    text = raw.hex()
    variant = "89ab"[raw[8] >> 6]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
