"""Sharded keys, our own extension: a refresh token in n shards, of which k are needed.

Each shard has a holder of its own. Clients that do not request shards see ordinary OAuth. The wire
format is described in docs/reference/key-shards.md.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from valetkey.jose.objects import read_object
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 6749", "8.2")
"""How to add a parameter that the RFC does not define."""

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
    """The text cannot be read. The message contains no secret."""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many shards are needed, and the holders of all shards."""

    threshold: int
    holders: tuple[Holder, ...]


def why_not_tier(tier: Tier) -> str:
    """Why a tier is not valid, or ""."""
    if not tier.holders or tier.holders[0] != "device":
        return "the first holder is the device"
    if len(set(tier.holders)) != len(tier.holders):
        return "a holder is repeated"
    if not 2 <= tier.threshold <= len(tier.holders):
        return "the threshold is from 2 to the number of holders"
    return ""


def write_tier(tier: Tier) -> str:
    """The value of the request parameter `key_shards`."""
    return msgspec.json.encode(tier).decode()


def read_tier(text: str) -> Tier:
    """The tier in a request. Raises BadShards."""
    try:
        tier = msgspec.convert(read_object(text[:1024]), Tier)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadShards(f"not a tier: {error}") from error
    why = why_not_tier(tier)
    if why:
        raise BadShards(why)
    return tier


Status: TypeAlias = Literal["held", "unclaimed", "spent"]
"""Its holder has it; its holder has not claimed it yet; a recovery code that was used."""


class KeyShard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One shard in a response to the app.

    `key_shard` is the successor of a shard that the app presented itself in `other_key_shards`. An
    unclaimed or spent one has a `claim_ticket` for the backend, valid for `expires_in` seconds, or
    a `claim_uri`, the page where the user fetches it."""

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
        raise BadShards(f"not a list of shards: {error}") from error


class Claimed(msgspec.Struct, frozen=True):
    """The answer to a claim: the shard. For a device it is a refresh token."""

    key_shard: str
    holder: Holder
    threshold: int

    def __repr__(self) -> str:
        return f"Claimed({self.holder!r}, …)"


class Delivered(msgspec.Struct, frozen=True):
    """The answer to a delivery: the shard's successor, which the holder stores, and a `handle`. The
    device presents the handle once, within `expires_in` seconds, to request tokens."""

    key_shard: str
    handle: str
    expires_in: int

    def __repr__(self) -> str:
        return "Delivered(…)"


class Reissued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a reissue: the ticket for the new shard, or the page where the user fetches it.
    `refresh_token` and `key_shards` are as in a refresh: the presented shards are renewed."""

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
    """The values presented beside the refresh token, without duplicates. Raises BadShards."""
    presented = tuple(dict.fromkeys(text.split()))
    if len(presented) > MOST_OTHERS:
        raise BadShards(f"more than {MOST_OTHERS} values")
    return presented


def is_code(presented: str) -> bool:
    """Whether a value is meant as a recovery code: every other kind has a prefix."""
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
    """A recovery code for printing: seven groups of four, the last of which is a checksum."""
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
