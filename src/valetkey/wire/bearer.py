"""Bearer tokens (RFC 6750): the header that carries one, and the challenge that refuses one."""

import re
from typing import Final

import msgspec

from valetkey.spec.cite import Cite

CITE: Final = Cite("RFC 6750", "3")

# RFC 6750 2.1: b64token.
_HEADER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)", re.ASCII)
# A name begins where none goes on: else each of its letters would be tried as a beginning.
_PARAMETER: Final = re.compile(
    r'(?<![A-Za-z_])([A-Za-z_]+)="((?:[^"\\]|\\.)*)"(?:\s*,\s*|$)', re.ASCII
)
_UNQUOTABLE: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def read_header(value: str) -> str | None:
    """The token in an Authorization header, or None where there is none of this scheme."""
    match = _HEADER.fullmatch(value.strip())
    return match.group(1) if match else None


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a resource server says when it refuses. An empty field is left out.

    `scope` lists all that the call needs, space-separated; `resource_metadata` is the address of
    the RFC 9728 document.
    """

    realm: str = ""
    error: str = ""
    error_description: str = ""
    scope: str = ""
    resource_metadata: str = ""

    def header(self) -> str:
        """The value of WWW-Authenticate."""
        parameters = [
            f'{name}="{_UNQUOTABLE.sub("", value)}"'
            for name, value in msgspec.structs.asdict(self).items()
            if value
        ]
        return f"Bearer {', '.join(parameters)}".rstrip()


def read_challenge(header: str) -> Challenge | None:
    """The challenge in a WWW-Authenticate header, or None where it is of another scheme."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    found = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
    known = {name: found[name] for name in Challenge.__struct_fields__ if name in found}
    return Challenge(**known)
