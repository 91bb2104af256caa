"""Single-use values: the `jti` of what somebody signed, a state, an offer."""

from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import CommitAlways, One, Rule


def is_used(marker: SingleUse) -> Rule[bool]:
    """Whether the value was used before. The caller's decision has to create the marker."""
    query = One(SingleUse, marker.key)
    return (yield (query,)).one(query) is not None


def use_up(marker: SingleUse) -> Rule[bool]:
    """Whether the value is used for the first time. It is used up now, whatever the rule decides:
    what a proof consumes is written even if the request fails."""
    if (yield from is_used(marker)):
        return False
    yield (CommitAlways(Create(marker)),)
    return True
