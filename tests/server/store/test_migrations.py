"""Every release's database is opened and used by this version, and a newer schema by this one as if
it were the older (expand and contract)."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.attacks.play import signed_in
from tests.live import Live
from tests.postgres import MISSING, Cluster, binaries, cluster
from tests.server.store.golden.make import FOLDER, MASTER, Golden
from tests.server.store.samples import FULL
from tests.server.store.steps import kept, put

from valetkey import __version__
from valetkey.server.model.brand import Brand
from valetkey.server.model.change import Remove, Update
from valetkey.server.model.keys import Epoch
from valetkey.server.model.query import Many, PageQuery
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.store import migrate as module
from valetkey.server.store.database import open_store, survey
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.migrate import Kind, Migration, MigrationError, migrations
from valetkey.server.store.port import RECORDS, Store
from valetkey.server.store.sqlite.store import connect

VERSIONS = sorted(file.stem for file in FOLDER.glob("*.db"))
KINDS = ("sqlite", "postgres")
NEWER = {"identities", "group_members", "provisioned_groups", "provisioned_users"}
"""Kinds of records that version 0.1.0 did not have."""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen = str(request.param)
    if chosen == "postgres":
        pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
        if MISSING:
            pytest.skip(MISSING)
    return chosen


def opened(version: str, kind: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    """The golden database of a version, to be worked on."""
    if kind == "sqlite":
        return Database(Path(copyfile(FOLDER / f"{version}.db", folder / "golden.db")))
    programs, url = binaries(), request.getfixturevalue("server").fresh()
    assert programs is not None
    psql = (str(programs / "psql"), "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1")
    script = str(FOLDER / f"{version}.sql")
    done = subprocess.run((*psql, "-f", script, url), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Database(PostgresURL(url))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(version: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    return opened(version, kind, tmp_path, request)


@pytest.fixture
def golden(version: str) -> Golden:
    return msgspec.json.decode((FOLDER / f"{version}.json").read_bytes(), type=Golden)


def test_there_is_one_of_every_kind(golden: Golden) -> None:
    """Of those that its version had; this one may have more."""
    tables = {table for table, records in golden.records.items() if records}
    assert tables == golden.records.keys() <= {kind.table for kind in RECORDS}


@pytest.mark.anyio
async def test_whatever_is_in_it_is_found(database: Database, golden: Golden) -> None:
    """Field by field as it was written: a field that changed its name would be missing here."""
    store = await open_store(database)
    try:
        for kind in (one for one in RECORDS if one.table not in NEWER):
            wanted = Many(kind)
            found = {one.key: one for one in (await store.read(wanted)).many(wanted)}
            written = golden.records.get(kind.table, {})
            assert found.keys() == written.keys()
            for key, fields in written.items():
                now = msgspec.json.decode(msgspec.json.encode(stored_fields(found[key])))
                assert {name: now.get(name) for name in fields} == fields
    finally:
        await store.close()


def test_it_is_used(database: Database, golden: Golden, tmp_path: Path) -> None:
    """The key that was handed out then opens what it opened, and the user who gave it sees it."""
    server = Live(tmp_path / "unused.db", at=database.at, master_key=MASTER)
    server.start(furnished=False)
    try:
        form = {
            "grant_type": "refresh_token",
            "client_id": "stefapp",
            "refresh_token": golden.refresh_token,
        }
        answer = server.http.post("/token", data=form)
        assert answer.status_code == 200, answer.text
        token, chirp = answer.json()["access_token"], ("chirp", golden.secrets["chirp"])
        told = server.http.post("/introspect", data={"token": token}, auth=chirp).json()
        assert told["active"]
        assert "chirps.write" in str(told)
        browser = signed_in(server)
        assert "stefApp" in browser.open("/apps").text
        machine = ("machine", golden.secrets["machine"])
        ask = {"grant_type": "client_credentials"}
        assert server.http.post("/token", data=ask, auth=machine).status_code == 200
    finally:
        server.stop()


# --- a newer schema under an older server --------------------------------------------------------


def adding(kind: Kind, number: int) -> Migration:
    """A step of a newer version, which only adds: a column to every table, and an index."""
    text = {"sqlite": "TEXT", "postgres": "text"}[kind]
    tree = {one.table: "owned" for one in RECORDS if one.rank and kind == "sqlite"}
    lines = [
        f"ALTER TABLE {one} ADD COLUMN later {text}; CREATE INDEX {one}_later ON {one} (later)"
        for one in {tree.get(one.table, one.table) for one in RECORDS}
    ]
    return Migration(number=number, name="adds", sql=";\n".join(lines), oldest=1)


async def upgraded(database: Database, monkeypatch: pytest.MonkeyPatch, *, oldest: int = 0) -> None:
    """A newer version opens it, and goes again."""
    kind: Kind = "sqlite" if isinstance(database.at, Path) else "postgres"
    ours = migrations(kind)
    newer = adding(kind, ours[-1].number + 1)
    steps = (*ours, replace(newer, oldest=oldest or newer.oldest))
    with monkeypatch.context() as later:
        for place in ("valetkey.server.store.migrate", "valetkey.server.store.postgres.survey"):
            later.setattr(f"{place}.migrations", lambda _: steps)
        store = await open_store(database)
        await store.close()


def _fresh(record: Record) -> Record:
    """One that is not in a golden database yet."""
    match record:
        case User():
            return replace(record, username="somebody")
        case ResourceServer():
            catalog = replace(record.catalog, resource="https://other.example")
            return replace(record, id="other", catalog=catalog)
        case _:
            return record


SAMPLES = tuple(_fresh(one) for one in FULL if not isinstance(one, Brand | Epoch))


async def works(store: Store) -> None:
    """Each statement, once for every kind of record."""
    await put(store, *SAMPLES)
    for one in SAMPLES:
        written = await kept(store, one)
        assert written == replace(one, version=1)
        await store.commit([Update(written)])
        changed = await kept(store, one)
        assert changed == replace(one, version=2)
        for index in type(one).indexes:
            value = getattr(one, index)
            wanted = Many(type(one), index, value)
            assert changed in (await store.read(wanted)).many(wanted)
            listed = await store.page(PageQuery(record=type(one), index=index, value=value))
            assert changed in listed.records
        await store.commit([Remove(changed)])
    await store.sweep(1)


@pytest.mark.anyio
async def test_an_older_server_goes_on_while_a_newer_schema_comes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N-1 runs, N migrates, N-1 goes on: without a restart, under a load."""
    store = await open_store(database)
    try:
        await works(store)
        load = Load(store)
        await load.turns(5)
        await upgraded(database, monkeypatch)
        await load.turns(5)
        await load.stop()
        await works(store)
    finally:
        await store.close()


class Load:
    """Somebody who writes, reads and removes, again and again."""

    def __init__(self, store: Store) -> None:
        self._turn, self._stop = asyncio.Event(), False
        self._working = asyncio.create_task(self._work(store))

    async def turns(self, more: int) -> None:
        """Comes back after so many turns more, however long they take. Raises what went wrong."""
        for _ in range(more):
            self._turn.clear()
            turned = asyncio.create_task(self._turn.wait())
            await asyncio.wait({turned, self._working}, return_when=asyncio.FIRST_COMPLETED)
            if not turned.done():
                turned.cancel()
                await self._working

    async def stop(self) -> None:
        """Lets the last turn end."""
        self._stop = True
        await self._working

    async def _work(self, store: Store) -> None:
        user = next(one for one in SAMPLES if isinstance(one, User))
        while not self._stop:
            await put(store, user)
            written = await kept(store, user)
            assert written is not None
            await store.commit([Remove(written)])
            self._turn.set()


@pytest.mark.anyio
async def test_an_older_server_starts_on_a_newer_schema(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N came and is taken back: N-1 starts."""
    await upgraded(database, monkeypatch)
    store = await open_store(database)
    try:
        await works(store)
    finally:
        await store.close()
    found = await survey(database)
    assert [one.name for one in found.ran][-1] == "adds"


@pytest.mark.anyio
async def test_a_step_that_takes_away_keeps_older_servers_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upgraded(database, monkeypatch, oldest=99)
    with pytest.raises(MigrationError, match="of a newer valetkey"):
        await open_store(database)


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_numbered_without_a_gap(kind: Any) -> None:
    steps = migrations(kind)
    assert [one.number for one in steps] == list(range(1, len(steps) + 1))
    assert all(1 <= one.oldest <= one.number for one in steps)


def test_both_databases_take_the_same_steps() -> None:
    one, other = (
        [(step.number, step.name, step.oldest) for step in migrations(kind)]
        for kind in ("sqlite", "postgres")
    )
    assert one == other


@pytest.mark.parametrize("version", [one for one in VERSIONS if one == __version__])
def test_the_golden_database_of_this_version_is_up_to_date(version: str, tmp_path: Path) -> None:
    """A schema that changed before its release has to be made anew."""
    kept = FOLDER / f"{version}.db"
    before = kept.read_bytes()
    # A copy: whoever opens a database in earnest changes it.
    with closing(connect(Path(copyfile(kept, tmp_path / "golden.db")))) as connection:
        assert module.pending(module.ran(connection), migrations("sqlite")) == ()
    assert kept.read_bytes() == before
