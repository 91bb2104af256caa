"""The promises of the store about expiry and races."""

import asyncio
from os import urandom

import pytest
from msgspec.structs import replace
from tests.server.store.samples import MIKO, NOW, once, session, user
from tests.server.store.steps import counted, kept, put, won

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Stale, Tally, Update
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import Many, One
from valetkey.server.model.user import User
from valetkey.server.store.port import Store


class Races:
    """Of many at once one is first, and nobody else is disturbed."""

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
        wanted, people = Many(SingleUse), Many(User)
        found = await store.read(wanted, people)
        assert {one.value for one in found.many(wanted)} == {"alive", "for ever"}
        assert len(found.many(people)) == 1

    async def test_what_is_written_as_it_is_was_read_as_it_is(self, store: Store) -> None:
        row = user("miko")
        await put(store, row)
        stored = replace(row, version=1)
        await store.commit([Update(stored, as_it_is=True)])
        with pytest.raises(Stale):
            await store.commit([Update(stored)])
        with pytest.raises(Stale):
            await store.commit([Update(stored, as_it_is=True)])
        await store.commit([Update(replace(stored, version=2), as_it_is=True)])

    async def test_a_sweep_sees_an_end_that_moved(self, store: Store) -> None:
        first = session(MIKO, expires=NOW - 1)
        await put(store, first)
        await store.commit([Update(replace(first, version=1, expires=NOW + 1))])
        assert await store.sweep(NOW) == 0
        await store.commit([Update(replace(first, version=2, expires=NOW))])
        assert await store.sweep(NOW) == 1

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

    async def test_a_sweep_forgets_events_of_long_ago(self, store: Store) -> None:
        old = [event(Env(NOW - 10, urandom), "paused", by="user", user=MIKO) for _ in range(3)]
        new = [event(Env(NOW, urandom), "paused", by="user", user=MIKO) for _ in range(2)]
        nobody = event(Env(NOW - 10, urandom), "sign-in-refused", by="server")
        await store.commit([Create(session(MIKO, expires=NOW + 9))], (*old, nobody, *new))
        assert await store.sweep(NOW) == 0
        assert await store.sweep(NOW, events_before=NOW - 10) == 0
        assert await store.sweep(NOW, events_before=NOW) == 4
        assert await store.sweep(NOW, events_before=NOW) == 0
        wanted = Many(Event)
        left = (await store.read(wanted)).many(wanted)
        assert {one.id for one in left} == {one.id for one in new}

    async def test_what_is_told_by_the_day_is_one_event_with_a_count(self, store: Store) -> None:
        """However many are told of at once, of whomever; nobody loses a race for it."""
        noor = ids.user_id(Env(NOW, urandom))
        told = [
            event(Env(NOW + second, urandom), "connected", by="app", user=who, note=note)
            for second in range(5)
            for who in (MIKO, noor)
            for note in ("Firefox", "Chromium")
        ]
        await asyncio.gather(*(store.commit((), (one,)) for one in told))
        await store.commit((), (event(Env(NOW, urandom), "paused", by="app", user=MIKO),))
        tomorrow = event(
            Env(NOW + 86400, urandom), "connected", by="app", user=noor, note="Firefox"
        )
        await store.commit([Create(once("x"))], (tomorrow,))
        wanted = Many(Event)
        found = (await store.read(wanted)).many(wanted)
        assert sorted((one.kind, one.count) for one in found) == [
            *[("connected", 1), *[("connected", 5)] * 4],
            ("paused", 1),
        ]

    async def test_a_commit_that_is_refused_counts_nothing(self, store: Store) -> None:
        await put(store, once("x"))
        told = event(Env(NOW, urandom), "connected", by="app", user=MIKO)
        assert not await won(store, [Create(once("x")), Tally(told)])
        assert await kept(store, told) is None
        await store.commit((), (told,))
        assert not await won(store, [Tally(told), Create(once("x"))])
        assert await kept(store, told) == replace(told, version=1)

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
        wanted = Many(SingleUse)
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
