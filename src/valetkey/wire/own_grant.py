"""What an app with a refresh token posts to the `grant_endpoint`, to have less of its own grant.

Beside its authentication: `refresh_token`, `action`, and for NARROW the `scope` that is to be left.
A token that is bound to a key comes with a proof of that key (RFC 9449), made for this endpoint.
"""

from typing import Final

import msgspec

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
