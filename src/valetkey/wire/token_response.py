"""Members of token responses beyond RFC 6749: the end of the grant, and the reason of a refusal.

Neither is registered. RFC 6749 5.1 and 5.2 let a server add members, and clients ignore those that
they do not know.
"""

from typing import Final, Literal, TypeAlias

import msgspec

GRANT_EXPIRES_AT: Final = "grant_expires_at"
"""In a token response and an introspection: when the user's grant ends by itself, in seconds since
1970. Omitted if it has no end."""

REASON: Final = "reason"
"""In an error of the token endpoint: why the grant does not work for now. Omitted if it is over for
good, or unknown."""

Reason: TypeAlias = Literal["paused", "app_suspended", "key_suspended", "account_disabled"]

PAUSED: Final[Reason] = "paused"
"""The user paused the app."""

APP_SUSPENDED: Final[Reason] = "app_suspended"
"""The operator suspended the app."""

KEY_SUSPENDED: Final[Reason] = "key_suspended"
"""Someone presented a shard of the key who should not have it: the user has to check the key."""

ACCOUNT_DISABLED: Final[Reason] = "account_disabled"
"""The operator disabled the user's account."""

PASSING: Final[frozenset[str]] = frozenset({PAUSED, APP_SUSPENDED, KEY_SUSPENDED, ACCOUNT_DISABLED})
"""All reasons. A client keeps its refresh token, and tries again later: the token works again once
the reason is gone."""


# What an app with a refresh token posts to the `grant_endpoint`, to have less of its own grant.
#
# Beside its authentication: `refresh_token`, `action`, and for NARROW the `scope` that is to be
# left. A token that is bound to a key comes with a proof of that key (RFC 9449), made for this
# endpoint.

REFRESH_TOKEN: Final = "refresh_token"

ACTION: Final = "action"

NARROW: Final = "narrow"
"""Leave the grant what `scope` names, and no more."""

STOP: Final = "stop"
"""End the grant, on all devices."""

SCOPE: Final = "scope"


class OwnGrant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer: how the grant stands now, what of the app's scope is left, and when the grant
    ends by itself, in seconds since 1970, 0 for never."""

    status: str
    scope: str = ""
    grant_expires_at: int = 0
