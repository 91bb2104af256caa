"""Token status lists: two bits for each token family say whether its tokens are valid. The server
signs the lists, anyone may cache them for a while, and a token names its place in one.

A list cannot express fewer permissions. An API sees a removed permission in the next token.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from valetkey.jose import base64url, jws, jwt
from valetkey.jose.jwk import Algorithm, PublicKey
from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite

CITE: Final = Cite("draft-ietf-oauth-status-list", "5.1")
TYPE: Final = "statuslist+jwt"
MEDIA: Final = f"application/{TYPE}"
ALGORITHM: Final[Algorithm] = "ES256"

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2

BITS: Final = 2
"""For each place, so that there is room for SUSPENDED."""

SIZE: Final = 1 << 22
"""Places in a list of ours."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a list, unpacked: one that is longer is none of ours."""

MAX_LENGTH: Final = 256 * 1024
"""Characters of a signed one."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a token's status: an index in the list at an address."""

    idx: Annotated[int, msgspec.Meta(ge=0)]
    uri: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The claim `status` of a token."""

    status_list: Reference


class PackedList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A list as it travels: `bits` for each place, zlib, base64url."""

    bits: int
    lst: str
    aggregation_uri: str = ""


class ListToken(jwt.Claims, frozen=True, kw_only=True, omit_defaults=True):
    """The claims: `sub` is the list's own address, `ttl` for how many seconds it may be kept."""

    sub: str
    ttl: float
    status_list: PackedList


class BadList(ValueError):
    """The list is not valid. The message is for the log only."""


class StatusList(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A verified list. `until` is when it ends, in seconds since 1970."""

    bits: int
    raw: bytes
    ttl: float
    until: int

    def at(self, idx: int) -> int:
        """The status at a place. Raises BadList for one that the list does not have."""
        each = 8 // self.bits
        if not 0 <= idx < len(self.raw) * each:
            raise BadList(f"it has no place {idx}")
        return self.raw[idx // each] >> (idx % each) * self.bits & (1 << self.bits) - 1


def pack(statuses: Mapping[int, int], *, rest: int = VALID, size: int = SIZE) -> PackedList:
    """The list of `size` places in which these have a status of their own."""
    each = 8 // BITS
    raw = bytearray(sum(rest << place * BITS for place in range(each)).to_bytes() * (size // each))
    for idx, status in statuses.items():
        shift = idx % each * BITS
        raw[idx // each] = raw[idx // each] & ~(3 << shift) | status << shift
    return PackedList(bits=BITS, lst=base64url.encode(zlib.compress(raw, 9)))


def read(text: str, *, keys: Sequence[PublicKey], issuer: str, uri: str, now: int) -> StatusList:
    """The list that this issuer signed for this very address, where it is not over. Raises
    BadList (8.3 of the draft)."""
    try:
        payload = jws.verify(
            text, keys, algorithms=(ALGORITHM,), typ=(TYPE,), max_length=MAX_LENGTH
        )
        claims = msgspec.convert(read_object(payload), ListToken)
        jwt.check_time(claims, now, leeway=jwt.LEEWAY)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadList(str(error)) from error
    wrong = (
        (claims.iss != issuer, f"of {claims.iss!r}"),
        (claims.sub != uri, f"for {claims.sub!r}"),
        (not claims.ttl > 0, "its ttl is none"),
        (claims.status_list.bits not in (1, 2, 4, 8), "its bits are none"),
    )
    for holds, why in wrong:
        if holds:
            raise BadList(why)
    raw = _unpacked(claims.status_list.lst)
    return StatusList(bits=claims.status_list.bits, raw=raw, ttl=claims.ttl, until=claims.exp)


def _unpacked(lst: str) -> bytes:
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(base64url.decode(lst), MAX_BYTES)
    except (ValueError, zlib.error) as error:
        raise BadList(f"it cannot be unpacked: {error}") from error
    if not inflate.eof or inflate.unused_data:
        raise BadList("it does not come to an end where it should")
    return raw
