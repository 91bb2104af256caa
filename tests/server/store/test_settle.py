"""Read, decide, commit: lost races, and rules that refuse."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.server.store.samples import once, told
from tests.server.store.steps import counted, kept, put

from valetkey.server.model.change import Change, Count, Create, Update
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.query import (
    Document,
    DocumentRequest,
    One,
    Query,
    Results,
    Rule,
    Unreachable,
)
from valetkey.server.oauth.core.decision import Outcome, Refuse
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import READS, TRIES, Answers, ask, settle
from valetkey.spec.errors import InvalidGrant, TemporarilyUnavailable

pytestmark = pytest.mark.anyio

WANTED = One(SingleUse, once("x").key)


class Raced(MemoryStore):
    """Somebody else is first, so many times."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        if self.lost and not isinstance(changes[0], Count):
            self.lost -= 1
            found = await kept(self, once("x"))
            assert found is not None
            await super().commit([Update(found)])
        return await super().commit(changes, events)


def asks(times: int) -> Rule[int]:
    for _ in range(times):
        yield (WANTED,)
    return times


async def test_a_rule_may_ask_so_often_and_no_more() -> None:
    store = MemoryStore()
    for times in (0, 1, READS - 1):
        assert await ask(store, asks(times)) == times
    with pytest.raises(RuntimeError, match="without end"):
        await ask(store, asks(READS + 1))


class Bringing(MemoryStore):
    """Brings something along, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def read(self, *wants: Query) -> Results:
        self.asked += 1
        found = await super().read(*wants)
        return Results({want: found.records(want) for want in wants}, more={WANTED: (once("x"),)})


async def test_what_was_brought_along_is_not_read_again() -> None:
    first, other = One(SingleUse, "first"), One(SingleUse, "other")

    def rule() -> Rule[tuple[bool, bool]]:
        yield (first,)
        known = (yield (WANTED,)).one(WANTED)
        found = yield (WANTED, other)
        return known is not None, found.one(WANTED) is not None

    store = Bringing()
    assert await ask(store, rule()) == (True, False)
    assert store.asked == 2


async def test_a_rule_sees_what_is_there() -> None:
    store = MemoryStore()
    await put(store, once("x"))

    def rule() -> Rule[int]:
        found = (yield (WANTED,)).one(WANTED)
        return 0 if found is None else found.version

    assert await ask(store, rule()) == 1


ELSEWHERE = DocumentRequest(url="https://app.example/keys", kind="keys")


def looks_outside() -> Rule[tuple[int, Document | Unreachable]]:
    found = yield (WANTED, ELSEWHERE)
    inside = found.one(WANTED)
    alone = yield (ELSEWHERE,)
    assert alone.document(ELSEWHERE) == found.document(ELSEWHERE)
    return (0 if inside is None else inside.version), found.document(ELSEWHERE)


async def test_what_lies_outside_is_fetched_and_the_store_never_asked_for_it() -> None:
    store = MemoryStore()
    fetched: list[DocumentRequest] = []
    await put(store, once("x"))

    async def fetch(wants: Sequence[DocumentRequest]) -> Answers:
        fetched.extend(wants)
        return {want: Document(b"{}", 7) for want in wants}

    assert await ask(store, looks_outside(), fetch=fetch) == (1, Document(b"{}", 7))
    assert fetched == [ELSEWHERE, ELSEWHERE]


async def test_where_nobody_fetches_everything_is_unreachable() -> None:
    _, found = await ask(MemoryStore(), looks_outside())
    assert found == Unreachable("nothing is fetched here")


async def test_what_a_rule_decides_is_written() -> None:
    store = MemoryStore()
    event = told()

    def rule() -> Rule[Outcome]:
        yield (WANTED,)
        return Outcome(changes=(Create(once("x")),), events=(event,))

    await settle(store, rule)
    assert await kept(store, once("x")) is not None
    assert await kept(store, event) is not None


async def test_a_refusal_is_written_too() -> None:
    store = MemoryStore()

    def rule() -> Rule[Refuse]:
        yield from ()
        return Refuse(error=InvalidGrant(), changes=(Create(once("x")),))

    assert isinstance((await settle(store, rule)).error, InvalidGrant)
    assert await kept(store, once("x")) is not None


async def test_a_rule_that_raises_writes_nothing() -> None:
    store = MemoryStore()

    def rule() -> Rule[Outcome]:
        yield (WANTED,)
        raise InvalidGrant

    with pytest.raises(InvalidGrant):
        await settle(store, rule)


@pytest.mark.parametrize("lost", range(TRIES + 1))
async def test_a_lost_race_is_decided_again(lost: int) -> None:
    """With what is there now; after too many the caller hears that it was not to be."""
    store = Raced(0)
    await put(store, once("x"))
    store.lost = lost
    seen: list[int] = []

    def rule() -> Rule[Outcome]:
        found = (yield (WANTED,)).one(WANTED)
        assert found is not None
        seen.append(found.version)
        return Outcome(changes=(Update(replace(found, expires=7)),))

    if lost < TRIES:
        await settle(store, rule)
        assert await kept(store, once("x")) == replace(once("x"), version=lost + 2, expires=7)
    else:
        with pytest.raises(TemporarilyUnavailable):
            await settle(store, rule)
    assert seen == list(range(1, min(lost + 1, TRIES) + 1))


async def test_a_count_is_answered_and_counted_once_however_many_races_are_lost() -> None:
    store = Raced(0)
    await put(store, once("x"))
    store.lost = TRIES - 1
    more = Count(Throttle(bucket="b", tried=1, since=0, expires=60))
    places: list[int] = []

    def rule() -> Rule[Outcome]:
        found = yield (WANTED, more)
        row = found.one(WANTED)
        assert row is not None
        places.append(found.counter(more).tried)
        return Outcome(changes=(Update(replace(row, expires=7)),))

    await settle(store, rule)
    assert places == [1] * TRIES
    assert await counted(store, "b") == 1
    await settle(store, rule)
    assert places[-1] == 2


async def test_a_count_holds_whatever_the_rule_comes_to() -> None:
    store = MemoryStore()
    more = Count(Throttle(bucket="b", tried=1, since=0, expires=60))

    def refusing() -> Rule[Outcome]:
        yield (more,)
        raise InvalidGrant

    with pytest.raises(InvalidGrant):
        await settle(store, refusing)
    assert await counted(store, "b") == 1


async def test_nothing_is_counted_by_a_rule_that_is_only_asked() -> None:
    more = Count(Throttle(bucket="b", tried=1, since=0, expires=60))

    def rule() -> Rule[int]:
        return (yield (more,)).counter(more).tried

    with pytest.raises(RuntimeError, match="wants something written"):
        await ask(MemoryStore(), rule())
