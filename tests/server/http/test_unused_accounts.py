"""The walk through all accounts, on simulated days: who is notified, and whose account ends."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from tests.attacks.play import every
from tests.live import Live, live

from valetkey.server.accounts.notices import NoticeTargets
from valetkey.server.http.installation import Installations
from valetkey.server.http.shell import Shell
from valetkey.server.http.unused_accounts import EVENTS, STATE, STEP, step
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.environment import Env
from valetkey.server.model.event import event
from valetkey.server.model.last_use import DAY, IndexState, LastUse, user_use_id
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many, One
from valetkey.server.model.stream import Job
from valetkey.server.model.user import ADMINISTRATOR, PLATFORM, UNUSED, Identity, User
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.oauth.core.context import Context
from valetkey.server.settings.accounts import AccountSettings
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.port import Store
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

START: Final = 20_000 * DAY
DAYS: Final = 60


class ShellAt(Shell):
    """A server whose clock the test sets: `now` is in seconds since 1970."""

    def __init__(self, store: Store, master: bytes, *, now: int) -> None:
        installations = Installations(
            store,
            issuer="http://id.test",
            lifetimes=Lifetimes(),
            features=(),
            master_key=master,
            notices=NoticeTargets(mail=True),
        )
        super().__init__(store, installations)
        self.now = now

    async def context(self) -> Context:
        return Context((await super().context()).installation, Env(self.now, os.urandom))

    async def walk(self, days: int = DAYS) -> int:
        """A whole round; returns its steps."""
        steps = 1
        while await step(self, days):
            steps += 1
        return steps

    async def notified(self) -> Counter[str]:
        """How many notices each user got, by id."""
        jobs = (await self.store.read(Many(Job))).many(Many(Job))
        return Counter(one.user for one in jobs if one.facts["notice"] == "account_unused")

    async def disabled(self) -> set[str]:
        """The ids of users who are disabled."""
        users = (await self.store.read(Many(User))).many(Many(User))
        return {one.id for one in users if one.status == "disabled"}


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[ShellAt]:
    store, master = SQLiteStore(tmp_path / "valetkey.db"), os.urandom(32)
    await ensure_keys(store, master)
    yield ShellAt(store, master, now=START)
    await store.close()


async def people(shell: ShellAt, number: int) -> list[User]:
    """So many accounts, made at START."""
    env = Env(START, os.urandom)
    users = [
        User(id=ids.user_id(env), username=f"user{one}", created=START, changed=START)
        for one in range(number)
    ]
    await shell.store.commit([Create(one) for one in users])
    return users


async def test_a_hundred_and_twenty_accounts(shell: ShellAt) -> None:
    users = [one.id for one in await people(shell, 120)]
    platform, app_users, returning = set(users[:20]), set(users[20:40]), set(users[40:60])
    unused = set(users[60:])
    env = Env(START, os.urandom)
    identities = [
        Identity(
            id=ids.owned_id(env, owner=one), user=one, source=PLATFORM, subject=one, created=START
        )
        for one in platform
    ]
    await shell.store.commit([Create(one) for one in identities])
    uses = [LastUse(id=user_use_id(one), user=one, day=START // DAY + 40) for one in app_users]
    await shell.store.commit([Create(one) for one in uses])

    shell.now = START + 45 * DAY
    assert await shell.walk() == 3
    assert await shell.notified() == Counter()

    shell.now = START + 47 * DAY
    assert await shell.walk() == 3
    assert await shell.notified() == Counter(returning | unused)
    assert await shell.walk() == 1, "once a day"

    back = Env(START + 55 * DAY, os.urandom)
    events = [event(back, "signed-in", by="user", user=one) for one in returning]
    await shell.store.commit([], events)
    for day in range(48, 75):
        shell.now = START + day * DAY + 1
        await shell.walk()
        assert await shell.disabled() == (unused if day >= 61 else set()), day
    assert await shell.notified() == Counter(returning | unused), "exactly once"

    one = users[-1]
    change = partial(change_user_status, one, "active", by=ADMINISTRATOR)
    await shell.settle(lambda context: change(context=context))
    shell.now += DAY
    await shell.walk()
    assert await shell.disabled() == unused - {one}
    query = One(User, users[-2])
    row = (await shell.store.read(query)).one(query)
    assert row is not None
    assert row.disabled_by == (UNUSED,)


async def test_two_servers_at_once_notify_once(shell: ShellAt, tmp_path: Path) -> None:
    users = [one.id for one in await people(shell, STEP + 20)]
    shell.now = START + 50 * DAY
    other = ShellAt(shell.store, os.urandom(32), now=shell.now)
    other._installations = shell._installations
    for _ in range(4):
        both = await asyncio.gather(step(shell, DAYS), step(other, DAYS), return_exceptions=True)
        assert all(isinstance(one, bool | Stale) for one in both), both
    assert await shell.notified() == Counter(users)
    shell.now = other.now = shell.now + 15 * DAY
    for _ in range(4):
        await asyncio.gather(step(shell, DAYS), step(other, DAYS), return_exceptions=True)
    assert await shell.disabled() == set(users)
    assert await shell.notified() == Counter(users)


async def test_a_sign_in_is_found_below_all_that_strangers_tried(shell: ShellAt) -> None:
    (user,) = await people(shell, 1)
    signed_in = event(Env(START + 30 * DAY, os.urandom), "signed-in", by="user", user=user.id)
    later = Env(START + 31 * DAY, os.urandom)
    tries = [
        replace(event(later, "code-refused", by="user", user=user.id), at=later.now)
        for _ in range(2 * EVENTS + 1)
    ]
    await shell.store.commit([], [signed_in, *tries])
    shell.now = START + 75 * DAY
    await shell.walk()
    assert not await shell.notified()
    shell.now = START + 77 * DAY
    await shell.walk()
    assert await shell.notified() == Counter([user.id])


def test_the_walk_begins_with_the_server_where_the_setting_is_on(tmp_path: Path) -> None:
    def states(server: Live) -> set[str]:
        return {one.kind for one in every(server, IndexState)}

    for days in (0, DAYS):
        (folder := tmp_path / str(days)).mkdir()
        with live(folder, accounts=AccountSettings(unused_days=days)) as server:
            until = time.monotonic() + 20
            # The search index begins at the same time.
            while "users" not in states(server) and time.monotonic() < until:
                time.sleep(0.05)
            while days and STATE not in states(server) and time.monotonic() < until:
                time.sleep(0.05)
            assert (STATE in states(server)) == bool(days)
