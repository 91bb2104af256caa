"""Usage reports: a resource server reports which permissions an app used, by day.

They are coarse on purpose: users see that an app reads their messages, but not how often.
"""

from typing import Annotated, Final

import msgspec

PARAMETER: Final = "usage"
"""The form field: a JSON list of FamilyUsage."""

DAY: Final = 86400
MOST: Final = 100
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


Report = Annotated[tuple[FamilyUsage, ...], msgspec.Meta(min_length=1, max_length=MOST)]


def read(text: str) -> tuple[FamilyUsage, ...]:
    """The report in a form field. Raises ValueError."""
    return msgspec.json.decode(text, type=Report)


def write(report: tuple[FamilyUsage, ...]) -> str:
    """The field's value."""
    return msgspec.json.encode(report).decode()
