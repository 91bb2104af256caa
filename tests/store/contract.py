"""The promises of the port, as tests: every store must pass them all.

A test module for a store subclasses `StoreContract` and brings the fixture `store`.
"""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.store import samples
from tests.store.samples import MIKO, NOW, grant, once, session, told, user

from valetkey.model.change import Change, Create, Remove, Stale, Update
from valetkey.model.event import Event
from valetkey.model.grant import Grant
from valetkey.model.guard import Once, Throttle
from valetkey.model.record import Record
from valetkey.model.user import Session, User
from valetkey.model.want import Alias, Many, One, Query
from valetkey.store.port import RECORDS, Store


async def kept(store: Store, record: Record) -> Record | None:
    """The record as the store has it now."""
    wanted = One(type(record), record.key)
    return (await store.read(wanted)).one(wanted)


async def put(store: Store, *records: Record) -> None:
    await store.commit([Create(record) for record in records])


async def counted(store: Store, bucket: str) -> int:
    """How often the bucket was tried."""
    wanted = One(Throttle, bucket)
    found = (await store.read(wanted)).one(wanted)
    return -1 if found is None else found.tried


async def won(store: Store, changes: Sequence[Change]) -> bool:
    """Whether the commit was the first."""
    try:
        await store.commit(changes)
    except Stale:
        return False
    return True


def test_there_is_a_sample_of_every_record() -> None:
    assert {type(record) for record in samples.FULL} == set(RECORDS)


@pytest.mark.anyio
class StoreContract:
    """Promise by promise."""

    # What is written comes back.

    @pytest.mark.parametrize("record", [row("port", one.table, one) for one in samples.FULL])
    async def test_a_record_comes_back_whole(self, store: Store, record: Record) -> None:
        await put(store, record)
        assert await kept(store, record) == replace(record, version=1)

    async def test_a_version_counts_up_from_one(self, store: Store) -> None:
        mine = once("x")
        await put(store, replace(mine, version=9))
        for version in (1, 2, 3):
            found = await kept(store, mine)
            assert found is not None
            assert found.version == version
            await store.commit([Update(found)])

    @pytest.mark.parametrize(
        "text",
        [
            row("port", "quotes", "a'b\"c`d"),
            row("port", "beyond the basic plane", "🗝\U0010ffff"),
            row("port", "line separators", "a\n\r\u2028b"),
            row("port", "64 KiB", "x" * 65536),
        ],
    )
    async def test_any_text_is_a_key(self, store: Store, text: str) -> None:
        await put(store, once(text))
        assert await kept(store, once(text)) == replace(once(text), version=1)
        assert await kept(store, once(text + "x")) is None

    async def test_a_key_with_a_zero_byte_is_not_found(self, store: Store) -> None:
        await put(store, once("a"))
        assert await kept(store, once("a\x00b")) is None

    # Each change has its precondition.

    async def test_create_only_what_is_not_there(self, store: Store) -> None:
        first, second = once("x"), once("x", expires=NOW + 1)
        await put(store, first)
        with pytest.raises(Stale) as stale:
            await put(store, second)
        assert stale.value.change == Create(second)
        assert await kept(store, first) == replace(first, version=1)

    async def test_update_only_what_was_read(self, store: Store) -> None:
        mine = once("x")
        with pytest.raises(Stale):
            await store.commit([Update(mine)])
        await put(store, mine)
        for version in (0, 2, -1):
            with pytest.raises(Stale) as stale:
                await store.commit([Update(replace(mine, version=version))])
            assert isinstance(stale.value.change, Update)
        await store.commit([Update(replace(mine, version=1, expires=NOW + 5))])
        assert await kept(store, mine) == replace(mine, version=2, expires=NOW + 5)

    async def test_remove_only_what_was_read(self, store: Store) -> None:
        mine = once("x")
        with pytest.raises(Stale):
            await store.commit([Remove(mine)])
        await put(store, mine)
        with pytest.raises(Stale):
            await store.commit([Remove(replace(mine, version=2))])
        await store.commit([Remove(replace(mine, version=1))])
        assert await kept(store, mine) is None
        with pytest.raises(Stale):
            await store.commit([Remove(replace(mine, version=1))])
        await put(store, mine)
        assert await kept(store, mine) == replace(mine, version=1)

    # All or nothing.

    @pytest.mark.parametrize("place", [0, 1, 2])
    async def test_one_lost_race_leaves_nothing_written(self, store: Store, place: int) -> None:
        await put(store, once("there"), once("changed"), once("removed"))
        changes: list[Change] = [
            Update(replace(once("changed"), version=1, expires=NOW + 5)),
            Remove(replace(once("removed"), version=1)),
        ]
        changes.insert(place, Create(once("there")))
        event = told()
        with pytest.raises(Stale) as stale:
            await store.commit(changes, [event])
        assert stale.value.change == Create(once("there"))
        assert await kept(store, once("changed")) == replace(once("changed"), version=1)
        assert await kept(store, once("removed")) == replace(once("removed"), version=1)
        assert await kept(store, event) is None

    async def test_events_are_written_with_the_change(self, store: Store) -> None:
        events = [told("one"), told("two")]
        await store.commit([Create(once("x"))], events)
        wanted = Many(Event, "user", MIKO)
        found = (await store.read(wanted)).many(wanted)
        assert {event.note for event in found} == {"one", "two"}

    async def test_an_event_is_told_once(self, store: Store) -> None:
        event = told()
        await store.commit([], [event])
        with pytest.raises(Stale):
            await store.commit([Create(once("x"))], [event])
        assert await kept(store, once("x")) is None

    async def test_nothing_to_write_is_no_mistake(self, store: Store) -> None:
        await store.commit([])

    # A second name is unique, and is let go of.

    async def test_a_second_name_is_unique(self, store: Store) -> None:
        await put(store, user("miko"))
        with pytest.raises(Stale):
            await put(store, user("MIKO"))
        other = user("stef")
        await put(store, other)
        with pytest.raises(Stale):
            await store.commit([Update(replace(other, version=1, username="Miko"))])
        assert await kept(store, other) == replace(other, version=1)

    async def test_a_second_name_finds_its_record(self, store: Store) -> None:
        miko = user("Miko")
        await put(store, miko, user("stef"))
        for name, expected in (("miko", "Miko"), ("Miko", None), ("nobody", None), ("", None)):
            wanted = Alias(User, name)
            found = (await store.read(wanted)).one(wanted)
            assert (found and found.username) == expected

    async def test_a_second_name_is_free_again_after_a_change(self, store: Store) -> None:
        miko = user("miko")
        await put(store, miko)
        await store.commit([Update(replace(miko, version=1, username="other"))])
        await put(store, user("miko"))

    async def test_a_second_name_is_free_again_after_removal(self, store: Store) -> None:
        miko = user("miko")
        await put(store, miko)
        await store.commit([Remove(replace(miko, version=1))])
        await put(store, user("miko"))

    async def test_a_record_keeps_its_own_second_name(self, store: Store) -> None:
        miko = user("miko")
        await put(store, miko)
        await store.commit([Update(replace(miko, version=1, email="miko@example.org"))])

    async def test_a_stopped_grant_makes_room_for_a_new_one(self, store: Store) -> None:
        old, new = grant(), grant()
        await put(store, old)
        with pytest.raises(Stale):
            await put(store, new)
        stopped = replace(old, version=1, status="stopped")
        await store.commit([Update(stopped)])
        await put(store, new)
        wanted = Alias(Grant, new.alias)
        assert (await store.read(wanted)).one(wanted) == replace(new, version=1)

    async def test_no_second_name_is_no_clash(self, store: Store) -> None:
        one, two = (replace(grant(), status="stopped") for _ in range(2))
        await put(store, one, two)
        wanted = Alias(Grant, "")
        assert (await store.read(wanted)).one(wanted) is None

    # Reads.

    async def test_many_come_oldest_first(self, store: Store) -> None:
        stef = user("stef")
        mine = [replace(session(MIKO), digest=str(n)) for n in range(5)]
        await put(store, *reversed(mine), session(stef.id))
        wanted = Many(Session, "user", MIKO)
        found = (await store.read(wanted)).many(wanted)
        assert [one.id for one in found] == sorted(one.id for one in mine)
        everyone = Many(Session)
        assert len((await store.read(everyone)).many(everyone)) == 6
        nobody = Many(Session, "user", "nobody")
        assert (await store.read(nobody)).many(nobody) == ()

    async def test_a_name_that_is_no_index_is_a_mistake(self, store: Store) -> None:
        for index in ("digest", "key; DROP TABLE sessions", "body"):
            with pytest.raises(ValueError, match="index"):
                await store.read(Many(Session, index, "x"))
            with pytest.raises(ValueError, match="index"):
                await store.page(Query(record=Session, index=index, value="x"))

    async def test_several_wants_are_answered_each(self, store: Store) -> None:
        miko, mine = user("miko"), session(MIKO)
        await put(store, miko, mine)
        by_key, by_name = One(User, miko.id), Alias(User, "miko")
        sessions, nothing = Many(Session, "user", MIKO), One(Session, "nothing")
        found = await store.read(by_key, by_name, sessions, nothing, by_key)
        assert found.one(by_key) == found.one(by_name) == replace(miko, version=1)
        assert found.many(sessions) == (replace(mine, version=1),)
        assert found.one(nothing) is None

    async def test_a_read_is_of_one_moment(self, store: Store) -> None:
        """Two records that always change together are never seen apart."""
        left, right = One(Throttle, "left"), One(Throttle, "right")
        await put(
            store,
            Throttle(bucket="left", tried=0, since=NOW, expires=NOW),
            Throttle(bucket="right", tried=0, since=NOW, expires=NOW),
        )

        async def write() -> None:
            for tried in range(1, 60):
                found = await store.read(left, right)
                both = [found.one(left), found.one(right)]
                await store.commit([Update(replace(one, tried=tried)) for one in both if one])

        writing = asyncio.create_task(write())
        seen = set()
        while not writing.done():
            found = await store.read(left, right)
            one, two = found.one(left), found.one(right)
            assert one is not None
            assert two is not None
            assert one.tried == two.tried
            seen.add(one.tried)
            await asyncio.sleep(0)
        await writing
        assert await counted(store, "left") == await counted(store, "right") == 59

    # Lists for people.

    async def test_pages_go_from_new_to_old_and_miss_nothing(self, store: Store) -> None:
        mine = [session(MIKO) for _ in range(7)]
        await put(store, *mine, session(user("stef").id))
        newest_first = sorted((one.id for one in mine), reverse=True)
        for limit in (1, 2, 3, 7, 50):
            seen: list[str] = []
            sizes: list[int] = []
            query = Query(record=Session, index="user", value=MIKO, limit=limit)
            while True:
                page = await store.page(query)
                seen += [one.id for one in page.records]
                sizes.append(len(page.records))
                if not page.next:
                    break
                query = replace(query, before=page.next)
            assert seen == newest_first
            assert max(sizes) <= limit
            assert 0 not in sizes

    async def test_a_page_of_everything_and_of_nothing(self, store: Store) -> None:
        assert (await store.page(Query(record=Session))).records == ()
        await put(store, session(MIKO), session(user("stef").id))
        page = await store.page(Query(record=Session))
        assert (len(page.records), page.next) == (2, "")
        nobody = await store.page(Query(record=Session, index="user", value="nobody"))
        assert (nobody.records, nobody.next) == ((), "")

    # What has expired is forgotten.

    async def test_a_sweep_forgets_what_has_expired_alone(self, store: Store) -> None:
        await put(
            store,
            once("over", expires=NOW - 1),
            once("just over", expires=NOW),
            once("alive", expires=NOW + 1),
            once("for ever", expires=0),
            session(MIKO, expires=NOW - 1),
            user("miko"),
        )
        assert await store.sweep(NOW) == 3
        assert await store.sweep(NOW) == 0
        wanted, people = Many(Once), Many(User)
        found = await store.read(wanted, people)
        assert {one.value for one in found.many(wanted)} == {"alive", "for ever"}
        assert len(found.many(people)) == 1

    async def test_sweeps_come_to_an_end(self, store: Store) -> None:
        await put(store, *(once(str(n), expires=NOW - 1) for n in range(1001)))
        swept = 0
        for _ in range(100):
            gone = await store.sweep(NOW)
            swept += gone
            if not gone:
                break
        assert swept == 1001

    async def test_a_key_that_was_swept_is_free(self, store: Store) -> None:
        await put(store, once("x", expires=NOW - 1))
        assert not await won(store, [Create(once("x"))])
        await store.sweep(NOW)
        assert await won(store, [Create(once("x"))])

    # Races.

    async def test_of_many_at_once_exactly_one_is_first(self, store: Store) -> None:
        results = await asyncio.gather(*(won(store, [Create(once("x"))]) for _ in range(50)))
        assert results.count(True) == 1

    async def test_of_many_second_names_at_once_exactly_one_is_first(self, store: Store) -> None:
        results = await asyncio.gather(*(won(store, [Create(user("miko"))]) for _ in range(20)))
        assert results.count(True) == 1

    async def test_the_losers_do_not_disturb_the_winners(self, store: Store) -> None:
        """Lost races and good commits, side by side in one transaction."""
        await put(store, once("there"))
        wins = [won(store, [Create(once(str(n)))]) for n in range(100)]
        losses = [won(store, [Create(once(f"no {n}")), Create(once("there"))]) for n in range(100)]
        mixed = [attempt for pair in zip(wins, losses, strict=True) for attempt in pair]
        assert await asyncio.gather(*mixed) == [True, False] * 100
        wanted = Many(Once)
        assert len((await store.read(wanted)).many(wanted)) == 101

    async def test_no_count_is_lost(self, store: Store) -> None:
        await put(store, Throttle(bucket="b", tried=0, since=NOW, expires=NOW))

        async def count() -> None:
            while True:
                wanted = One(Throttle, "b")
                found = (await store.read(wanted)).one(wanted)
                assert found is not None
                if await won(store, [Update(replace(found, tried=found.tried + 1))]):
                    return

        await asyncio.gather(*(count() for _ in range(30)))
        assert await counted(store, "b") == 30
