"""The promises of the store about counters, which commute."""

import asyncio
from collections import Counter

import pytest
from tests.server.store.samples import NOW, once, told
from tests.server.store.steps import counted, kept, put, won

from valetkey.server.model.change import Change, Count, Create, Stale, Uncount
from valetkey.server.model.counters import Throttle
from valetkey.server.store.port import Store

WINDOW = 60


def of(bucket: str, tried: int = 1, *, at: int = NOW) -> Throttle:
    """So many of a bucket, at a moment."""
    return Throttle(bucket=bucket, tried=tried, since=at, expires=at + WINDOW)


async def count(store: Store, bucket: str, tried: int = 1, *, at: int = NOW) -> Throttle:
    """Counts; the counter, as that left it."""
    (counter,) = await store.commit([Count(of(bucket, tried, at=at))])
    return counter


class Counts:
    """No count is lost, none is stale, and each has a place of its own."""

    async def test_a_count_begins_a_counter_and_goes_on(self, store: Store) -> None:
        for place in (1, 2, 3):
            counter = await count(store, "b", at=NOW + place)
            assert (counter.tried, counter.since) == (place, NOW + 1)
            assert counter.expires == NOW + 1 + WINDOW
            assert counter == await kept(store, counter)

    async def test_a_count_is_of_any_size(self, store: Store) -> None:
        assert (await count(store, "b", 5)).tried == 5
        assert (await count(store, "b", 2**31)).tried == 2**31 + 5

    async def test_after_its_window_a_counter_begins_anew(self, store: Store) -> None:
        await count(store, "b", 9)
        assert (await count(store, "b", at=NOW + WINDOW - 1)).tried == 10
        counter = await count(store, "b", 2, at=NOW + WINDOW)
        assert (counter.tried, counter.since) == (2, NOW + WINDOW)
        assert counter.expires == NOW + 2 * WINDOW
        assert await store.sweep(NOW + WINDOW) == 0
        assert await store.sweep(NOW + 2 * WINDOW) == 1

    async def test_a_commit_returns_its_counters_in_their_order(self, store: Store) -> None:
        await count(store, "a", 3)
        changes: list[Change] = [
            Count(of("b")),
            Create(once("x")),
            Count(of("a")),
            Count(of("b")),
            Count(of("c")),
        ]
        counters = await store.commit(changes, [told()])
        assert [(one.bucket, one.tried) for one in counters] == [
            ("b", 1),
            ("a", 4),
            ("b", 2),
            ("c", 1),
        ]
        assert await store.commit([Create(once("y"))]) == ()
        assert await store.commit([]) == ()

    async def test_what_is_taken_back_is_not_counted(self, store: Store) -> None:
        await count(store, "b", 5)
        assert await store.commit([Uncount(of("b", 2))]) == ()
        assert await counted(store, "b") == 3
        await store.commit([Uncount(of("b", 99))])
        assert await counted(store, "b") == 0
        assert (await count(store, "b")).tried == 1

    async def test_there_may_be_nothing_to_take_from(self, store: Store) -> None:
        await store.commit([Uncount(of("nowhere")), Create(once("x"))])
        assert await counted(store, "nowhere") == -1
        await count(store, "over", 5)
        await store.commit([Uncount(of("over", at=NOW + WINDOW))])
        assert await counted(store, "over") == 5

    async def test_what_is_not_committed_is_not_counted(self, store: Store) -> None:
        await put(store, once("there"))
        await count(store, "b", 5)
        tries: list[list[Change]] = [
            [Count(of("b")), Count(of("c")), Create(once("there"))],
            [Create(once("there")), Uncount(of("b"))],
        ]
        for changes in tries:
            with pytest.raises(Stale) as stale:
                await store.commit(changes)
            assert stale.value.change == Create(once("there"))
        assert await counted(store, "b") == 5
        assert await counted(store, "c") == -1

    async def test_of_many_at_once_each_has_a_place_of_its_own(self, store: Store) -> None:
        buckets = ["a", "b", "b", "c"] * 50
        counters = await asyncio.gather(*(count(store, bucket) for bucket in buckets))
        places = Counter((one.bucket, one.tried) for one in counters)
        assert places == Counter(
            [
                (bucket, n)
                for bucket, most in (("a", 50), ("b", 100), ("c", 50))
                for n in range(1, most + 1)
            ]
        )

    async def test_counts_at_the_turn_of_a_window_are_all_counted(self, store: Store) -> None:
        await count(store, "b", 99, at=NOW - WINDOW)
        counters = await asyncio.gather(*(count(store, "b", at=NOW + n % 2) for n in range(40)))
        assert sorted(one.tried for one in counters) == list(range(1, 41))

    async def test_counts_go_along_with_all_else(self, store: Store) -> None:
        """Counts, those taken back, good commits and lost races, side by side."""
        await put(store, once("there"))
        await count(store, "back", 1000)

        def commits(n: int) -> list[list[Change]]:
            return [
                [Count(of("b")), Create(once(f"with a count {n}"))],
                [Uncount(of("back"))],
                [Create(once(f"alone {n}"))],
                [Count(of("b")), Create(once("there"))],
                [Count(of("b"))],
            ]

        each = [won(store, one) for n in range(60) for one in commits(n)]
        assert await asyncio.gather(*each) == [True, True, True, False, True] * 60
        assert await counted(store, "b") == 120
        assert await counted(store, "back") == 940
