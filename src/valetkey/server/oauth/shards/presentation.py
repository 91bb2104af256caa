"""What is shown of a key in one request: read, and judged as one, before anything is turned."""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import same
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import Keyring
from valetkey.server.model.shards import Shard, Shards
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
    """Genuine shards and handles, and the secrets of recovery codes, which nobody has looked at
    yet. `refresh` is the shard of the device that asks, None where none does."""

    refresh: RefreshToken | None
    shards: tuple[RefreshToken, ...] = ()
    handles: tuple[ShardReference, ...] = ()
    codes: tuple[bytes, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """The keys that they are of, that of the asking device first."""
        return tuple(dict.fromkeys(family for family, _ in self.numbers))

    @property
    def numbers(self) -> tuple[tuple[str, int], ...]:
        """The key and the number of each shard that is shown, or delivered."""
        shards = tuple((one.family, one.shard) for one in self.every)
        return (*shards, *((one.family, one.shard) for one in self.handles))

    @property
    def every(self) -> tuple[RefreshToken, ...]:
        """All shards themselves."""
        return self.shards if self.refresh is None else (self.refresh, *self.shards)

    def __repr__(self) -> str:
        return "PresentedShards(…)"


def read(text: str, others: str, keyring: Keyring) -> PresentedShards:
    """What the parameters `refresh_token` ("" for none) and `other_key_shards` hold. Raises
    InvalidRequest for what cannot be read, InvalidGrant for what is forged."""
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
    """A shard. Raises InvalidRequest for one that was cut, InvalidGrant for a forged one."""
    derived_secrets.whole("ks" if text.startswith("vk_ks_") else "rt", text)
    return refresh_token.read(text, keyring)


Age: TypeAlias = Literal["fresh", "again", "lost", "old"]
"""A shard as it is now; the one before, whose successor was never shown; one from before its
reissue; one that was used up."""


def age(shard: Shard, generation: int) -> Age:
    """How a genuine shard of that generation stands."""
    if generation < shard.since or not shard.is_claimed:
        return "lost"
    # What is shown is turned, so the one before is good for as long as its successor was never
    # shown: a lost reply locks nobody out, however late they ask again.
    if generation in (shard.generation, shard.generation - 1):
        return "fresh" if generation == shard.generation else "again"
    return "old"


class Good(msgspec.Struct, frozen=True):
    """Enough of them. `shards` is how they stand now; `count` were shown; `renewed` are the numbers
    of those that were shown without a handle, beside the refresh token."""

    shards: Shards
    count: int
    renewed: tuple[int, ...] = ()


class Alarm(msgspec.Struct, frozen=True):
    """Somebody shows a genuine shard who has no business with it. `why` is for its user."""

    holder: str
    why: str
    error: OAuthError


class Guess(msgspec.Struct, frozen=True):
    """A recovery code that is not this key's."""


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
    """Whether what is shown opens the key. `tag` names the request: what is good once is good again
    for the same one, as far as this is a retry (`again`). Raises InvalidGrant for what is worth
    nothing any more, and alarms nobody."""
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
        # With the device's shard as it is now: who has that has what an earlier code brought.
        now = msgspec.structs.replace(family, shards=after)
        # Each is compared, so that time does not tell which it was like.
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
    """The alarm that a genuine shard sets off, None where its holder shows it in its time. Raises
    InvalidGrant for one that is known to be lost."""
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
        return False  # Of one copy of the app alone, and this is another.
    if shard.holder in OF_DEVICES:
        return by.client.id == family.client and fits(by.confirmation, family.bound_to(at))
    return by.client.id == shard.client and proves_itself(by)


def proves_itself(by: Authenticated) -> bool:
    """Whether it is one party that proved who it is: not an app that only says so, and not one of
    the many copies of an app."""
    return not by.client.is_public and not by.instance


def rotate(shards: Shards, token: RefreshToken, context: Context) -> Shards:
    """The shards once this one has been shown; as they were, for a retry."""
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
    """What it may be. One that was used is good for as long as what it brought was not: whoever
    lost the reply has nothing else."""
    shard, keyring = family.shard(at), context.installation.keyring
    if shard.is_claimed:
        return derived_secrets.codes(RefreshToken(family.id, at, shard.generation), keyring)
    if shard.is_spent and family.shards is not None and not _arrived(family.shards, shard.by):
        return derived_secrets.codes(RefreshToken(family.id, at, shard.generation - 1), keyring)
    return []


def refreshed(token: RefreshToken) -> str:
    """The name of a refresh by that shard."""
    return f"refresh {token.shard} {token.generation + 1}"


def replaced(at: int, generation: int) -> str:
    """The name of the request for a new shard with that number and generation."""
    return f"reissue {at} {generation}"


def _arrived(shards: Shards, tag: str) -> bool:
    """Whether what the request of that name brought has been used, or is worth nothing by now."""
    kind, at, generation = tag.split(" ")
    shard = shards.of[int(at)]
    claimed = kind == "reissue" and shard.is_claimed
    return claimed or shard.generation != int(generation)


def _spent(shards: Shards, at: int, *, tag: str, context: Context) -> Shards:
    """A code is good once: its successor goes to its user, and never through the app."""
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
