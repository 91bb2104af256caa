"""Second factors: users add them, prove them, and remove them.

An authenticator counts once its user has entered a code of it. With the first one come recovery
codes, which are displayed once. Removing a factor takes a proof at its level, which the caller has.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose import seal
from valetkey.server.accounts import one_time_codes
from valetkey.server.accounts.notices import NoticeTargets, tell
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.factor import Factor, account_level
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Many, Rule

MAX_AUTHENTICATORS: Final = 5
MAX_NAME: Final = 60

PROVED: Final = ("otp", "mfa")
"""The methods that a one-time code adds to those of the first factor (RFC 8176)."""


class FactorContext(msgspec.Struct, frozen=True, kw_only=True):
    """What these rules need besides the records. `device` is the browser, in words."""

    env: Env
    keyring: Keyring
    notices: NoticeTargets
    device: str = ""


class CodeAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """A right code. `unused` is the number of recovery codes that remain, None for a code of
    an authenticator."""

    factor: Factor
    unused: int | None = None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class CodeRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong code, or one that was used before."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def check_code(user: str, code: str, context: FactorContext) -> Rule[CodeAccepted | CodeRefused]:
    """Whether this is a code of the user's, of an authenticator or for recovery. It is used up."""
    query = Many(Factor, "user", user)
    for factor in (yield (query,)).many(query):
        accepted = _accepted(factor, code, context)
        if accepted is not None:
            return accepted
    audit_event = event(context.env, "code-refused", by="user", user=user)
    return CodeRefused(events=(audit_event,))


def _accepted(factor: Factor, code: str, context: FactorContext) -> CodeAccepted | None:
    now = context.env.now
    if factor.kind == "totp":
        try:
            secret = one_time_codes.open_secret(factor, context.keyring)
        except seal.BadSeal:
            return None
        step = one_time_codes.matching_step(secret, code, now, after=factor.counter)
        if step is None:
            return None
        after = msgspec.structs.replace(factor, counter=step, used=now)
        return CodeAccepted(factor=after, changes=(Update(after),))
    if factor.kind != "recovery":
        return None
    digest = one_time_codes.recovery_digest(code, factor.user)
    if not any(seal.same(one, digest) for one in factor.codes):
        return None
    others = tuple(one for one in factor.codes if one != digest)
    after = msgspec.structs.replace(factor, codes=others, used=now)
    facts = {"left": str(len(others)), "device": context.device}
    return CodeAccepted(
        factor=after,
        unused=len(others),
        changes=(
            Update(after),
            *_notice("recovery_code_used", factor.user, facts=facts, context=context),
        ),
        events=(event(context.env, "recovery-code-used", by="user", user=factor.user),),
    )


class AuthenticatorAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A new authenticator. `codes` are the recovery codes that came with it, to display once."""

    factor: Factor
    codes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    def __repr__(self) -> str:
        return "AuthenticatorAdded(…)"


WhyNot: TypeAlias = Literal["code", "full"]
"""The code is wrong; the user has too many authenticators."""


class NotAdded(msgspec.Struct, frozen=True, kw_only=True):
    """No new authenticator."""

    why: WhyNot
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def add_authenticator(
    user: str, secret: bytes, code: str, *, name: str, context: FactorContext
) -> Rule[AuthenticatorAdded | NotAdded]:
    """Adds an authenticator with this secret, if the code is one of it. The code is used up."""
    query = Many(Factor, "user", user)
    factors = (yield (query,)).many(query)
    step = one_time_codes.matching_step(secret, code, context.env.now)
    if step is None:
        return NotAdded(why="code")
    if sum(one.kind == "totp" for one in factors) >= MAX_AUTHENTICATORS:
        return NotAdded(why="full")
    name_of_row = ids.owned_id(context.env, owner=user)
    factor = Factor(
        id=name_of_row,
        user=user,
        kind="totp",
        created=context.env.now,
        name=name[:MAX_NAME],
        secret=one_time_codes.seal_secret(
            secret, name_of_row, keyring=context.keyring, env=context.env
        ),
        counter=step,
    )
    changes: tuple[Change, ...] = (Create(factor),)
    codes, stored = with_first_factor(user, factors, context.env)
    changes += stored
    facts = {"factor": "authenticator", "name": factor.name, "device": context.device}
    return AuthenticatorAdded(
        factor=factor,
        codes=codes,
        changes=(*changes, *_notice("factor_added", user, facts=facts, context=context)),
        events=(event(context.env, "factor-added", by="user", user=user, note=factor.name),),
    )


def with_first_factor(
    user: str, factors: Sequence[Factor], env: Env
) -> tuple[tuple[str, ...], tuple[Change, ...]]:
    """The recovery codes that come with the first second factor of a user who has these factors,
    to display once, and the changes that store them; nothing if the user has some."""
    old = tuple(one for one in factors if one.kind == "recovery")
    if old and account_level(factors):
        return (), ()
    codes = one_time_codes.new_recovery_codes(env)
    return codes, (*map(Remove, old), Create(_recovery(user, codes, env)))


def _recovery(user: str, codes: Sequence[str], env: Env) -> Factor:
    return Factor(
        id=ids.owned_id(env, owner=user),
        user=user,
        kind="recovery",
        created=env.now,
        codes=one_time_codes.recovery_digests(codes, user),
    )


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """A new set of recovery codes, to display once; () if the user has no second factor."""

    codes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    def __repr__(self) -> str:
        return "RecoveryCodes(…)"


def replace_recovery_codes(user: str, context: FactorContext) -> Rule[RecoveryCodes]:
    """Replaces all recovery codes of the user. The caller has a fresh proof."""
    query = Many(Factor, "user", user)
    factors = (yield (query,)).many(query)
    if not account_level(factors):
        return RecoveryCodes()
    codes = one_time_codes.new_recovery_codes(context.env)
    old = tuple(Remove(one) for one in factors if one.kind == "recovery")
    facts = {"factor": "recovery codes", "device": context.device}
    return RecoveryCodes(
        codes=codes,
        changes=(
            *old,
            Create(_recovery(user, codes, context.env)),
            *_notice("factor_added", user, facts=facts, context=context),
        ),
        events=(event(context.env, "recovery-codes-made", by="user", user=user),),
    )


class FactorRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The removed factor, None if the user has none with this id. `last`: it was the last one."""

    factor: Factor | None
    last: bool = False
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def remove_factor(name: str, user: str, context: FactorContext) -> Rule[FactorRemoved]:
    """Removes a factor of the user's; recovery codes go with the last one. The caller has a fresh
    proof at the level of the factor (`Factor.level`)."""
    query = Many(Factor, "user", user)
    factors = (yield (query,)).many(query)
    factor = next((one for one in factors if one.id == name and one.kind != "recovery"), None)
    if factor is None:
        return FactorRemoved(factor=None)
    others = [one for one in factors if one.id != name]
    last = not account_level(others)
    orphans = tuple(Remove(one) for one in others if last and one.kind == "recovery")
    facts = {"factor": factor.kind, "name": factor.name, "device": context.device}
    return FactorRemoved(
        factor=factor,
        last=last,
        changes=(
            Remove(factor),
            *orphans,
            *_notice("factor_removed", user, facts=facts, context=context),
        ),
        events=(event(context.env, "factor-removed", by="user", user=user, note=factor.name),),
    )


def _notice(
    kind: Literal["recovery_code_used", "factor_added", "factor_removed"],
    user: str,
    *,
    facts: dict[str, str],
    context: FactorContext,
) -> tuple[Create, ...]:
    return tell(kind, user=user, env=context.env, to=context.notices, facts=facts)
