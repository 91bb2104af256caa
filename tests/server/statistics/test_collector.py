"""What is counted beside commits, and what developers may see of it."""

import os
from collections.abc import Sequence
from typing import Final

import pytest
from msgspec.structs import replace
from tests.server.store.samples import sample

from valetkey.server.http import search_index
from valetkey.server.model import ids, search
from valetkey.server.model.change import Change, Create, Index, Update
from valetkey.server.model.counters import Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.last_use import DAY, IndexState, LastUse, grant_use_id
from valetkey.server.model.query import Many, One
from valetkey.server.model.receipt import Line, Receipt
from valetkey.server.model.statistic import (
    ALLOWED,
    CONFIRMED,
    CONSENT_PAGES,
    PARTLY,
    USERS,
    counted_in,
    of_api,
    of_app,
)
from valetkey.server.statistics.collector import Collector
from valetkey.server.statistics.report import (
    FEW,
    Point,
    Series,
    TooLong,
    for_developers,
    funnel,
    report,
    totals,
)
from valetkey.server.statistics.uses import Use, note_uses
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.settle import ask, settle

pytestmark = pytest.mark.anyio

NOW: Final = 1_700_000_000
ENV: Final = Env(NOW, os.urandom)
TODAY: Final = NOW // DAY


def grant_of(client: str, user: str = "") -> Grant:
    owner = user or ids.user_id(ENV)
    name = ids.owned_id(ENV, owner=owner)
    return Grant(id=name, user=owner, client=client, created=NOW, changed=NOW)


async def series(store: Store, subject: str = "", at: int = NOW) -> Series:
    return await ask(store, report("day", subject=subject, length=2, now=at))


async def numbers(store: Store, subject: str = "", at: int = NOW) -> dict[str, int]:
    """Those of the day, without cells of people."""
    today = (await series(store, subject, at)).points[-1].numbers
    return {name: of for name, of in today.items() if not name.startswith("who.")}


async def test_each_grant_counts_once_a_day_whoever_notes_it() -> None:
    store, miko = MemoryStore(), ids.user_id(ENV)
    grants = [grant_of("stef", miko), grant_of("other", miko), grant_of("stef")]
    await store.commit([Create(one) for one in grants])
    uses = [Use(one.id, TODAY) for one in grants]
    for _ in range(3):
        await settle(store, lambda: note_uses(uses))
    assert await numbers(store) == {USERS: 2, "apps": 2}
    assert await numbers(store, of_app("stef")) == {USERS: 2}
    await settle(store, lambda: note_uses([Use(grants[0].id, TODAY + 1)]))
    assert await numbers(store, of_app("stef"), NOW + DAY) == {USERS: 1}
    query = One(LastUse, grant_use_id(grants[0].id))
    last = (await store.read(query)).one(query)
    assert last is not None
    assert (last.day, last.client, last.user) == (TODAY + 1, "stef", miko)


async def test_a_use_of_a_grant_that_is_gone_is_nothing() -> None:
    store = MemoryStore()
    outcome = await settle(store, lambda: note_uses([Use(grant_of("stef").id, TODAY)]))
    assert outcome.changes == ()


async def test_an_older_note_does_not_turn_the_day_back() -> None:
    store, one = MemoryStore(), grant_of("stef")
    await store.commit([Create(one)])
    for day in (TODAY, TODAY - 1):
        await settle(store, lambda day=day: note_uses([Use(one.id, day)]))  # type: ignore[misc]
    query = exact_day(TODAY)
    assert len((await store.page(query)).records) == 1


def exact_day(day: int) -> search.SearchQuery[LastUse]:
    return search.exactly(LastUse, search.USED + search.on_day(day))


class Failing(MemoryStore):
    """Fails so many commits."""

    left = 0

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        if self.left:
            self.left -= 1
            raise Unavailable("for a test")
        return await super().commit(changes, events)


async def test_what_cannot_be_written_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valetkey.server.statistics.collector.time.time", lambda: NOW)
    store, collector, one = Failing(), Collector(), grant_of("stef")
    await store.commit([Create(one)])
    collector.issued.append(("refresh_token", "stef", one.id))
    collector.issued.append(("client_credentials", "machine", ""))
    collector.refusal("invalid_grant")
    collector.refusal("paused", "https://api.example")
    for _ in range(2):
        store.left = 1
        with pytest.raises(Unavailable):
            await collector.flush(store)
    store.left = 0
    for _ in range(2):
        await collector.flush(store)
    assert await numbers(store) == {
        "tokens.refresh_token": 1,
        "tokens.client_credentials": 1,
        "refused.invalid_grant": 1,
        "refused.paused": 1,
        USERS: 1,
        "apps": 1,
    }
    assert await numbers(store, of_api("https://api.example")) == {"refused.paused": 1}


async def test_a_consent_page_counts_once_however_often_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("valetkey.server.statistics.collector.time.time", lambda: NOW)
    store, collector = MemoryStore(), Collector()
    for _ in range(3):
        collector.consent_page("request", "stef", "miko")
    collector.consent_page("another", "stef", "noor")
    collector.confirmed("another")
    await collector.flush(store)
    assert await numbers(store, of_app("stef")) == {CONSENT_PAGES: 2, CONFIRMED: 1}
    found = funnel(await series(store, of_app("stef")))
    assert (found.displayed, found.confirmed, found.abandoned) == (2, 1, 1)


def answer(*granted: bool) -> tuple[Create, ...]:
    lines = tuple(
        Line(id=f"p{number}", words="", place="asked", granted=one)
        for number, one in enumerate(granted)
    )
    return (Create(replace(sample(Receipt), at=NOW, client="stef", lines=lines)),)


@pytest.mark.parametrize(
    "granted, name", [((True, True), ALLOWED), ((True, False), PARTLY), ((), CONFIRMED)]
)
def test_an_answer_is_counted_by_its_receipt(granted: tuple[bool, ...], name: str) -> None:
    made = Event(id="", at=NOW, kind="granted", by="user", client="stef", user="miko")
    rows = {one.key: one.numbers for one in counted_in(answer(*granted), [made])}
    assert len(rows) == 4
    day = rows[f"d{TODAY} app stef"]
    assert day[name] == 1
    assert day["event.granted"] == 1
    assert sum(day.get(f"granted.p{number}", 0) for number in (0, 1)) == sum(granted)
    assert sum(day.get(f"requested.p{number}", 0) for number in (0, 1)) == len(granted)


async def test_developers_see_nothing_of_few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valetkey.server.statistics.collector.time.time", lambda: NOW)
    store, collector = MemoryStore(), Collector()
    for number in range(FEW - 1):
        for again in range(20):
            collector.consent_page(f"{number} {again}", "stef", f"user {number}")
    await collector.flush(store)
    of_few = await series(store, of_app("stef"))
    assert totals(of_few)[CONSENT_PAGES] == 20 * (FEW - 1)
    theirs = for_developers(of_few)
    assert [one.hidden for one in theirs.points] == [False, True]
    assert totals(theirs) == {}
    for number in range(200):
        collector.consent_page(f"more {number}", "stef", f"user {number}")
    await collector.flush(store)
    seen = for_developers(await series(store, of_app("stef"))).points[-1]
    assert seen.numbers == {CONSENT_PAGES: 20 * (FEW - 1) + 200}


def test_a_permission_that_few_were_asked_for_is_hidden_too() -> None:
    many = {f"who.{number:02}": 1 for number in range(32)}
    answers = {"requested.rare": 9, "granted.rare": 1, "requested.usual": 10, "granted.usual": 4}
    one = Series(period="day", subject="app stef", points=())
    whole = replace(one, points=(Point(at=NOW, numbers=many | answers),))
    assert totals(for_developers(whole)) == {"requested.usual": 10, "granted.usual": 4}


@pytest.mark.parametrize("period, length", [("hour", 49), ("day", 401), ("day", 0)])
async def test_a_report_has_an_end(period: str, length: int) -> None:
    with pytest.raises(TooLong):
        await ask(MemoryStore(), report(period, length=length, now=NOW))  # type: ignore[arg-type]


# --- records from before there was an index ------------------------------------------------------


class Unindexed(MemoryStore):
    """Remembers what was indexed again."""

    def __init__(self) -> None:
        super().__init__()
        self.indexed: list[str] = []

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        self.indexed += [
            one.record.key
            for one in changes
            if isinstance(one, Index) and isinstance(one.record, Grant)
        ]
        return await super().commit(changes, events)


async def test_older_records_are_indexed_twice_with_a_day_between() -> None:
    store = Unindexed()
    grants = [grant_of("stef") for _ in range(search_index.STEP + 20)]
    await store.commit([Create(one) for one in grants])
    assert not await search_index.is_complete(store)
    while await search_index.step(store, NOW):
        pass
    assert await search_index.is_complete(store)
    names = sorted(one.id for one in grants)
    assert sorted(store.indexed) == names
    assert not await search_index.step(store, NOW + search_index.AGAIN - 1)
    while await search_index.step(store, NOW + search_index.AGAIN):
        pass
    assert sorted(store.indexed) == sorted(2 * names)
    assert not await search_index.step(store, NOW + 10 * search_index.AGAIN)
    assert len(store.indexed) == 2 * len(names)
    states = (await store.read(Many(IndexState))).many(Many(IndexState))
    await store.commit([Update(replace(one, terms=0)) for one in states])
    assert not await search_index.is_complete(store)
    while await search_index.step(store, NOW + 20 * search_index.AGAIN):
        pass
    assert len(store.indexed) == 3 * len(names)


async def test_older_grants_get_a_last_use_and_none_is_turned_back() -> None:
    store, used = MemoryStore(), NOW + 5 * DAY
    old, stopped, recent = grant_of("stef"), grant_of("stef"), grant_of("stef")
    stopped = replace(stopped, status="stopped")
    family = TokenFamily(
        id=ids.owned_id(ENV, owner=old.user),
        grant=old.id,
        user=old.user,
        client="stef",
        created=NOW,
        used=used,
        expires=used + DAY,
    )
    await store.commit([Create(one) for one in (old, stopped, recent, family)])
    await settle(store, lambda: note_uses([Use(recent.id, TODAY + 9)]))
    await search_index.step(store, NOW + 10 * DAY)

    async def last(grant: Grant) -> int | None:
        query = One(LastUse, grant_use_id(grant.id))
        row = (await store.read(query)).one(query)
        return None if row is None else row.day

    assert await last(old) == used // DAY
    assert await last(recent) == TODAY + 9
    assert await last(stopped) is None
