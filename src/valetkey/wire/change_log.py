"""The change log: what became of grants, and of whatever else a key hangs on, in order.

Whoever holds the log up to its present end knows what every token is worth, and need not ask.
"""

from typing import Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["grant", "family", "user", "client", "token", "all"]

LONGEST: Final = 3600
"""Seconds that an access token may live, at the most."""

KEPT: Final = LONGEST + 600
"""Seconds for which an entry is kept: until every token of before it has expired, and ten minutes
more for clocks that differ."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change: how the subject stands from now on.

    `subject` is the id of a grant, a family, a user, a client, or an access token (its `jti`); it
    is "" for `all`, by which everything from before it is worth nothing. `status` is the subject's
    own word, and "removed" where it is gone. `permissions` are a grant's own, or the scopes that a
    client is registered for; `limited` are those of them under a counted limit; `until` is when the
    grant ends by itself, 0 for never.

    `seq` numbers the entries from 1 without a gap, in the order in which their changes became
    visible; `mark` is random, and tells apart two logs that have the same number. `at` and `until`
    are in seconds since 1970.
    """

    kind: Kind
    status: str
    subject: str = ""
    grant_version: int = 0
    permissions: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    until: int = 0
    at: int = 0
    mark: str = ""
    seq: int = 0
