"""What goes along in one statement: all that the loop brings before it."""

from typing import Final

from valetkey.server.store.batching import turn

SILENT: Final = "the database does not answer"
"""What is told to whoever waited for a statement for too long."""

TURNS: Final = 4


async def gather() -> None:
    """Lets the loop turn a few times, so that whatever else it has to do goes along. Where it has
    nothing to do, that takes no time."""
    for _ in range(TURNS):
        await turn()
