"""Applies desired records: shared by the `add` commands and `apply`."""

import os
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from valetkey.cli.context import NO_KEYS, CommandContext, settle_and_notify
from valetkey.cli.master_key.file import open_keys
from valetkey.cli.output.errors import Failed, invalid_usage
from valetkey.server.model.client import BY_SHARED, Client
from valetkey.server.model.keys import RawKey
from valetkey.server.model.query import Rule
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Plan, plan
from valetkey.server.oauth.admin.removal import NotRemoved, Removed
from valetkey.server.oauth.core.context import Context
from valetkey.server.store import keyring
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask


async def preview_plan(
    store: Store, desired: Sequence[DesiredRecord], *, command: CommandContext
) -> Plan:
    """Make a plan for display only. What it seals cannot be opened again."""
    salt = RawKey("nowhere", os.urandom(32))
    context = command.context(msgspec.structs.replace(NO_KEYS, salt=salt))
    return await ask(store, plan(desired, context))


async def apply_desired(
    store: Store, desired: Sequence[DesiredRecord], *, command: CommandContext
) -> Plan:
    """Make a plan and carry it out. Raises InvalidUsage with every mistake."""
    preview = await preview_plan(store, desired, command=command)
    if preview.mistakes:
        raise invalid_usage("nothing was changed", preview.mistakes)
    context = await _context(store, preview, command=command)
    decided = await settle_and_notify(store, lambda: plan(desired, context), context)
    if decided.mistakes:
        raise invalid_usage("nothing was changed", decided.mistakes)
    return decided


async def _context(store: Store, preview: Plan, *, command: CommandContext) -> Context:
    """The context, with the server's keys only if something has to be sealed."""
    if not any(
        isinstance(step.after, Client) and step.after.auth_method in BY_SHARED
        for step in preview.steps
        if step.verdict != "unchanged"
    ):
        return command.context()
    master = await open_keys(command.settings(), store)
    keys = await keyring.read_keys(store)
    return command.context(keyring.open_keys(keys, master, now=int(time.time())))


# Shared by the `remove` commands.

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
