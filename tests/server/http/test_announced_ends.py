"""Users are notified once of a grant that ends soon."""

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from valetkey.server.accounts.notices import NoticeTargets
from valetkey.server.http.background import announce_step
from valetkey.server.http.installation import Installations
from valetkey.server.http.shell import Shell
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import limits
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many, One
from valetkey.server.model.stream import Job
from valetkey.server.model.user import User
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

DAY = 86400


async def test_once_for_each_end(tmp_path: Path) -> None:
    store, master, now = SQLiteStore(tmp_path / "valetkey.db"), os.urandom(32), int(time.time())
    await ensure_keys(store, master)
    at = Installations(
        store,
        issuer="http://id.test",
        lifetimes=Lifetimes(),
        features=(),
        master_key=master,
        notices=NoticeTargets(mail=True),
    )
    shell, env = Shell(store, at), Env(now, os.urandom)
    user = User(id=ids.user_id(env), username="miko")
    ends = {"soon": now + 2 * DAY, "later": now + 9 * DAY, "over": now - 5, "never": 0}
    grants = {
        name: Grant(
            id=ids.owned_id(env, owner=user.id),
            user=user.id,
            client=name,
            permissions=("chirps.read",),
            limits=limits(until=until),
            created=now,
            changed=now,
        )
        for name, until in ends.items()
    }
    await store.commit([Create(user), *map(Create, grants.values())])

    async def announced() -> list[str]:
        before = ""
        while before := await announce_step(shell, before):
            pass
        query = Many(Job)
        return [job.client for job in (await store.read(query)).many(query)]

    assert await announced() == ["soon"]
    assert await announced() == ["soon"]
    one = One(Grant, grants["later"].id)
    later = (await store.read(one)).one(one)
    assert later is not None
    await store.commit([Update(replace(later, limits=limits(until=now + DAY)))])
    assert sorted(await announced()) == ["later", "soon"]
    await store.close()
