"""The growth bench on two hundred families: what it fills is what the server serves."""

import asyncio
import time
from pathlib import Path

import pytest
from bench.data import growth
from bench.growth import OPERATIONS, GrowthOptions, Round, record, run, send_refreshes
from bench.population import Population, population
from bench.subject import Subject
from tests.postgres import MISSING

from bench import rows
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.user import User
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database
from valetkey.server.store.postgres.rows import row as row_of
from valetkey.server.store.sqlite.tree import Tree

SIZE = 200
STORES = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING)),
]


@pytest.mark.parametrize("kind", STORES)
def test_it_fills_measures_and_grows(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = GrowthOptions(
        sizes=(SIZE // 2, SIZE),
        rounds=1,
        requests=20,
        connections=2,
        refreshes=40,
        grow=SIZE,
        postgres=kind == "postgres",
        folder=tmp_path if kind == "sqlite" else None,
    )
    run(asked)
    says = capsys.readouterr().out
    for name in OPERATIONS:
        assert says.count(f"\n{name} ") == 2
    assert f"40 refreshes of {SIZE} families" in says


def test_what_is_recorded_takes_the_place_of_what_was(tmp_path: Path) -> None:
    def seen(*p99: float) -> list[Round]:
        return [Round(1.0, one, 1.0) for one in p99]

    rounds = {(name, 10): seen(2.0, 4.0, 5.0) for name in OPERATIONS}
    rounds |= {(name, 20): seen(3.0, 4.0, 4.0) for name in OPERATIONS}
    file = tmp_path / "growth.json"
    for store in ("SQLite", "PostgreSQL", "SQLite"):
        record(rounds, (10, 20), store=store, file=file)
    kept = growth(file)
    assert len(kept) == 2 * 2 * len(OPERATIONS)
    assert {(one.median, one.lowest, one.highest) for one in kept if one.families == 20} == {
        (1.0, 0.8, 1.5)
    }


def test_members_are_found_by_each_of_their_names(tmp_path: Path) -> None:
    people = population(SIZE, now=int(time.time()))
    database = Database(tmp_path / "valetkey.db")
    asyncio.run(Subject.fill(database, people))

    async def look() -> None:
        store = await open_store(database)
        for number in (0, 117, SIZE - 1):
            member = people.member(number)
            user, grant = One(User, member.user.id), OneByAlias(Grant, member.grant.alias)
            families = Many(TokenFamily, "grant", member.grant.id)
            found = await store.read(user, grant, families)
            assert found.one(user) == member.user
            assert found.one(grant) == member.grant
            assert found.many(families) == (member.family,)
        everybody = Many(TokenFamily)
        assert len((await store.read(everybody)).many(everybody)) == SIZE
        await store.close()

    asyncio.run(look())


@pytest.mark.parametrize("fresh", [False, True])
def test_the_quick_rows_are_the_servers_own(*, fresh: bool) -> None:
    people = population(SIZE, now=int(time.time()), fresh=fresh)
    members = [people.member(number) for number in range(SIZE)]
    records = [record for member in members for record in member.records]
    assert rows.in_tree(people, range(SIZE)) == [
        tuple(Tree.of(type(one)).row(one, one.version)) for one in records
    ]
    tables = rows.in_tables(people, range(SIZE))
    for kind, its in tables.items():
        mine = [row_of(one, one.version) for one in records if isinstance(one, kind)]
        assert its == mine


def test_two_events_that_lie_in_one_block_have_a_spot_each(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = bytes(range(39)) + b"end" + bytes(22)
    monkeypatch.setattr(Population, "noise", lambda self, number: noise)
    monkeypatch.setattr(rows, "_daily", lambda *_: bytes(9) + b"end")
    *_, granted, connected = rows.in_tree(population(1, now=int(time.time())), range(1))
    assert (granted[0] + 1, granted[1] != connected[1]) == (connected[0], True)


@pytest.mark.anyio
async def test_the_store_alone_is_turned(tmp_path: Path) -> None:
    people = population(SIZE, now=int(time.time()))
    subject = await Subject.fill(Database(tmp_path / "valetkey.db"), people)
    await subject.turn(SIZE + 50)
    store = await open_store(subject.database)
    wanted = Many(TokenFamily)
    found = {one.id: one for one in (await store.read(wanted)).many(wanted)}
    await store.close()
    before = [people.member(number).family for number in range(SIZE)]
    turns = [found[one.id].generation - one.generation for one in before]
    assert sorted(turns) == [1] * (SIZE - 50) + [2] * 50


def test_a_round_with_a_refused_request_does_not_count(tmp_path: Path) -> None:
    people = population(SIZE, now=int(time.time()))
    subject = asyncio.run(Subject.fill(Database(tmp_path / "valetkey.db"), people))
    with subject.serving(tmp_path):
        send_refreshes(subject, [subject.refresh() for _ in range(3)], connections=1)
        spent = subject.exchange()
        with pytest.raises(RuntimeError, match="1 of 2 answers were not 200"):
            send_refreshes(subject, [spent, spent], connections=1)
