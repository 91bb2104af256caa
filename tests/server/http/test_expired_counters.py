"""Counts without an end are forgotten once their key is over, and no others."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.server.store.samples import ENV, MIKO, NOW, grant
from tests.server.store.steps import kept, put

from valetkey.server.http.background import STEP, step
from valetkey.server.http.installation import Installations
from valetkey.server.http.shell import Shell
from valetkey.server.model import ids
from valetkey.server.model.change import Update
from valetkey.server.model.leasing import Allowance, PeriodCount
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

MASTER = os.urandom(32)


async def opened(folder: Path) -> Shell:
    store = SQLiteStore(folder / "valetkey.db")
    await ensure_keys(store, MASTER)
    at = Installations(
        store, issuer="http://id.test", lifetimes=Lifetimes(), features=(), master_key=MASTER
    )
    return Shell(store, at)


def counted(grant_id: str, *, end: int = 0, permission: str = "p") -> Allowance:
    """Three uses in a period that ends then, or never."""
    count = PeriodCount(0, end, 3)
    return Allowance(
        grant=grant_id, permission=permission, often={"day": count} if end else {"total": count}
    )


async def test_those_of_keys_that_are_over(tmp_path: Path) -> None:
    shell = await opened(tmp_path)
    live, paused, stopped = (grant(name) for name in ("a", "b", "c"))
    paused = replace(paused, status="paused")
    stopped = replace(stopped, status="stopped")
    nowhere = ids.owned_id(ENV, owner=MIKO)
    stay = [counted(live.id), counted(paused.id), counted(stopped.id, end=NOW, permission="q")]
    go = [counted(stopped.id), counted(nowhere)]
    await put(shell.store, live, paused, stopped, *stay, *go)
    assert await step(shell, "") == ""
    wanted = Many(Allowance)
    left = (await shell.store.read(wanted)).many(wanted)
    assert {one.key for one in left} == {one.key for one in stay}
    await shell.store.commit([Update(replace(live, version=1, status="stopped"))])
    await step(shell, "")
    assert await kept(shell.store, stay[0]) is None
    await shell.store.close()


async def test_step_by_step(tmp_path: Path) -> None:
    shell = await opened(tmp_path)
    over = replace(grant(), status="stopped")
    rows = [counted(over.id, permission=f"p{n}") for n in range(2 * STEP + 1)]
    await put(shell.store, over, *rows)
    before, steps = await step(shell, ""), 1
    wanted = Many(Allowance)
    assert len((await shell.store.read(wanted)).many(wanted)) == STEP + 1
    while before:
        before, steps = await step(shell, before), steps + 1
    assert steps == 3
    assert (await shell.store.read(wanted)).many(wanted) == ()
    await shell.store.close()
