"""The promises of the store about names, reads and lists."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV, FULL, MIKO, NOW, grant, sample, session, user
from tests.server.store.steps import counted, kept, put

from valetkey.server.model import ids
from valetkey.server.model.change import Remove, Stale, Update
from valetkey.server.model.counters import Throttle
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.organization import Membership
from valetkey.server.model.query import Many, One, OneByAlias, PageQuery
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.store.port import Store


class Reads:
    """What is there is found, by one name or the other, at one moment."""

    async def test_who_asks_for_nothing_is_told_nothing(self, store: Store) -> None:
        await put(store, user("miko"))
        assert (await store.read()).records(Many(User)) == ()

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
            wanted = OneByAlias(User, name)
            found = (await store.read(wanted)).one(wanted)
            assert (found and found.username) == expected

    async def test_a_second_name_is_one_records(self, store: Store) -> None:
        """Of every kind that has one: whether or not the name says where its record is."""
        named = [one for one in FULL if one.alias]
        assert {type(one) for one in named} >= {User, Grant, Identity, Session}
        for one in named:
            await put(store, one)
            wanted = OneByAlias(type(one), one.alias)
            assert (await store.read(wanted)).one(wanted) == replace(one, version=1)
            if one.rank and not isinstance(one, User):
                with pytest.raises(Stale):
                    await put(store, replace(one, id=ids.owned_id(ENV, owner=MIKO)))

    async def test_hundreds_are_found_at_once(self, store: Store) -> None:
        """By either name, beside each other and beside a list; as an import reads them."""
        people = [user(f"user{number}") for number in range(40)]
        grants = [grant(client=f"app{number}") for number in range(20)]
        await put(store, *people, *grants)
        names = ["", "nobody", "user\x00", "user\ud800", *(one.alias for one in people)]
        by_name = [OneByAlias(User, name) for name in names]
        by_key = [One(User, one.id) for one in people] + [One(User, "none"), One(User, "")]
        living = [OneByAlias(Grant, one.alias) for one in grants]
        everybody = Many(User)
        results = await store.read(*by_name, everybody, *by_key, *living)
        found = [results.one(query) for query in by_name]
        assert found == [None] * 4 + [replace(one, version=1) for one in people]
        found = [results.one(query) for query in by_key]
        assert found == [*(replace(one, version=1) for one in people), None, None]
        assert [results.one(query) for query in living] == [
            replace(one, version=1) for one in grants
        ]
        assert len(results.records(everybody)) == len(people)

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
        wanted = OneByAlias(Grant, new.alias)
        assert (await store.read(wanted)).one(wanted) == replace(new, version=1)

    async def test_no_second_name_is_no_clash(self, store: Store) -> None:
        one, two = (replace(grant(), status="stopped") for _ in range(2))
        await put(store, one, two)
        wanted = OneByAlias(Grant, "")
        assert (await store.read(wanted)).one(wanted) is None

    # Reads.

    async def test_what_comes_along_is_what_is_there(self, store: Store) -> None:
        """Families with their grant and their user, asked for at once; one has neither."""
        miko = user("miko")
        yes = replace(grant(), id=ids.owned_id(ENV, owner=miko.id), user=miko.id)
        families = [
            replace(
                sample(TokenFamily),
                id=ids.owned_id(ENV, owner=owner),
                grant=of,
                user=owner,
                version=0,
            )
            for owner, of in ((miko.id, yes.id), (miko.id, yes.id), (MIKO, grant().id))
        ]
        await put(store, miko, yes, *families)
        wants = [One(TokenFamily, one.id) for one in families]
        nobody = One(TokenFamily, ids.owned_id(ENV, owner=MIKO))
        asked = (*wants, nobody, wants[0])
        reads = [*((want,) for want in (*wants, nobody)), (wants[0], One(User, miko.id))]
        found = await asyncio.gather(*(store.read(*some) for some in reads))
        told = [(*of.records(want), None)[0] for of, want in zip(found, asked, strict=True)]
        assert told == [replace(one, version=1) for one in families] + [
            None,
            replace(families[0], version=1),
        ]
        for one, of in zip(families, found, strict=False):
            for other in (One(Grant, one.grant), One(User, one.user)):
                along, read = of.along((other,)), await store.read(other)
                assert along is None or along.records(other) == read.records(other)

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

    async def test_many_lists_at_once(self, store: Store) -> None:
        """As an organization's effect reads them: by an index of records that users own, and by
        one of others, with some that nobody can have."""
        people = [user(f"many{n}") for n in range(40)]
        rows = [replace(session(one.id), digest=one.username) for one in people[:30]]
        memberships = [
            Membership(organization=f"o{n % 7}", user=one.id, created=1)
            for n, one in enumerate(people[5:35])
        ]
        await put(store, *rows, *memberships)
        nobody = ("nobody", "", "\x00", "x" * 3000)
        own = {one.id: Many(Session, "user", one.id) for one in people}
        others = {one.id: Many(Membership, "user", one.id) for one in people}
        companies = {n: Many(Membership, "organization", f"o{n}") for n in range(40)}
        none = [Many(kind, "user", one) for kind in (Session, Membership) for one in nobody]
        results = await store.read(*own.values(), *others.values(), *companies.values(), *none)
        for number, one in enumerate(people):
            mine = [of.id for of in results.many(own[one.id])]
            assert mine == [of.id for of in rows[number : number + 1]]
            there = memberships[number - 5 : number - 4] if 5 <= number < 35 else []
            assert [of.user for of in results.many(others[one.id])] == [of.user for of in there]
        found = [len(results.many(companies[n])) for n in range(40)]
        assert found == [*(len(range(n, 30, 7)) for n in range(7)), *[0] * 33]
        assert not any(results.many(one) for one in none)

    async def test_a_name_that_is_no_index_is_a_mistake(self, store: Store) -> None:
        for index in ("digest", "key; DROP TABLE sessions", "body"):
            with pytest.raises(ValueError, match="index"):
                await store.read(Many(Session, index, "x"))
            with pytest.raises(ValueError, match="index"):
                await store.page(PageQuery(record=Session, index=index, value="x"))

    async def test_several_wants_are_answered_each(self, store: Store) -> None:
        miko, mine = user("miko"), session(MIKO)
        await put(store, miko, mine)
        by_key, by_name = One(User, miko.id), OneByAlias(User, "miko")
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
            query = PageQuery(record=Session, index="user", value=MIKO, limit=limit)
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
        assert (await store.page(PageQuery(record=Session))).records == ()
        await put(store, session(MIKO), session(user("stef").id))
        page = await store.page(PageQuery(record=Session))
        assert (len(page.records), page.next) == (2, "")
        nobody = await store.page(PageQuery(record=Session, index="user", value="nobody"))
        assert (nobody.records, nobody.next) == ((), "")

    async def test_a_list_over_many_users_is_in_the_order_of_the_names(self, store: Store) -> None:
        people = [user(str(n)) for n in range(5)]
        theirs = [session(one.id) for one in people for _ in range(2)]
        await put(store, *people, *theirs)
        for kind, records in ((User, people), (Session, theirs)):
            names = sorted((one.key for one in records), reverse=True)
            seen: list[str] = []
            before = ""
            while not seen or before:
                page = await store.page(PageQuery(record=kind, before=before, limit=3))
                seen += [one.key for one in page.records]
                before = page.next
            assert seen == names
            wanted = Many(kind)
            assert [one.key for one in (await store.read(wanted)).many(wanted)] == names[::-1]

    async def test_a_walk_comes_to_all(self, store: Store) -> None:
        """However they are shared out, and whatever is taken away behind it."""
        people = [user(str(n)) for n in range(4)]
        theirs = [session(one.id) for one in people for _ in range(3)]
        await put(store, *people, *theirs)
        for limit in (1, 5, 50):
            seen: list[str] = []
            before = ""
            while not seen or before:
                query = PageQuery(record=Session, before=before, limit=limit, walk=True)
                page = await store.page(query)
                seen += [one.id for one in page.records]
                before = page.next
            assert sorted(seen) == sorted(one.id for one in theirs)
        start = await store.page(PageQuery(record=Session, limit=6, walk=True))
        await store.commit([Remove(one) for one in start.records])
        rest = await store.page(PageQuery(record=Session, before=start.next, walk=True))
        assert {one.id for one in (*start.records, *rest.records)} == {one.id for one in theirs}

    async def test_what_is_no_name_finds_nothing(self, store: Store) -> None:
        """Nor does what differs from a name only in bits that no name has."""
        mine = session(MIKO)
        await put(store, mine)
        almost = mine.id[:-1] + chr(ord(mine.id[-1]) + 1)
        for name in ("", "nothing", almost, mine.id.upper(), mine.id + "0", "é" * 26):
            wanted = One(Session, name)
            assert (await store.read(wanted)).one(wanted) is None
