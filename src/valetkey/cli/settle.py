"""Runs a rule of administration: what it changes is told to whoever wants to hear of it."""

from collections.abc import Callable
from typing import TypeVar

from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.signals.fan_out import Decided, with_signals
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle

D = TypeVar("D", bound=Decided)


async def settled(store: Store, rule: Callable[[], Rule[D]], context: Context) -> D:
    """The rule's decision, committed. Raises what the rule raises, TemporarilyUnavailable."""
    return await settle(store, rule, then=lambda outcome: with_signals(outcome, context))
