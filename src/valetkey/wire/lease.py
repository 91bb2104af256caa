"""Leases of a user's limit: a resource server requests them from the authorization server.

The protocol is our own. Its times are seconds from now, so that clocks need not agree: a node
counts from before its request, and stops to use a lease before the server takes it back.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 7662", "2.1")
"""A resource server proves who it is as it does at introspection."""

PATH: Final = "/lease"
RETURN_PATH: Final = "/lease/return"
"""Below the issuer. The kit knows them, so the discovery document stays ordinary."""

Limit: TypeAlias = Literal["often", "much", "hours", "ask", "declined", "gone"]
Per: TypeAlias = Literal["hour", "day", "month", "total"]

MOST: Final = 10**12
"""The largest number of uses, and the largest amount."""

LONGEST_LEASE: Final = 30
"""The longest lease in seconds: then the node returns the rest."""

GRACE: Final = 3600
"""Seconds after its end within which a lease can be returned: by its node, once the server answers
again, or by another node that finds the notes of a dead one."""


class Leased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="leased"):
    """A lease of `uses` and an `amount` (None if not counted) for `expires_in` seconds.

    `exact`: it is for one use of exactly this amount. A use above `ask_above` needs a lease of its
    own.
    """

    lease: str
    expires_in: int
    grant_version: int
    uses: int | None = None
    amount: int | None = None
    ask_above: int | None = None
    exact: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="refused"):
    """No lease, because of this limit. `per` and `allowed` describe it. `back_at` is when it ends
    (seconds since 1970, 0 if it does not by itself), `again_in` the seconds before the next
    request, and `ask_uri` the page where the user can allow it."""

    limit: Limit
    grant_version: int = 0
    per: Per | None = None
    allowed: int = 0
    back_at: int = 0
    again_in: int = 0
    ask_uri: str = ""


Answer: TypeAlias = Leased | Refused


# Usage reports: a resource server reports which permissions an app used, by day.
#
# They are coarse on purpose: users see that an app reads their messages, but not how often.

PARAMETER: Final = "usage"
"""The form field: a JSON list of FamilyUsage."""

DAY: Final = 86400
MOST_USAGES: Final = 100
"""Families in one report."""

MOST_PERMISSIONS: Final = 500
MAX_DELEGATES: Final = 8


class FamilyUsage(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The permissions that the tokens of one family used today.

    `delegates` (`hands` on the wire) are the delegates of the token, the first one first, if the
    last delegation was offline (`wire.child_key.ALONE`); otherwise (), because the server knows
    them.
    """

    family: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    permissions: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=200)], ...],
        msgspec.Meta(min_length=1, max_length=MOST_PERMISSIONS),
    ]
    delegates: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=2000)], ...],
        msgspec.Meta(max_length=MAX_DELEGATES),
    ] = msgspec.field(default=(), name="hands")


Report = Annotated[tuple[FamilyUsage, ...], msgspec.Meta(min_length=1, max_length=MOST_USAGES)]


def read(text: str) -> tuple[FamilyUsage, ...]:
    """The report in a form field. Raises ValueError."""
    return msgspec.json.decode(text, type=Report)


def write(report: tuple[FamilyUsage, ...]) -> str:
    """The field's value."""
    return msgspec.json.encode(report).decode()
