"""What the token endpoint says beyond RFC 6749: when the grant ends, and whether a refusal passes.

Both members are registered nowhere. RFC 6749 5.1 and 5.2 let a server add members, and whoever does
not know them leaves them alone.
"""

from typing import Final, Literal, TypeAlias

GRANT_EXPIRES_AT: Final = "grant_expires_at"
"""In a token response and an introspection: when the user's grant ends by itself, in seconds since
1970. Left out where the grant has no end."""

REASON: Final = "reason"
"""In a refusal of the token endpoint, beside `error`: why the grant opens nothing for now. Left out
where it is over for good, or nothing is known of it."""

Reason: TypeAlias = Literal["paused", "app_suspended", "key_suspended", "account_disabled"]

PAUSED: Final[Reason] = "paused"
"""The user paused the app."""

APP_SUSPENDED: Final[Reason] = "app_suspended"
"""The operator suspended the app."""

KEY_SUSPENDED: Final[Reason] = "key_suspended"
"""Somebody showed a shard of the key who should not have it: its user has to look at it."""

ACCOUNT_DISABLED: Final[Reason] = "account_disabled"
"""The operator disabled the user's account."""

PASSING: Final[frozenset[str]] = frozenset({PAUSED, APP_SUSPENDED, KEY_SUSPENDED, ACCOUNT_DISABLED})
"""All of them. A client keeps what it has, and tries again later: the same refresh token is good
again once the reason is gone."""
