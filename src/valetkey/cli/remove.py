"""What the `remove` commands share."""

from collections.abc import Callable
from typing import TypeAlias

from valetkey.cli.context import Desk, Failed
from valetkey.cli.settle import settled
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.removal import NotRemoved, Removed
from valetkey.server.oauth.core.context import Context
from valetkey.server.store.port import Store

Removal: TypeAlias = Callable[[str, Context], Rule[Removed | NotRemoved]]


def remove_by(desk: Desk, rule: Removal, name: str) -> None:
    """Removes what the name means, by the rule. Raises Failed where it stays."""
    context = desk.context()

    async def removing(store: Store) -> Removed | NotRemoved:
        return await settled(store, lambda: rule(name, context), context)

    outcome = desk.run(removing)
    match outcome:
        case NotRemoved(why=why):
            raise Failed(why)
        case Removed(stopped=stopped):
            text = f"removed {name}" + (f", stopped {stopped} grants" if stopped else "")
            desk.show({"removed": name, "stopped": stopped}, text)
