"""How features take part in issuing tokens: by steps that `issue.tokens` runs in this order.

A feature that is switched off has no step, so a token request never enters its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.decision import Issue
from valetkey.wire.access_token import AccessToken

if TYPE_CHECKING:
    from valetkey.server.oauth.core.context import Context
    from valetkey.server.oauth.core.feature import Feature

ORDER: Final = (
    "account checks",
    "client credentials",
    "rich authorization requests",
    "status lists",
    "split access tokens",
    "key shards",
    "grant management",
    "authorization expiration",
)
"""The features that have a step, in the order of their steps."""


Prepare: TypeAlias = Callable[[Issue, "Context"], Rule[Issue]]
Complete: TypeAlias = Callable[[AccessToken, Issue, "Context"], AccessToken]
Members: TypeAlias = Callable[[Issue, "Context"], Mapping[str, Any]]
Write: TypeAlias = Callable[[AccessToken, "Context"], str]
Owner: TypeAlias = Literal["user", "client"]


class IssuingStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature does when tokens are issued: for a user's grant, for a client that acts for
    itself, or for both (`owners`). A part that is None does nothing.

    - `prepare` runs first. It may read, and it may add changes to the decision.
    - `complete` adds to the access token, or raises OAuthError for a token that may not be issued.
    - `members` are members of the token response.
    - `write` writes the access token in another form than a JWT, or returns "" for a token that is
      not in that form.
    """

    owners: tuple[Owner, ...] = ("user", "client")
    prepare: Prepare | None = None
    complete: Complete | None = None
    members: Members | None = None
    write: Write | None = None


class IssuingParts(msgspec.Struct, frozen=True):
    """The parts of the steps that run for one owner's tokens, each in order."""

    prepare: tuple[Prepare, ...] = ()
    complete: tuple[Complete, ...] = ()
    members: tuple[Members, ...] = ()
    write: tuple[Write, ...] = ()


def steps_of(features: tuple[Feature, ...]) -> tuple[IssuingStep, ...]:
    """The steps of these features, in order. Raises ValueError for a step that has no place."""
    steps = {one.name: one.issuing for one in features if one.issuing is not None}
    if unknown := steps.keys() - ORDER:
        raise ValueError(f"{min(unknown)}: not in the order of the issuing steps")
    return tuple(steps[name] for name in ORDER if name in steps)


def parts_of(steps: tuple[IssuingStep, ...], owner: Owner) -> IssuingParts:
    """The parts that run for this owner's tokens."""
    own = [one for one in steps if owner in one.owners]
    return IssuingParts(
        prepare=tuple(one.prepare for one in own if one.prepare is not None),
        complete=tuple(one.complete for one in own if one.complete is not None),
        members=tuple(one.members for one in own if one.members is not None),
        write=tuple(one.write for one in own if one.write is not None),
    )
