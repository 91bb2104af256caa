"""The promises of the store about writes."""

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store import samples
from tests.server.store.samples import MIKO, NOW, once, told
from tests.server.store.steps import kept, put

from valetkey.server.model.change import Change, Create, Remove, Stale, Update
from valetkey.server.model.event import Event
from valetkey.server.model.query import Many
from valetkey.server.model.record import Record
from valetkey.server.store.port import Store


class Writes:
    """What is written comes back, under its precondition, all or nothing."""

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
