"""How features take part in issuing tokens: by steps that `issue.tokens` runs in this order.

A feature that is switched off has no step, so a token request never enters its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.decision import Issue
from valetkey.wire.access_token import AccessToken

if TYPE_CHECKING:
    from valetkey.server.oauth.core.context import Context
    from valetkey.server.oauth.core.feature import Feature

ORDER: Final = (
    "client credentials",
    "rich authorization requests",
    "status lists",
    "split access tokens",
    "key shards",
    "grant management",
    "authorization expiration",
)
"""The features that have a step, in the order of their steps."""


class IssuingStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature does when tokens are issued. A part that is None does nothing.

    - `prepare` runs first. It may read, and it may add changes to the decision.
    - `complete` adds to the access token, or raises OAuthError for a token that may not be issued.
    - `members` are members of the token response.
    - `write` writes the access token in another form than a JWT, or returns "" for a token that is
      not in that form.
    """

    prepare: Callable[[Issue, Context], Rule[Issue]] | None = None
    complete: Callable[[AccessToken, Issue, Context], AccessToken] | None = None
    members: Callable[[Issue, Context], Mapping[str, Any]] | None = None
    write: Callable[[AccessToken, Context], str] | None = None


def steps_of(features: tuple[Feature, ...]) -> tuple[IssuingStep, ...]:
    """The steps of these features, in order. Raises ValueError for a step that has no place."""
    steps = {one.name: one.issuing for one in features if one.issuing is not None}
    if unknown := steps.keys() - ORDER:
        raise ValueError(f"{min(unknown)}: not in the order of the issuing steps")
    return tuple(steps[name] for name in ORDER if name in steps)
