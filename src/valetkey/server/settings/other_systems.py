"""The settings of users whom another system knows: whether they are still allowed there, and
directories that check passwords."""

from typing import Annotated

import msgspec


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class StillAllowedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform without SCIM, which says whether its users are still allowed."""

    url: Annotated[
        str,
        _is("the https address that is asked whether a user is still allowed, or empty"),
    ] = ""
    source: Annotated[str, _is("the source whose users it knows, such as platform")] = "platform"
    seconds: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=3600, description="the seconds for which an answer counts, from 1 to 3600"
        ),
    ] = 300
    grace_seconds: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=86400,
            description="the seconds for which an answer still counts while the platform does not "
            "answer; 0 to refuse at once",
        ),
    ] = 0
