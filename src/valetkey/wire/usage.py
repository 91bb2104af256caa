"""What was used when: a resource server tells, by the day, which permissions an app made use of.

It is coarse on purpose: a user sees that an app reads their messages, and not how often.
"""

from typing import Annotated, Final

import msgspec

PARAMETER: Final = "usage"
"""The form's field: a JSON list of Used."""

DAY: Final = 86400
MOST: Final = 100
"""Families that one report may speak of."""

MOST_PERMISSIONS: Final = 500
MAX_DELEGATES: Final = 8


class FamilyUsage(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The permissions that were made use of today, by the family whose tokens did.

    `hands` are those through which the key went, the first one first, where the last had it from a
    hand alone (`wire.child_key.ALONE`); else (), since the server knows them.
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
    """The report. Raises ValueError for what is none."""
    return msgspec.json.decode(text, type=Report)


def write(report: tuple[FamilyUsage, ...]) -> str:
    """The field's value."""
    return msgspec.json.encode(report).decode()
