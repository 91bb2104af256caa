"""What goes when a client, a user or a resource server goes.

A91: reused ids.

Attack: A new user, client or API inherits the access of a removed one with the same name.
Defense: Removed ids are never used again, and access ends with the removal.
"""

import os
from collections.abc import Callable

import msgspec
import pytest
from tests.installation import CLIENTS, furnish
from tests.server.oauth.admin.desk import context

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, live_grant_alias
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.admin import removal
from valetkey.server.oauth.admin.removal import NotRemoved, Removed
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000


async def store_with_grants() -> tuple[MemoryStore, dict[str, User], dict[str, Grant]]:
    """Miko and Noor both use stefapp, Miko the web app too, and an older, stopped yes is there."""
    store = MemoryStore()
    users = await furnish(store)
    env = Env(NOW - 100, os.urandom)
    grants = {
        name: Grant(
            id=ids.owned_id(env, owner=users[user].id),
            user=users[user].id,
            client=client,
            permissions=("openid",),
            status="stopped" if name == "old" else "active",
            created=env.now,
            changed=env.now,
        )
        for name, user, client in (
            ("miko", "miko", "stefapp"),
            ("noor", "noor", "stefapp"),
            ("web", "miko", "web"),
            ("old", "miko", "stefapp"),
        )
    }
    session = Session(
        id=ids.owned_id(env, owner=users["miko"].id),
        digest="0",
        user=users["miko"].id,
        auth_time=env.now,
        expires=NOW * 2,
    )
    await store.commit([Create(record) for record in (*grants.values(), session)])
    return store, users, grants


async def run(
    store: MemoryStore, rule: Callable[..., Rule[Removed | NotRemoved]], name: str
) -> Removed | NotRemoved:
    return await settle(store, lambda: rule(name, context(NOW)))


async def statuses(store: MemoryStore, grants: dict[str, Grant]) -> dict[str, str]:
    wanted = {name: One(Grant, grant.id) for name, grant in grants.items()}
    found = await store.read(*wanted.values())
    return {name: grant.status for name in grants if (grant := found.one(wanted[name]))}


async def test_a_client_takes_every_yes_to_it_along() -> None:
    store, users, grants = await store_with_grants()
    outcome = await run(store, removal.client, "stefapp")
    assert isinstance(outcome, Removed)
    assert outcome.stopped == 2
    assert await statuses(store, grants) == {
        "miko": "stopped",
        "noor": "stopped",
        "web": "active",
        "old": "stopped",
    }
    gone, told = One(Client, "stefapp"), Many(Event)
    found = await store.read(gone, told)
    assert found.one(gone) is None
    seen = {(event.kind, event.by, event.user, event.grant) for event in found.many(told)}
    assert seen == {
        ("stopped", "administrator", users[name].id, grants[name].id) for name in ("miko", "noor")
    }


async def test_a_later_client_of_the_same_name_inherits_no_yes() -> None:
    """ATTACKS A91."""
    store, users, _ = await store_with_grants()
    kept = One(Client, "stefapp")
    client = (await store.read(kept)).one(kept)
    assert client is not None
    await run(store, removal.client, "stefapp")
    await store.commit([Create(msgspec.structs.replace(client, version=0))])
    live = OneByAlias(Grant, live_grant_alias(users["miko"].id, "stefapp"))
    assert (await store.read(live)).one(live) is None


async def test_a_user_takes_sessions_and_every_own_yes_along() -> None:
    store, users, grants = await store_with_grants()
    outcome = await run(store, removal.user, " MIKO ")
    assert isinstance(outcome, Removed)
    assert outcome.stopped == 2
    assert await statuses(store, grants) == {
        "miko": "stopped",
        "noor": "active",
        "web": "stopped",
        "old": "stopped",
    }
    gone, sessions = OneByAlias(User, "miko"), Many(Session, "user", users["miko"].id)
    found = await store.read(gone, sessions)
    assert found.one(gone) is None
    assert found.many(sessions) == ()


async def test_a_resource_server_stays_while_a_client_may_ask_for_it() -> None:
    store, _, _ = await store_with_grants()
    outcome = await run(store, removal.resource_server, "photos")
    assert isinstance(outcome, NotRemoved)
    clients = ", ".join(sorted(one.id for one in CLIENTS if "photos.read" in one.scope))
    assert outcome.why == f"these clients may still ask for its permissions: {clients}"
    for client in clients.split(", "):
        await run(store, removal.client, client)
    assert isinstance(await run(store, removal.resource_server, "photos"), Removed)
    gone = One(ResourceServer, "photos")
    assert (await store.read(gone)).one(gone) is None


MISSING = {
    "client": (removal.client, "there is no client 'nobody'"),
    "user": (removal.user, "there is no user 'nobody'"),
    "resource server": (removal.resource_server, "there is no resource server 'nobody'"),
}


@pytest.mark.parametrize("rule,why", MISSING.values(), ids=MISSING)
async def test_who_is_not_there_cannot_go(
    rule: Callable[..., Rule[Removed | NotRemoved]], why: str
) -> None:
    store, _, _ = await store_with_grants()
    outcome = await run(store, rule, "nobody")
    assert isinstance(outcome, NotRemoved)
    assert outcome.why == why
    assert outcome.changes == ()
