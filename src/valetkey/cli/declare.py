"""Brings wishes about: what `add` commands and `apply` share."""

import os
import time
from collections.abc import Sequence

import msgspec

from valetkey.cli.context import NO_KEYS, Desk, wrong
from valetkey.cli.master_key import open_keys
from valetkey.cli.settle import settled
from valetkey.server.model.client import BY_SHARED, Client
from valetkey.server.model.keys import RawKey
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Plan, plan
from valetkey.server.oauth.core.context import Context
from valetkey.server.store import keyring
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask


async def look(store: Store, wishes: Sequence[DesiredRecord], *, desk: Desk) -> Plan:
    """The plan, to be looked at only: what is sealed in it, nothing opens again."""
    salt = RawKey("nowhere", os.urandom(32))
    context = desk.context(msgspec.structs.replace(NO_KEYS, salt=salt))
    return await ask(store, plan(wishes, context))


async def declare(store: Store, wishes: Sequence[DesiredRecord], *, desk: Desk) -> Plan:
    """The plan, carried out. Raises Wrong with every mistake."""
    looked = await look(store, wishes, desk=desk)
    if looked.mistakes:
        raise wrong("nothing was changed", looked.mistakes)
    context = await _context(store, looked, desk=desk)
    decided = await settled(store, lambda: plan(wishes, context), context)
    if decided.mistakes:
        raise wrong("nothing was changed", decided.mistakes)
    return decided


async def _context(store: Store, looked: Plan, *, desk: Desk) -> Context:
    """With the server's keys only where something has to be sealed."""
    if not any(
        isinstance(step.after, Client) and step.after.auth_method in BY_SHARED
        for step in looked.steps
        if step.verdict != "unchanged"
    ):
        return desk.context()
    master = await open_keys(desk.settings(), store)
    keys = await keyring.read_keys(store)
    return desk.context(keyring.open_keys(keys, master, now=int(time.time())))
