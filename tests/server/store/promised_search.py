"""The promises of the store about search, and about numbers that are added up."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV, NOW, sample, told, user
from tests.server.store.steps import kept, put

from valetkey.server.model import ids, search
from valetkey.server.model.change import Add, Create, Index, Remove, Stale, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Organization
from valetkey.server.model.query import One
from valetkey.server.model.search import SearchQuery, WrongCursor, beginning, exactly
from valetkey.server.model.statistic import Statistic, rows
from valetkey.server.model.user import User
from valetkey.server.store.port import Store


def person(name: str, **more: object) -> User:
    """Another user, of this name and e-mail address."""
    email = f"{name.lower()}@chirp.example"
    return replace(user(name), email=email, claims={"name": f"{name} Anders"}, **more)


def grant_of(client: str, *permissions: str, at: int = 0) -> Grant:
    """A grant of somebody, made so many seconds after the others."""
    env = replace(ENV, now=NOW + at)
    owner = ids.user_id(env)
    return Grant(
        id=ids.owned_id(env, owner=owner),
        user=owner,
        client=client,
        permissions=permissions,
        created=NOW + at,
        changed=NOW + at,
    )


def by_email(text: str, **more: object) -> SearchQuery[User]:
    return beginning(User, search.text(search.EMAIL, text), **more)


async def names(store: Store, query: SearchQuery[User]) -> list[str]:
    """The names of all users that a search finds, page by page."""
    found: list[str] = []
    while True:
        page = await store.page(query)
        found += [one.username for one in page.records]
        if not page.next:
            return found
        query = replace(query, before=page.next)


class Searches:
    """What was written is found at once, and nothing else is."""

    async def test_what_is_created_is_found(self, store: Store) -> None:
        await put(store, person("Miko"), person("Mira"), person("Nino"))
        assert await names(store, by_email("mi")) == ["Miko", "Mira"]
        assert await names(store, by_email("MIKO@chirp.example")) == ["Miko"]
        assert await names(store, by_email("chirp.example")) == []
        by_name = beginning(User, search.text(search.NAME, "nino"))
        assert await names(store, by_name) == ["Nino"]

    async def test_organizations_are_found_by_id_and_name(self, store: Store) -> None:
        its = Organization(id="acme", name="Great Rockets", created=NOW, changed=NOW)
        other = replace(its, id="bolt", name="Bolt")
        await put(store, its, other)
        for text in ("acm", "great r", "ROCKETS"):
            query = beginning(Organization, search.text(search.ORGANIZATION, text))
            assert [one.id for one in (await store.page(query)).records] == ["acme"]

    async def test_a_page_goes_on_where_the_last_one_ended(self, store: Store) -> None:
        people = [f"m{number:03}" for number in range(23)]
        await put(store, *map(person, reversed(people)))
        assert await names(store, by_email("m", limit=5)) == people
        newest = by_email("m", limit=5, newest=True)
        assert await names(store, newest) == people[::-1]

    async def test_many_with_the_same_term_are_in_the_order_of_their_keys(
        self, store: Store
    ) -> None:
        grants = [grant_of("stef", at=at) for at in (3, 1, 2, 5, 4)]
        await put(store, *grants, grant_of("other", at=9))
        query = exactly(Grant, search.of_app(search.LIVE, "stef"), newest=True, limit=2)
        found: list[int] = []
        for number in (2, 2, 1):
            page = await store.page(query)
            assert len(page.records) == number
            found += [one.created - NOW for one in page.records]
            query = replace(query, before=page.next)
        assert found == [5, 4, 3, 2, 1]

    async def test_what_changes_is_found_as_it_is_now(self, store: Store) -> None:
        miko = person("Miko")
        await put(store, miko)
        stored = await kept(store, miko)
        assert isinstance(stored, User)
        await store.commit([Update(replace(stored, email="new@chirp.example"))])
        assert await names(store, by_email("miko@")) == []
        assert await names(store, by_email("new@")) == ["Miko"]
        stored = await kept(store, miko)
        assert isinstance(stored, User)
        await store.commit([Remove(stored)])
        assert await names(store, by_email("new@")) == []
        page = await store.page(by_email("", count=True))
        assert (page.records, page.total) == ((), 0)

    async def test_a_stopped_grant_has_no_permission(self, store: Store) -> None:
        one = grant_of("stef", "posts:read", "posts:write")
        await put(store, one)
        of_read = beginning(Grant, search.of_permission("posts:read"))
        of_app = exactly(Grant, search.of_permission("posts:write", "stef"))
        for query in (of_read, of_app):
            assert [each.id for each in (await store.page(query)).records] == [one.id]
        assert (
            await store.page(exactly(Grant, search.of_permission("posts:read", "x")))
        ).records == ()
        stopped = replace(one, status="stopped", version=1)
        await store.commit([Update(stopped)])
        for query in (of_read, of_app, exactly(Grant, search.of_app(search.LIVE, "stef"))):
            assert (await store.page(query)).records == ()
        over = exactly(Grant, search.of_app(search.STOPPED, "stef"))
        assert [each.id for each in (await store.page(over)).records] == [one.id]

    async def test_an_app_is_found_by_its_domain_and_what_is_above(self, store: Store) -> None:
        app = Client(id="stef", name="Stef App", redirect_uris=("https://a.stef.example/cb",))
        await put(store, app, replace(app, id="evil", redirect_uris=("https://evilstef.example/",)))
        for host in ("a.stef.example", "stef.example", "example"):
            page = await store.page(beginning(Client, search.domain(host)))
            assert "stef" in [one.id for one in page.records]
            assert ("evil" in [one.id for one in page.records]) is (host == "example")
        page = await store.page(beginning(Client, search.text(search.APP_WORD, "app")))
        assert {one.id for one in page.records} == {"stef", "evil"}

    async def test_a_count_comes_with_the_page(self, store: Store) -> None:
        await put(store, *map(person, ("Miko", "Mira", "Nino")))
        page = await store.page(by_email("mi", count=True, limit=1))
        assert (len(page.records), page.total) == (1, 2)
        assert (await store.page(by_email("zz", count=True))).total == 0
        assert (await store.page(by_email("mi"))).total is None

    async def test_a_lost_race_changes_no_term(self, store: Store) -> None:
        miko = person("Miko")
        await put(store, miko)
        with pytest.raises(Stale):
            await store.commit([Update(replace(miko, email="x@chirp.example", version=7))])
        assert await names(store, by_email("x@")) == []
        assert await names(store, by_email("miko@")) == ["Miko"]

    async def test_a_record_is_indexed_again_if_it_is_the_same(self, store: Store) -> None:
        miko = person("Miko")
        await put(store, miko)
        stored = await kept(store, miko)
        assert isinstance(stored, User)
        older = replace(stored, email="old@chirp.example")
        await store.commit([Update(replace(stored, email="new@chirp.example"))])
        await store.commit([Index(older)])
        assert await names(store, by_email("old@")) == []
        newer = await kept(store, miko)
        assert isinstance(newer, User)
        await store.commit([Index(newer), Create(person("Mira"))])
        assert await names(store, by_email("")) == ["Mira", "Miko"]
        assert (await kept(store, miko)) == newer

    async def test_to_be_indexed_is_no_change(self, store: Store) -> None:
        """The background indexes every record once: the APIs that follow would believe that each
        user, app and grant is another one."""
        written = (person("Miko"), grant_of("stefapp", "chirps.read"), sample(Client))
        await put(store, *written)
        stored = [one for each in written if (one := await kept(store, each)) is not None]
        before = await store.log(0)
        await store.commit([Index(one) for one in stored])
        assert (await store.log(0), len(stored)) == (before, len(written))

    @pytest.mark.parametrize("text", ["", "x", "!!!", "AAAA", "gqFhoWI", "A" * 4000])
    async def test_a_cursor_of_another_list_leads_nowhere_else(
        self, store: Store, text: str
    ) -> None:
        await put(store, person("Miko"))
        other = search.cursor((search.text(search.NAME, "a"), b""))
        for before in (text, other, search.cursor((b"\xff", b"\xff")), search.cursor((b"", b""))):
            for newest in (False, True):
                query = by_email("zz", before=before, newest=newest)
                try:
                    assert (await store.page(query)).records == ()
                except WrongCursor:
                    assert before == text

    async def test_concurrent_changes_leave_the_terms_of_the_last_one(self, store: Store) -> None:
        miko = person("Miko")
        await put(store, miko)

        async def change(number: int) -> None:
            while True:
                stored = await kept(store, miko)
                assert isinstance(stored, User)
                try:
                    await store.commit([Update(replace(stored, email=f"m{number}@chirp.example"))])
                except Stale:
                    continue
                return

        await asyncio.gather(*map(change, range(8)))
        last = await kept(store, miko)
        assert isinstance(last, User)
        assert (await store.page(by_email("", count=True))).total == 1
        assert await names(store, by_email(last.email)) == ["Miko"]


def number_of(name: str, number: int = 1, subject: str = "") -> list[Add]:
    return [Add(row) for row in rows(NOW, (subject,), {name: number})]


async def stored_numbers(store: Store, row: Statistic) -> dict[str, int]:
    query = One(Statistic, row.key)
    found = (await store.read(query)).one(query)
    return {} if found is None else found.numbers


class Additions:
    """No number is lost, and what a commit counts is committed with it."""

    async def test_numbers_are_added_up(self, store: Store) -> None:
        hour, day = (one.record for one in number_of("a"))
        await store.commit(number_of("a", 2))
        await store.commit([*number_of("b"), *number_of("a", 2**40), *number_of("a", 3)])
        for row in (hour, day):
            assert await stored_numbers(store, row) == {"a": 2**40 + 5, "b": 1}
        found = await kept(store, day)
        assert found is not None
        assert found.forget_at == day.expires

    async def test_concurrent_additions_commute(self, store: Store) -> None:
        row = number_of("a")[0].record
        await asyncio.gather(*(store.commit(number_of("a", one)) for one in range(40)))
        assert (await stored_numbers(store, row))["a"] == sum(range(40))

    async def test_events_are_counted_in_their_commit(self, store: Store) -> None:
        at = told().at
        (row, _) = rows(at, ("",), {})
        await store.commit([], [told("one"), told("two")])
        kind = f"event.{told().kind}"
        assert (await stored_numbers(store, row))[kind] == 2
        lost = replace(sample(Grant), version=9)
        with pytest.raises(Stale):
            await store.commit([Update(lost)], [told("three")])
        assert (await stored_numbers(store, row))[kind] == 2

    async def test_what_the_token_endpoint_writes_is_not_counted(self, store: Store) -> None:
        made = event(ENV, "connected", by="app", user=sample(User).id, client="stef")
        await store.commit([], [made])
        (row, _) = rows(made.at, ("",), {})
        assert await stored_numbers(store, row) == {}
