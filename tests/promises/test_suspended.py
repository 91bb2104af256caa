"""R08, for a whole app: once it is suspended, its users' keys open nothing at the last of 20 APIs
after a second; once it is restored, all of them do again."""

import asyncio
import time
from pathlib import Path
from typing import Final

import pytest
from tests.postgres import MISSING, cluster
from tests.promises.conftest import Figure
from tests.promises.ledger import Violation
from tests.promises.test_live import AFTER, BOUND, Scene, scene
from tests.server.oauth.admin.desk import context

from valetkey.server.audit.recorder import recorded
from valetkey.server.model.client import Client, Status
from valetkey.server.model.query import One
from valetkey.server.oauth.admin.client_status import change_client_status
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

APIS: Final = 20
REASON: Final = "It posts spam."


async def change_status(now: Scene, status: Status) -> float:
    """An administrator suspends or restores the app; when that was acknowledged."""
    at = context(int(time.time()))
    store = recorded(now.store)
    await settle(store, lambda: change_client_status("stefapp", status, reason=REASON, context=at))
    query = One(Client, "stefapp")
    client = (await now.store.read(query)).one(query)
    assert client is not None
    assert client.status == status
    return time.monotonic()


async def suspend_and_restore(now: Scene) -> tuple[float, float]:
    """Seconds after the acknowledgements: when the last API let its last call in, and when the
    last one let the first one in again. Raises Violation for a call after the bound."""
    assert len(now.apis) == APIS
    await now.all_open()
    for one in now.apis:
        one.open.clear()
    suspended = await change_status(now, "suspended")
    await asyncio.sleep(BOUND + AFTER)
    last = max((call - suspended for one in now.apis for call in one.open), default=0.0)
    if last > BOUND:
        raise Violation(f"let in {last:.2f} s after the app was suspended")
    for one in now.apis:
        assert one.refused, "an API refused no call"
        one.open.clear()
    restored = await change_status(now, "active")
    await now.all_open()
    return last, max(one.open[0] for one in now.apis) - restored


def note(figure: Figure, both: tuple[float, float]) -> None:
    figure("seconds after the suspension, the last call let in at 20 APIs", round(both[0], 3))
    figure("seconds after it was restored, the last of 20 APIs lets in", round(both[1], 3))


async def test_on_sqlite(tmp_path: Path, figure: Figure) -> None:
    async with scene(tmp_path, str(tmp_path / "valetkey.db"), apis=APIS) as now:
        note(figure, await suspend_and_restore(now))


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
async def test_on_postgresql(tmp_path: Path, figure: Figure) -> None:
    with cluster() as database:
        async with scene(tmp_path, str(database.url), apis=APIS) as now:
            note(figure, await suspend_and_restore(now))
