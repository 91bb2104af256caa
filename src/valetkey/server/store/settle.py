"""Runs a rule: reads what it queries, lets it decide, and commits its decision.

If the commit loses a race, the rule reads and decides again, up to three times.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from valetkey.server.model.change import Change, Count, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import (
    AnyQuery,
    CommitAlways,
    Document,
    DocumentRequest,
    HashCheck,
    Results,
    Rule,
    Unreachable,
)
from valetkey.server.store.batching import yield_once
from valetkey.server.store.port import Store
from valetkey.spec.errors import OAuthError, TemporarilyUnavailable

READS: Final = 16
"""How many rounds of queries a rule may make. Identity, keys, request and facts each depend on the
round before."""

TRIES: Final = 3

_NOTHING: Final = Results({})

_ASIDE: Final = frozenset({DocumentRequest, HashCheck, CommitAlways, Count})
"""Queries that are not answered by a read from the store."""


class Decided(Protocol):
    """A decision with changes and events to write."""

    @property
    def changes(self) -> Sequence[Change]: ...

    @property
    def events(self) -> Sequence[Event]: ...


Answers: TypeAlias = Mapping[DocumentRequest, Document | Unreachable]
Fetch: TypeAlias = Callable[[Sequence[DocumentRequest]], Awaitable[Answers]]
"""Fetches documents from other hosts. Never raises."""

CheckHash: TypeAlias = Callable[[HashCheck], Awaitable[bool]]
"""Says whether a secret has a hash. Raises TemporarilyUnavailable."""

T = TypeVar("T")
D = TypeVar("D", bound=Decided)


async def nothing(wants: Sequence[DocumentRequest]) -> Answers:
    """Fetch nothing. Commands use this: they make no outbound requests."""
    return {want: Unreachable("nothing is fetched here") for want in wants}


async def nothing_fits(check: HashCheck) -> bool:
    """Check nothing. Commands use this: nobody authenticates to them."""
    return False


async def ask(
    store: Store, rule: Rule[T], *, fetch: Fetch = nothing, check: CheckHash = nothing_fits
) -> T:
    """Return the rule's decision, and write nothing. Raises what the rule raises."""
    aside = _Aside()
    decision = await _decided(store, rule, fetch, check=check, aside=aside)
    if aside.always or aside.counters:
        raise RuntimeError("a rule that is only asked wants something written")
    return decision


class _Aside:
    """What a rule writes besides its decision: `always` still has to be written, `counters` already
    are."""

    def __init__(self, counters: dict[Count, Throttle] | None = None) -> None:
        self.always: list[Change] = []
        self.counters = {} if counters is None else counters


async def _decided(
    store: Store, rule: Rule[T], fetch: Fetch, *, check: CheckHash, aside: _Aside
) -> T:
    """Return the rule's decision, before any commit."""
    try:
        await yield_once()
        wants: Sequence[Any] = next(rule)
        answers = _NOTHING
        for _ in range(READS):
            if (ready := answers.along(wants)) is not None:
                answers = ready
            elif _ASIDE.isdisjoint(map(type, wants)):
                answers = await store.read(*wants)
            else:
                aside.always += [want.change for want in wants if isinstance(want, CommitAlways)]
                await _count(store, wants, aside.counters)
                answers = (await _read_all(store, wants, fetch)).with_counters(aside.counters)
                checks = [want for want in wants if type(want) is HashCheck]
                if checks:
                    answers = answers.with_checks({want: await check(want) for want in checks})
            await yield_once()
            wants = rule.send(answers)
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


async def _read_all(store: Store, wants: Sequence[AnyQuery], fetch: Fetch) -> Results:
    inside = [
        want
        for want in wants
        if not isinstance(want, DocumentRequest | HashCheck | CommitAlways | Count)
    ]
    # Do the slow part first, so that what the store returns is current.
    outside = [want for want in wants if isinstance(want, DocumentRequest)]
    documents = await fetch(outside) if outside else {}
    answers = await store.read(*inside) if inside else Results({})
    return answers.with_documents(documents)


async def settle(
    store: Store,
    rule: Callable[[], Rule[D]],
    *,
    then: Callable[[D], Rule[D]] | None = None,
    tries: int = TRIES,
    fetch: Fetch = nothing,
    check: CheckHash = nothing_fits,
    sign: Callable[[D], Awaitable[D]] | None = None,
) -> D:
    """Commit the rule's decision and return it. If the decision changes something, `then` may
    extend it first. `sign` adds signatures that a service far away makes, before the commit: so
    nothing is spent for an answer that cannot be given.

    Raises what the rule raises, after committing what has to be written in any case. Raises
    TemporarilyUnavailable after too many lost races."""
    counters: dict[Count, Throttle] = {}
    for _ in range(tries):
        aside = _Aside(counters)
        outcome: D | OAuthError
        try:
            outcome = await _decided(store, rule(), fetch, check=check, aside=aside)
            if then is not None and outcome.changes:
                outcome = await _decided(store, then(outcome), fetch, check=check, aside=aside)
            if sign is not None:
                outcome = await sign(outcome)
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
