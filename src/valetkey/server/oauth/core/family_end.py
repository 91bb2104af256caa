"""The end of a token family: it is closed, and an event records that."""

from typing import TypeAlias

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.event import By, Event, Kind, event
from valetkey.server.model.grant import TokenFamily
from valetkey.server.oauth.core.context import Context

Ending: TypeAlias = tuple[tuple[Change, ...], tuple[Event, ...]]
"""The changes to commit, and the events for the history."""


def close(
    family: TokenFamily, because: str, *, kind: Kind, by: By, note: str, context: Context
) -> Ending:
    """Close an open family. `because` stays in its row, `note` goes into the history."""
    closed = msgspec.structs.replace(family, status="closed", because=because)
    ending = event(
        context.env,
        kind,
        by=by,
        user=family.user,
        client=family.client,
        grant=family.grant,
        note=note,
    )
    return (Update(closed),), (ending,)
