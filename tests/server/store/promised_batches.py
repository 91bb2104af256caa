"""The promises of the port about what is asked at the same time: whoever asks for what cannot be is
told so alone. A store may send the requests of many together; that is a way to travel, no more."""

import asyncio
from os import urandom
from typing import Final

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store.promised_counts import of
from tests.server.store.samples import grant, once, user
from tests.server.store.steps import kept, put

from valetkey.server.model.change import Change, Count, Create, Remove, Stale, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, OneByAlias, Query
from valetkey.server.model.user import User
from valetkey.server.store.port import Store, Unstorable

FULL: Final = 128
"""Requests of which any store sends as many together as it ever does."""

HALF: Final = "\ud800"
"""Half of a character, which no encoding has."""

POISON: Final[dict[str, Change]] = {
    "half a character in a key": Create(once(HALF)),
    "half a character within a key": Create(once(f"ä{HALF}b")),
    "a zero byte in a key": Create(once("a\x00b")),
    "a zero byte in an index": Create(replace(grant(), client="a\x00b")),
    "half a character in an index": Create(replace(grant(), client=HALF)),
    "half a character in a second name": Create(user(HALF)),
    "half a character in a body": Create(replace(user("x"), email=HALF)),
    "half a character in a list": Create(replace(grant(), permissions=("a", HALF))),
    "a second beyond 63 bits": Create(once("x", expires=2**63)),
    "a second before 63 bits": Create(once("x", expires=-(2**63) - 1)),
    "a second beyond every number": Create(once("x", expires=2**200)),
    "a number beyond 64 bits in a body": Create(replace(grant(), created=2**64)),
    "half a character in a counter": Count(of(HALF)),
    "a zero byte in a counter": Count(of("a\x00b")),
    "a change of what cannot be": Update(replace(once(HALF), version=1)),
}
"""What no database can hold."""

MISSES: Final[dict[str, Query]] = {
    "half a character in a key": One(SingleUse, HALF),
    "half a character within a key": One(SingleUse, f"x ä{HALF}b"),
    "a zero byte in a key": One(SingleUse, "x a\x00b"),
    "half a character as a user": One(User, HALF),
    "half a character as a grant": One(Grant, HALF),
    "a zero byte as a user": One(User, "a\x00b"),
    "a key longer than any": One(SingleUse, urandom(40_000).hex()),
    "half a character as a second name": OneByAlias(User, HALF),
    "a zero byte as a second name": OneByAlias(User, "a\x00b"),
    "half a character as another's": Many(Grant, "client", HALF),
    "a zero byte as another's": Many(Grant, "client", "a\x00b"),
    "half a character as an owner": Many(Grant, "user", HALF),
}
"""What is looked for, and can be nobody's name."""

PLACES: Final = (0, FULL // 2, FULL - 1)
"""Where the poison is among the others: first, in their midst, last."""


class Batches:
    """Each member for itself."""

    @pytest.mark.parametrize("place", PLACES)
    @pytest.mark.parametrize("what", [row("ATTACKS A93", name, name) for name in POISON])
    async def test_what_cannot_be_written_fails_alone(
        self, store: Store, what: str, place: int
    ) -> None:
        others = [once(str(number)) for number in range(FULL - 1)]
        commits = [store.commit([Create(one)]) for one in others]
        commits.insert(place, store.commit([POISON[what]]))
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        assert isinstance(outcomes.pop(place), Unstorable)
        assert outcomes == [()] * len(others)
        found = await asyncio.gather(*(kept(store, one) for one in others))
        assert found == [replace(one, version=1) for one in others]

    async def test_much_that_cannot_be_written_fails_alone(self, store: Store) -> None:
        others = [once(str(number)) for number in range(FULL)]
        commits = []
        for number, one in enumerate(others):
            commits.append(store.commit([Create(one)]))
            commits.append(store.commit([[*POISON.values()][number % len(POISON)]]))
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        assert outcomes[::2] == [()] * FULL
        assert {type(one) for one in outcomes[1::2]} == {Unstorable}
        assert None not in await asyncio.gather(*(kept(store, one) for one in others))

    async def test_of_changes_that_go_together_none_is_written(self, store: Store) -> None:
        for poison in POISON.values():
            with pytest.raises(Unstorable):
                await store.commit([Create(once("before")), poison, Create(once("after"))])
        assert await kept(store, once("before")) is None
        assert await kept(store, once("after")) is None

    @pytest.mark.parametrize("place", PLACES)
    async def test_a_lost_race_is_lost_alone(self, store: Store, place: int) -> None:
        taken = user("miko")
        await put(store, once("taken"), taken, user("other"))
        mine = await kept(store, taken)
        assert mine is not None
        poison: list[Change] = [
            Create(once("taken", expires=1)),
            Update(replace(once("never"), version=3)),
            Remove(replace(once("taken"), version=7)),
            Update(replace(mine, username="other")),
        ]
        for lost in poison:
            others = [once(urandom(8).hex()) for _ in range(FULL - 1)]
            commits = [store.commit([Create(one)]) for one in others]
            commits.insert(place, store.commit([lost]))
            outcomes = await asyncio.gather(*commits, return_exceptions=True)
            stale = outcomes.pop(place)
            assert isinstance(stale, Stale)
            assert stale.change == lost
            assert outcomes == [()] * len(others)
            assert None not in await asyncio.gather(*(kept(store, one) for one in others))

    @pytest.mark.parametrize("place", PLACES)
    @pytest.mark.parametrize("what", [row("ATTACKS A93", name, name) for name in MISSES])
    async def test_what_can_be_nobodys_name_is_found_nowhere(
        self, store: Store, what: str, place: int
    ) -> None:
        others = [once(str(number)) for number in range(FULL - 1)]
        await put(store, *others)
        reads = [store.read(One(SingleUse, one.key)) for one in others]
        reads.insert(place, store.read(MISSES[what]))
        found = await asyncio.gather(*reads)
        nothing = found.pop(place)
        assert nothing.records(MISSES[what]) == ()
        assert [
            one.records(One(SingleUse, its.key)) for one, its in zip(found, others, strict=True)
        ] == [(replace(its, version=1),) for its in others]
