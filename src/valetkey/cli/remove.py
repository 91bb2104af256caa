"""Shared by the `remove` commands."""

from collections.abc import Callable
from typing import TypeAlias

from valetkey.cli.context import CommandContext, Failed, settle_and_notify
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.removal import NotRemoved, Removed
from valetkey.server.oauth.core.context import Context
from valetkey.server.store.port import Store

Removal: TypeAlias = Callable[[str, Context], Rule[Removed | NotRemoved]]


def remove_by(command: CommandContext, rule: Removal, name: str) -> None:
    """Remove a record by its rule. Raises Failed if it has to stay."""
    context = command.context()

    async def removing(store: Store) -> Removed | NotRemoved:
        return await settle_and_notify(store, lambda: rule(name, context), context)

    outcome = command.run(removing)
    match outcome:
        case NotRemoved(why=why):
            raise Failed(why)
        case Removed(stopped=stopped):
            text = f"removed {name}" + (f", stopped {stopped} grants" if stopped else "")
            command.show({"removed": name, "stopped": stopped}, text)
