"""Sharded keys, an extension of our own: a key in n shards, of which k open.

Each shard has a holder of its own. A client that does not ask for shards sees nothing of this. What
crosses the wire is described in docs/reference/key-shards.md.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from valetkey.jose.objects import read_object
from valetkey.spec.cite import Cite

CITE: Final = Cite("RFC 6749", "8.2")
"""How a parameter is added that the RFC does not know."""

Holder: TypeAlias = Literal["device", "backend", "second_device", "recovery_code"]
HOLDERS: Final[tuple[Holder, ...]] = get_args(Holder)
OF_DEVICES: Final[frozenset[Holder]] = frozenset({"device", "second_device"})
"""Those that may ask for tokens: their shard is the `refresh_token` of the request."""

PARAMETER: Final = "key_shards"
"""In an authorization request: the `Tier`. In a token response: the `KeyShards`."""
OTHERS: Final = "other_key_shards"
"""In a refresh: what is presented beside the refresh token."""
TICKET: Final = "claim_ticket"
SHARD: Final = "key_shard"
HOLDER: Final = "holder"

CLAIM_PATH: Final = "/key_shards/claim"
DELIVERY_PATH: Final = "/key_shards/deliver"
REISSUE_PATH: Final = "/key_shards/reissue"

MOST_OTHERS: Final = 4
"""Values in `other_key_shards`, at the most."""


class BadShards(ValueError):
    """What came cannot be read. Says why; holds no secret."""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many of the shards with these holders open the key."""

    threshold: int
    holders: tuple[Holder, ...]


def why_not_tier(tier: Tier) -> str:
    """Why a key cannot be held so, or ""."""
    if not tier.holders or tier.holders[0] != "device":
        return "the first holder is the device"
    if len(set(tier.holders)) != len(tier.holders):
        return "a holder stands twice"
    if not 2 <= tier.threshold <= len(tier.holders):
        return "the threshold is from 2 to the number of holders"
    return ""


def write_tier(tier: Tier) -> str:
    """The value of the request parameter `key_shards`."""
    return msgspec.json.encode(tier).decode()


def read_tier(text: str) -> Tier:
    """The tier that a request asks for. Raises BadShards."""
    try:
        tier = msgspec.convert(read_object(text[:1024]), Tier)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadShards(f"not a tier: {error}") from error
    why = why_not_tier(tier)
    if why:
        raise BadShards(why)
    return tier


Status: TypeAlias = Literal["held", "unclaimed", "spent"]
"""Somebody has it; nobody has it yet; it was used up (a recovery code)."""


class KeyShard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the app is told of one shard.

    `key_shard` is the successor of one that it presented itself in `other_key_shards`. One that is
    unclaimed or spent comes with a `claim_ticket`, good for `expires_in` seconds, to be passed on
    to the backend; or with a `claim_uri`, the page where its user fetches it.
    """

    holder: Holder
    status: Status = "held"
    key_shard: str = ""
    claim_ticket: str = ""
    expires_in: int = 0
    claim_uri: str = ""

    def __repr__(self) -> str:
        return f"KeyShard({self.holder!r}, {self.status!r})"


class KeyShards(msgspec.Struct, frozen=True):
    """The member `key_shards` of a token response. The device's own shard is its refresh token."""

    threshold: int
    shards: tuple[KeyShard, ...]


def read_key_shards(member: Any) -> KeyShards:
    """The member of a token response. Raises BadShards."""
    try:
        return msgspec.convert(member, KeyShards)
    except msgspec.ValidationError as error:
        raise BadShards(f"not what is told of shards: {error}") from error


class Claimed(msgspec.Struct, frozen=True):
    """The answer to a claim: the shard. Of a device it is a refresh token."""

    key_shard: str
    holder: Holder
    threshold: int

    def __repr__(self) -> str:
        return f"Claimed({self.holder!r}, …)"


class Delivered(msgspec.Struct, frozen=True):
    """The answer to a delivery: the shard's successor, to be kept from now on, and the `handle` by
    which whoever asks for tokens presents what was delivered, once, within so many seconds."""

    key_shard: str
    handle: str
    expires_in: int

    def __repr__(self) -> str:
        return "Delivered(…)"


class Reissued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a reissue: the ticket by which the holder claims its new shard, or the page
    where the user fetches it. `refresh_token` and `key_shards` are as in a refresh: what was
    presented is renewed."""

    holder: Holder
    claim_ticket: str = ""
    expires_in: int = 0
    claim_uri: str = ""
    refresh_token: str = ""
    key_shards: KeyShards

    def __repr__(self) -> str:
        return f"Reissued({self.holder!r}, …)"


def write_others(presented: Iterable[str]) -> str:
    """The value of `other_key_shards`: shards, handles and recovery codes in any order."""
    return " ".join("".join(one.split()) for one in presented)


def read_others(text: str) -> tuple[str, ...]:
    """What is presented beside the refresh token, each once. Raises BadShards."""
    presented = tuple(dict.fromkeys(text.split()))
    if len(presented) > MOST_OTHERS:
        raise BadShards(f"more than {MOST_OTHERS} values")
    return presented


def is_code(presented: str) -> bool:
    """Whether it is meant to be a recovery code: all else begins with the prefix of its kind."""
    return not presented.startswith("vk_")


CODE: Final = 15
"""Bytes of a recovery code: 120 bits."""

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_WRITTEN: Final = str.maketrans(_BASE32, _CROCKFORD)
_READ: Final = str.maketrans(_CROCKFORD + "OIL", _BASE32 + "ABB")
_CHECK: Final = 4
_LETTERS: Final = CODE * 8 // 5
_GROUP: Final = 4


def write_code(secret: bytes) -> str:
    """A recovery code as it is printed: seven groups of four, the last of which tells a slip of the
    pen from a wrong code."""
    text = base64.b32encode(secret).decode().translate(_WRITTEN)
    text += _check(secret)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read_code(typed: str) -> bytes:
    """The secret of a recovery code, however it was typed. Raises BadShards for a mistyped one."""
    text = "".join(one for one in typed[:200].upper() if one.isalnum())
    if len(text) != _LETTERS + _CHECK:
        raise BadShards(f"a recovery code has {_LETTERS + _CHECK} letters and digits")
    try:
        secret = base64.b32decode(text[:_LETTERS].translate(_READ))
    except ValueError as error:
        raise BadShards("a letter that no recovery code has") from error
    if _check(secret).translate(_READ) != text[_LETTERS:].translate(_READ):
        raise BadShards("the recovery code is mistyped")
    return secret


def _check(secret: bytes) -> str:
    digest = hashlib.sha256(b"recovery code" + secret).digest()
    return base64.b32encode(digest).decode()[:_CHECK].translate(_WRITTEN)
