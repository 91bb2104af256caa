"""Deletion of accounts: a grace in which it can be cancelled, the erasure, and the purge after it.

On every store: no table has a byte of the person afterwards.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from tests.postgres import MISSING, Cluster, cluster
from tests.server.oauth.admin.desk import context

from valetkey.server.accounts.personal_data import DATA
from valetkey.server.http import personal_export
from valetkey.server.http.personal_export import export
from valetkey.server.model import ids
from valetkey.server.model.audit import PersonKey
from valetkey.server.model.change import Create
from valetkey.server.model.directory import GroupMember, ProvisionedUser
from valetkey.server.model.environment import Env
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import event
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.last_use import LastUse, grant_use_id
from valetkey.server.model.organization import AppRequest, Membership
from valetkey.server.model.pending import Approval
from valetkey.server.model.query import Many, One
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.record import Record
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.user import ADMINISTRATOR, Identity, Session, User
from valetkey.server.oauth.admin.erasure import (
    Deletion,
    cancel_deletion,
    do_due,
    is_due,
    new_code,
    request_deletion,
)
from valetkey.server.oauth.admin.user_status import EVERYBODY, change_user_status
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import RECORDS, Store
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
DAY = 86_400
GRACE = 14 * DAY
ENV = Env(NOW, os.urandom)
MARK = "Quokkaberta"
"""In every field that says something about the person."""

Dump = Callable[[], Awaitable[dict[str, bytes]]]


def person() -> tuple[User, list[Record]]:
    """Somebody with a record of every kind that an account has."""
    user = User(
        id=ids.user_id(ENV),
        username=f"{MARK}-name",
        password=f"$argon2id${MARK}",
        email=f"{MARK}@example.com",
        phone_number=f"+49 {MARK}",
        address={"formatted": MARK},
        claims={"name": MARK, "picture": f"https://{MARK}.example"},
        external=f"{MARK}-external",
        zone=f"{MARK}/Zone",
        countries={MARK: NOW},
        created=NOW,
    )
    name = partial(ids.owned_id, ENV, owner=user.id)
    grant = name()
    owner: dict[str, Any] = {"user": user.id}
    client: dict[str, Any] = {"client": "web"}
    until: dict[str, Any] = {"created": NOW, "expires": NOW + DAY}
    provisioned = ProvisionedUser(
        id=user.id,
        source="hr",
        username=MARK,
        external_id=MARK,
        attributes={"emails": [{"value": f"{MARK}@hr"}]},
        created=NOW,
        changed=NOW,
    )
    identity = Identity(
        id=name(),
        source="https://idp.example",
        subject=f"{MARK}-sub",
        created=NOW,
        name=MARK,
        groups=(MARK,),
        **owner,
    )
    receipt = Receipt(
        id=name(),
        grant=grant,
        request="r",
        at=NOW,
        language="en",
        app="Web",
        destination="web.example",
        why="new",
        lines=(),
        **owner,
        **client,
    )
    factor = Factor(id=name(), kind="totp", created=NOW, name=MARK, secret=MARK.encode(), **owner)
    session = Session(
        id=name(),
        digest="0",
        auth_time=NOW,
        expires=NOW + DAY,
        device=MARK,
        network=MARK,
        **owner,
    )
    return user, [
        user,
        Grant(id=grant, permissions=("openid",), created=NOW, changed=NOW, **owner, **client),
        identity,
        provisioned,
        GroupMember(group="g1", **owner),
        Membership(organization="acme", created=NOW, **owner),
        AppRequest(organization="acme", client="kite", created=NOW, **owner),
        RoleBinding(roles=("support",), changed=NOW, by=MARK, **owner),
        PersonKey(secret=b"\0" * 32, **owner),
        factor,
        session,
        TokenFamily(id=name(), grant=grant, used=NOW, device=MARK, **until, **owner, **client),
        Approval(id=name(), grant=grant, words=MARK, **until, **owner, **client),
        LastUse(id=grant_use_id(grant), grant=grant, day=NOW // DAY, **owner, **client),
        receipt,
        event(ENV, "factor-added", by="user", note=MARK, reason=MARK, **owner),
        event(ENV, "connected", by="user", note=MARK, **owner, **client),
        event(ENV, "granted", by="user", grant=grant, device="Firefox", **owner, **client),
        event(ENV, "signed-in", by="user", device="Firefox", country=MARK, **owner),
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    if MISSING:
        pytest.skip(MISSING)
    with cluster() as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Store, Dump]]:
    """Each kind of store, empty, and what reads all of its tables."""
    if request.param == "memory":
        memory = MemoryStore()
        yield memory, partial(_memory, memory)
        return
    at: Path | PostgresURL = tmp_path / "test.db"
    dump: Dump = partial(_sqlite, tmp_path / "test.db")
    if request.param == "postgres":
        pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
        running: Cluster = request.getfixturevalue("server")
        url = running.fresh()
        at, dump = PostgresURL(url), partial(_postgres, url)
    opened = await open_store(Database(at))
    yield opened, dump
    await opened.close()


async def _memory(store: MemoryStore) -> dict[str, bytes]:
    tables = {kind.table: (await store.read(Many(kind))).many(Many(kind)) for kind in RECORDS}
    return {name: repr(rows).encode() for name, rows in tables.items()} | {
        "log": repr(await store.log(0)).encode()
    }


async def _sqlite(file: Path) -> dict[str, bytes]:
    connection = apsw.Connection(str(file))
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    names = [str(name) for (name,) in tables]
    found = {one: _bytes(connection.execute(f"SELECT * FROM {one}")) for one in names}
    connection.close()
    return found


async def _postgres(url: str) -> dict[str, bytes]:
    import asyncpg

    connection = await asyncpg.connect(url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    names = [name for (name,) in await connection.fetch(tables)]
    found = {one: _bytes(await connection.fetch(f"SELECT * FROM {one}")) for one in names}
    await connection.close()
    return found


def _bytes(rows: Iterable[Any]) -> bytes:
    values = (value for row in rows for value in row)
    return b"\n".join(one if isinstance(one, bytes) else str(one).encode() for one in values)


def having(tables: dict[str, bytes], text: str) -> set[str]:
    """The tables that have the text, in any case."""
    return {name for name, there in tables.items() if text.lower().encode() in there.lower()}


async def deletion(store: Store, user: str, now: int = NOW, code: str = "") -> Deletion:
    rule = partial(request_deletion, user, by="user", code=code, context=context(now))
    return await settle(store, rule)


async def due(store: Store, user: str, now: int) -> None:
    """What the background does, whenever it looks."""
    while (await settle(store, partial(do_due, user, context(now)))).more:
        pass


async def test_no_table_has_a_byte_of_the_person_afterwards(both: tuple[Store, Dump]) -> None:
    store, dump = both
    user, records = person()
    kinds = {type(one) for one in records}
    theirs = {one.record for one in DATA if one.on_erasure in {"removed", "kept"}}
    assert {one.__name__ for one in theirs - kinds} == {"DelegateTree", "Erasure"}
    await store.commit([Create(one) for one in records])
    named = having(await dump(), MARK)
    assert len(named) >= 2
    assert (await deletion(store, user.id)).result == "requested"
    await due(store, user.id, NOW + GRACE - 1)
    assert having(await dump(), MARK) >= named - {"sessions"}
    # What opens the audit log, and what made them an administrator, have no text of theirs.
    powers: tuple[One[Record], ...] = One(PersonKey, user.id), One(RoleBinding, user.id)
    before = await store.read(*powers)
    assert all(before.one(one) for one in powers)
    await due(store, user.id, NOW + GRACE)
    assert having(await dump(), MARK) == set()
    after = await store.read(*powers)
    assert [after.one(one) for one in powers] == [None, None]
    grants = Many(Grant, "user", user.id)
    assert [one.status for one in (await store.read(grants)).many(grants)] == ["stopped"]
    # What was kept names nobody, and goes when its time is over.
    row = One(Erasure, user.id)
    erasure = (await store.read(row)).one(row)
    assert erasure is not None
    assert not is_due(erasure, erasure.purge - 1)
    await due(store, user.id, erasure.purge)
    left = [Many(kind, "user", user.id) for kind in RECORDS if "user" in kind.indexes]
    results = await store.read(*left, row)
    assert [one for query in left for one in results.many(query)] == []
    assert results.one(row) is None


async def test_nothing_works_from_the_request_on_and_all_of_it_after_a_cancel(
    both: tuple[Store, Dump],
) -> None:
    store, _ = both
    user, records = person()
    await store.commit([Create(one) for one in records])
    code = new_code(context(NOW))
    assert (await deletion(store, user.id, code=code)).due == NOW + GRACE
    assert (await deletion(store, user.id, NOW + 9)).result == "waiting"
    me, sessions = One(User, user.id), Many(Session, "user", user.id)
    results = await store.read(me, sessions)
    account = results.one(me)
    assert account is not None
    assert account.status == "disabled"
    assert results.many(sessions) == ()
    wrong = partial(cancel_deletion, code=new_code(context(NOW)), by="user", context=context(NOW))
    assert (await settle(store, wrong)).result == "unknown"
    typed = code.lower().replace("-", " ").replace("0", "o")
    right = partial(cancel_deletion, code=typed, by="user", context=context(NOW))
    assert (await settle(store, right)).user == user.id
    assert (await settle(store, right)).result == "unknown"
    results = await store.read(me)
    account = results.one(me)
    assert account is not None
    assert (account.status, account.claims) == ("active", user.claims)
    await due(store, user.id, NOW + 99 * DAY)
    assert (await store.read(me)).one(me) is not None


async def test_a_cancelled_deletion_leaves_an_administrators_word() -> None:
    store = MemoryStore()
    user, records = person()
    await store.commit([Create(one) for one in records])
    await deletion(store, user.id)
    change = partial(change_user_status, user.id, context=context(NOW))
    await settle(store, partial(change, "disabled", by=ADMINISTRATOR))
    back = partial(cancel_deletion, user=user.id, by="administrator", context=context(NOW))
    assert (await settle(store, back)).result == "restored"
    me = One(User, user.id)
    account = (await store.read(me)).one(me)
    assert account is not None
    assert account.disabled_by == (ADMINISTRATOR,)
    # Whoever overrides everybody has cancelled the deletion, too.
    await deletion(store, user.id)
    await settle(store, partial(change, "active", by=EVERYBODY))
    await due(store, user.id, NOW + GRACE)
    assert (await store.read(me)).one(me) is not None


async def test_the_download_has_all_of_it_and_no_secret(
    both: tuple[Store, Dump], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = both
    monkeypatch.setattr(personal_export, "PAGE", 2)
    user, records = person()
    more = [event(Env(NOW + n, os.urandom), "paused", by="user", user=user.id) for n in range(5)]
    other, others = person()
    others = [one for one in others if not isinstance(one, ProvisionedUser | Identity)]
    foreign = [msgspec.structs.replace(other, username="somebody else")]
    await store.commit([Create(one) for one in [*records, *more, *foreign, *others[1:]]])
    text = b"".join([chunk async for chunk in export(store, user.id, now=NOW)])
    document = msgspec.json.decode(text)
    sections = [one.section for one in DATA if one.section]
    assert list(document) == ["format", "exported", *sections]
    assert document["account"]["email"] == user.email
    assert [len(document[one]) for one in ("identities", "sessions", "receipts")] == [1, 1, 1]
    assert len(document["events"]) == 9
    assert b"argon2" not in text
    assert b'"secret"' not in text
    assert b'"digest"' not in text
    assert other.id.encode() not in text


def test_every_kind_of_record_says_what_is_kept_and_why() -> None:
    assert sorted(one.record.__name__ for one in DATA) == sorted(one.__name__ for one in RECORDS)
    for one in DATA:
        assert one.what
        assert (one.on_erasure == "none") == (one.why == "") == (one.duration == ""), one.what
        names = set(one.record.__struct_fields__)
        assert set(one.hidden) <= names
    # What can be found by its user has to say what becomes of it.
    assert not [o for o in DATA if "user" in o.record.indexes and o.on_erasure == "none"]
