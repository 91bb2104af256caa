"""Runs a rule: read what it wants, let it decide, commit what it decided.

A lost race is read and decided again, at most three times.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from valetkey.model.change import Change, Stale
from valetkey.model.event import Event
from valetkey.model.want import Rule
from valetkey.spec.errors import TemporarilyUnavailable
from valetkey.store.port import Store

READS: Final = 6
"""How often one rule may ask: identity, request and facts each learn from the one before."""

TRIES: Final = 3


class Decided(Protocol):
    """An outcome with something to write."""

    @property
    def changes(self) -> Sequence[Change]: ...

    @property
    def events(self) -> Sequence[Event]: ...


T = TypeVar("T")
D = TypeVar("D", bound=Decided)


async def ask(store: Store, rule: Rule[T]) -> T:
    """The rule's decision; nothing is written. Raises what the rule raises."""
    try:
        wants = next(rule)
        for _ in range(READS):
            found = await store.read(*wants)
            wants = rule.send(found)
    except StopIteration as done:
        decision: T = done.value
        return decision
    finally:
        rule.close()
    raise RuntimeError("a rule asks without end")


async def settle(store: Store, rule: Callable[[], Rule[D]], *, tries: int = TRIES) -> D:
    """The rule's decision, committed. Raises TemporarilyUnavailable after too many lost races."""
    for _ in range(tries):
        decision = await ask(store, rule())
        if not decision.changes and not decision.events:
            return decision
        try:
            await store.commit(decision.changes, decision.events)
        except Stale:
            continue
        return decision
    raise TemporarilyUnavailable(detail=f"lost {tries} races")
