"""Brings wishes about: what `add` commands and `apply` share."""

from collections.abc import Sequence

from valetkey.cli.desk import Desk, wrong
from valetkey.oauth.manage.declared import Plan, Wish, plan
from valetkey.store.port import Store
from valetkey.store.settle import settle


async def declare(store: Store, wishes: Sequence[Wish], *, desk: Desk) -> Plan:
    """The plan, carried out. Raises Wrong with every mistake."""
    context = desk.context()
    decided = await settle(store, lambda: plan(wishes, context))
    if decided.mistakes:
        raise wrong("nothing was changed", decided.mistakes)
    return decided
