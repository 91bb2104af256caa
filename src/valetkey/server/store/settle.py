"""Runs a rule: read what it wants, let it decide, commit what it decided.

A lost race is read and decided again, at most three times.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from valetkey.server.model.change import Change, Count, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import (
    CommitAlways,
    Document,
    DocumentRequest,
    Query,
    Results,
    Rule,
    Unreachable,
)
from valetkey.server.store.batching import turn
from valetkey.server.store.port import Store
from valetkey.spec.errors import OAuthError, TemporarilyUnavailable

READS: Final = 16
"""How often one rule may ask: identity, keys, request and facts each learn from the one before."""

TRIES: Final = 3

_NOTHING: Final = Results({})

_ASIDE: Final = frozenset({DocumentRequest, CommitAlways, Count})
"""What a rule may want that is not in the store."""


class Decided(Protocol):
    """An outcome with something to write."""

    @property
    def changes(self) -> Sequence[Change]: ...

    @property
    def events(self) -> Sequence[Event]: ...


Answers: TypeAlias = Mapping[DocumentRequest, Document | Unreachable]
Fetch: TypeAlias = Callable[[Sequence[DocumentRequest]], Awaitable[Answers]]
"""Answers what a rule wants from outside. Raises nothing."""

T = TypeVar("T")
D = TypeVar("D", bound=Decided)


async def nothing(wants: Sequence[DocumentRequest]) -> Answers:
    """Fetches nothing: for whoever runs without a network of their own, as commands do."""
    return {want: Unreachable("nothing is fetched here") for want in wants}


async def ask(store: Store, rule: Rule[T], *, fetch: Fetch = nothing) -> T:
    """The rule's decision; nothing is written. Raises what the rule raises."""
    aside = _Aside()
    decision = await _decided(store, rule, fetch, aside=aside)
    if aside.always or aside.counters:
        raise RuntimeError("a rule that is only asked wants something written")
    return decision


class _Aside:
    """What a rule has written beside its decision: `always` has to be yet, `counters` are."""

    def __init__(self, counters: dict[Count, Throttle] | None = None) -> None:
        self.always: list[Change] = []
        self.counters = {} if counters is None else counters


async def _decided(store: Store, rule: Rule[T], fetch: Fetch, *, aside: _Aside) -> T:
    """The rule's decision."""
    try:
        await turn()
        wants: Sequence[Any] = next(rule)
        found = _NOTHING
        for _ in range(READS):
            if (known := found.along(wants)) is not None:
                found = known
            elif _ASIDE.isdisjoint(map(type, wants)):
                found = await store.read(*wants)
            else:
                aside.always += [want.change for want in wants if isinstance(want, CommitAlways)]
                await _count(store, wants, aside.counters)
                found = (await _found(store, wants, fetch)).with_counters(aside.counters)
            await turn()
            wants = rule.send(found)
    except StopIteration as done:
        decision: T = done.value
        return decision
    finally:
        rule.close()
    raise RuntimeError("a rule asks without end")


async def _count(store: Store, wants: Sequence[Any], counters: dict[Count, Throttle]) -> None:
    counts = [want for want in wants if type(want) is Count and want not in counters]
    if counts:
        counters.update(zip(counts, await store.commit(counts), strict=True))


async def _found(
    store: Store, wants: Sequence[Query | DocumentRequest | CommitAlways | Count], fetch: Fetch
) -> Results:
    inside = [
        want for want in wants if not isinstance(want, DocumentRequest | CommitAlways | Count)
    ]
    # The slow part first: what the store says is then of this moment.
    outside = [want for want in wants if isinstance(want, DocumentRequest)]
    documents = await fetch(outside) if outside else {}
    found = await store.read(*inside) if inside else Results({})
    return found.with_documents(documents)


async def settle(
    store: Store,
    rule: Callable[[], Rule[D]],
    *,
    then: Callable[[D], Rule[D]] | None = None,
    tries: int = TRIES,
    fetch: Fetch = nothing,
) -> D:
    """The rule's decision, committed; where it changes something, the one that it comes to by
    `then`. Raises what the rule raises, once what has to be written all the same is committed;
    TemporarilyUnavailable after too many lost races."""
    counters: dict[Count, Throttle] = {}
    for _ in range(tries):
        aside = _Aside(counters)
        outcome: D | OAuthError
        try:
            outcome = await _decided(store, rule(), fetch, aside=aside)
            if then is not None and outcome.changes:
                outcome = await _decided(store, then(outcome), fetch, aside=aside)
        except OAuthError as refused:
            if not aside.always:
                raise
            outcome = refused
        changes: Sequence[Change] = aside.always
        events: Sequence[Event] = ()
        if not isinstance(outcome, OAuthError):
            changes, events = (*aside.always, *outcome.changes), outcome.events
        if changes or events:
            try:
                await store.commit(changes, events)
            except Stale:
                continue
        if isinstance(outcome, OAuthError):
            raise outcome
        return outcome
    raise TemporarilyUnavailable(detail=f"lost {tries} races")
