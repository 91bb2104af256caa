"""Leases of what a user's limit leaves: a resource server asks, the server answers.

The protocol is our own. It speaks of seconds from now, so that no two clocks have to agree: a node
counts from before it asked, and has stopped spending before the server counts on that.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.spec.cite import Cite

CITE: Final = Cite("RFC 7662", "2.1")
"""A resource server proves who it is as it does at introspection."""

PATH: Final = "/lease"
RETURN_PATH: Final = "/lease/return"
"""Below the issuer. The kit knows them, so the discovery document stays ordinary."""

Limit: TypeAlias = Literal["often", "much", "hours", "ask", "declined", "gone"]
Per: TypeAlias = Literal["hour", "day", "month", "total"]

MOST: Final = 10**12
"""The largest number that is asked for, and the largest amount."""

LONGEST_LEASE: Final = 30
"""Seconds for which a lease is good, at most: then the node returns what it did not spend."""

GRACE: Final = 3600
"""Seconds after its end within which a lease can still be returned: by its node, once the server is
there again, or by another one that finds what a dead node has noted."""


class Leased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="leased"):
    """A lease: so many uses and so much, None where it is not counted, for so many seconds.

    `exact`: for one use of just this amount. `ask_above`: what is more goes by a lease of its own.
    """

    lease: str
    expires_in: int
    grant_version: int
    uses: int | None = None
    amount: int | None = None
    ask_above: int | None = None
    exact: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="refused"):
    """No lease, because of this limit. `per` and `allowed` say which, `back_at` when it comes back
    (seconds since 1970, 0 where it does not by itself), `again_in` when to ask again at the soonest
    (seconds), `ask_uri` where the user can say yes."""

    limit: Limit
    grant_version: int = 0
    per: Per | None = None
    allowed: int = 0
    back_at: int = 0
    again_in: int = 0
    ask_uri: str = ""


Answer: TypeAlias = Leased | Refused
