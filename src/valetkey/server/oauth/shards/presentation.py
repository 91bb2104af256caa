"""The shards that one request presents: parsed, then checked together before any is rotated."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import same
from valetkey.server.model.grant import Shard, Shards, TokenFamily
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.core.feature import Authenticated
from valetkey.server.oauth.senders.binding import fits
from valetkey.server.oauth.shards import derived_secrets
from valetkey.server.oauth.shards.derived_secrets import HANDLE_SECONDS, ShardReference
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.errors import (
    InsufficientKeyShards,
    InvalidGrant,
    InvalidRequest,
    OAuthError,
)
from valetkey.wire.key_shards import OF_DEVICES, BadShards, is_code, read_code, read_others


class PresentedShards(msgspec.Struct, frozen=True):
    """Genuine shards and handles, and the unchecked secrets of recovery codes. `refresh` is the
    shard of the requesting device, None for none."""

    refresh: RefreshToken | None
    shards: tuple[RefreshToken, ...] = ()
    handles: tuple[ShardReference, ...] = ()
    codes: tuple[bytes, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """The families of the shards, that of the requesting device first."""
        return tuple(dict.fromkeys(family for family, _ in self.numbers))

    @property
    def numbers(self) -> tuple[tuple[str, int], ...]:
        """The family and the number of each presented or delivered shard."""
        shards = tuple((one.family, one.shard) for one in self.every)
        return (*shards, *((one.family, one.shard) for one in self.handles))

    @property
    def every(self) -> tuple[RefreshToken, ...]:
        """All presented shards."""
        return self.shards if self.refresh is None else (self.refresh, *self.shards)

    def __repr__(self) -> str:
        return "PresentedShards(…)"


def read(text: str, others: str, keyring: Keyring) -> PresentedShards:
    """Parses the parameters `refresh_token` ("" for none) and `other_key_shards`. Raises
    InvalidRequest for malformed values, InvalidGrant for forged ones."""
    shards: list[RefreshToken] = []
    handles: list[ShardReference] = []
    codes: list[bytes] = []
    try:
        for one in read_others(others):
            if is_code(one):
                codes.append(read_code(one))
            elif one.startswith("vk_kh_"):
                handles.append(derived_secrets.read("kh", one, keyring))
            else:
                shards.append(read_shard(one, keyring))
    except BadShards as error:
        raise InvalidRequest(f"other_key_shards: {error}") from error
    refresh = refresh_token.read(text, keyring) if text else None
    return PresentedShards(refresh, tuple(shards), tuple(handles), tuple(codes))


def read_shard(text: str, keyring: Keyring) -> RefreshToken:
    """Parses a shard. Raises InvalidRequest for a damaged one, InvalidGrant for a forged one."""
    derived_secrets.whole("ks" if text.startswith("vk_ks_") else "rt", text)
    return refresh_token.read(text, keyring)


Age: TypeAlias = Literal["fresh", "again", "lost", "old"]
"""Of a presented shard: the current generation; the one before, whose successor was never used; one
from before the reissue; an older one."""


def age(shard: Shard, generation: int) -> Age:
    """The age of a genuine shard of that generation."""
    if generation < shard.since or not shard.is_claimed:
        return "lost"
    # A presented shard is rotated. The one before stays valid until its successor is used, so a
    # lost response locks nobody out, even if the retry is late.
    if generation in (shard.generation, shard.generation - 1):
        return "fresh" if generation == shard.generation else "again"
    return "old"


class Good(msgspec.Struct, frozen=True):
    """Enough valid shards. `shards` is their new state, `count` the number presented; `renewed` are
    the numbers of those that were presented directly, besides the refresh token."""

    shards: Shards
    count: int
    renewed: tuple[int, ...] = ()


class Alarm(msgspec.Struct, frozen=True):
    """A genuine shard that its presenter should not have. `why` is for its user."""

    holder: str
    why: str
    error: OAuthError


class Guess(msgspec.Struct, frozen=True):
    """A wrong recovery code."""


Verdict: TypeAlias = Good | Alarm | Guess

_USED: Final = "it was used before, so two have it"
_ANOTHER: Final = "it was shown by somebody who is not its holder"


def judge(
    family: TokenFamily,
    shards: Shards,
    presented: PresentedShards,
    *,
    by: Authenticated,
    tag: str,
    again: bool,
    context: Context,
) -> Verdict:
    """Checks the presented shards. `tag` names the request: single-use handles are accepted again
    for the same request if it is a retry (`again`). Raises InvalidGrant for replaced shards and
    used handles, which cause no alarm."""
    after, numbers = shards, dict[int, None]()
    for token in presented.every:
        alarm = misplaced(family, shards, token, by=by)
        if alarm is not None:
            return alarm
        numbers[token.shard] = None
        after = rotate(after, token, context)
    for handle in presented.handles:
        _check_handle(shards.of[handle.shard], handle, tag=tag if again else "", context=context)
        numbers[handle.shard] = None
        after = _joined(after, handle, tag=tag, context=context)
    for secret in presented.codes:
        at = shards.find("recovery_code")
        # Check against the rotated shards: a device with the current shard got the earlier
        # response.
        now = msgspec.structs.replace(family, shards=after)
        # Compare all, so that the time reveals nothing.
        if at < 0 or not sum(same(secret, one) for one in _codes(now, at, context)):
            return Guess()
        numbers[at] = None
        after = _spent(after, at, tag=tag, context=context)
    if len(numbers) < shards.threshold:
        return _short(shards, presented)
    renewed = tuple(dict.fromkeys(one.shard for one in presented.shards))
    return Good(after, len(numbers), renewed)


def misplaced(
    family: TokenFamily, shards: Shards, token: RefreshToken, *, by: Authenticated
) -> Alarm | None:
    """The alarm for a genuine shard, None if its holder presents it in time. Raises InvalidGrant if
    it was replaced."""
    if token.shard >= len(shards.of):
        raise InvalidGrant(detail="a shard that the key does not have")
    shard = shards.of[token.shard]
    how = age(shard, token.generation)
    if how == "lost":
        raise InvalidGrant("the key shard was replaced by another")
    if not _is_holder(family, token.shard, by):
        return Alarm(shard.holder, _ANOTHER, InvalidGrant("a key shard is another holder's"))
    if how == "old":
        return Alarm(shard.holder, _USED, InvalidGrant("the key shard was used before"))
    return None


def _is_holder(family: TokenFamily, at: int, by: Authenticated) -> bool:
    shard = family.shard(at)
    if at == 0 and family.instance not in {"", by.instance}:
        return False  # Bound to another client instance.
    if shard.holder in OF_DEVICES:
        return by.client.id == family.client and fits(by.confirmation, family.bound_to(at))
    return by.client.id == shard.client and proves_itself(by)


def proves_itself(by: Authenticated) -> bool:
    """Whether the client authenticated, and not as one of many instances of an app."""
    return not by.client.is_public and not by.instance


def rotate(shards: Shards, token: RefreshToken, context: Context) -> Shards:
    """The shards after rotating this one; unchanged for a retry."""
    shard = shards.of[token.shard]
    if token.generation != shard.generation:
        return shards
    fresh = msgspec.structs.replace(
        shard, generation=shard.generation + 1, turned=context.env.now, used=context.env.now
    )
    return shards.having(token.shard, fresh)


def _check_handle(shard: Shard, handle: ShardReference, *, tag: str, context: Context) -> None:
    if handle.generation < shard.since or not shard.is_claimed:
        raise InvalidGrant("the key shard was replaced by another")
    if context.env.now > handle.at + HANDLE_SECONDS:
        raise InvalidGrant("the handle is over: deliver the shard again")
    retried = handle.at == shard.joined and tag != "" and shard.by == tag
    if handle.at <= shard.joined and not retried:
        raise InvalidGrant("the handle was used: deliver the shard again")


def _joined(shards: Shards, handle: ShardReference, *, tag: str, context: Context) -> Shards:
    shard = shards.of[handle.shard]
    if handle.at <= shard.joined:
        return shards
    used = msgspec.structs.replace(shard, joined=handle.at, by=tag, used=context.env.now)
    return shards.having(handle.shard, used)


def _codes(family: TokenFamily, at: int, context: Context) -> list[bytes]:
    """The valid secrets of the recovery code. A used code stays valid until the response that it
    led to is used, because a client that lost the response has nothing else."""
    shard, keyring = family.shard(at), context.installation.keyring
    if shard.is_claimed:
        return derived_secrets.codes(RefreshToken(family.id, at, shard.generation), keyring)
    if shard.is_spent and family.shards is not None and not _arrived(family.shards, shard.by):
        return derived_secrets.codes(RefreshToken(family.id, at, shard.generation - 1), keyring)
    return []


def refreshed(token: RefreshToken) -> str:
    """The tag of a refresh with that shard."""
    return f"refresh {token.shard} {token.generation + 1}"


def replaced(at: int, generation: int) -> str:
    """The tag of the request for a new shard with that number and generation."""
    return f"reissue {at} {generation}"


def _arrived(shards: Shards, tag: str) -> bool:
    """Whether the response to the request with that tag has been used, or has become invalid."""
    kind, at, generation = tag.split(" ")
    shard = shards.of[int(at)]
    claimed = kind == "reissue" and shard.is_claimed
    return claimed or shard.generation != int(generation)


def _spent(shards: Shards, at: int, *, tag: str, context: Context) -> Shards:
    """The shards after a recovery code is used. Only its user gets the new one, not the app."""
    shard = shards.of[at]
    if not shard.is_claimed:
        return shards.having(at, msgspec.structs.replace(shard, by=tag))
    spent = msgspec.structs.replace(
        shard,
        generation=shard.generation + 1,
        since=shard.generation + 1,
        client="",
        by=tag,
        turned=context.env.now,
        used=context.env.now,
    )
    return shards.having(at, spent)


def _short(shards: Shards, presented: PresentedShards) -> Alarm:
    numbers = presented.numbers
    holder = shards.of[numbers[0][1]].holder if numbers else "recovery_code"
    return Alarm(holder, "it was shown without the others", InsufficientKeyShards())
