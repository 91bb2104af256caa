"""The settings of administration."""

from typing import Annotated

import msgspec


class AdministrationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What administrators need, and how much they may call."""

    second_factor: Annotated[
        bool,
        msgspec.Meta(
            description="true or false: whether people who administer have to sign in with two "
            "factors"
        ),
    ] = True
    calls_per_minute: Annotated[
        int,
        msgspec.Meta(
            ge=10,
            le=100_000,
            description="the number of calls of the administration API that one caller may make in "
            "a minute, at all workers of a server on one machine together",
        ),
    ] = 600
