"""A user whom a directory deactivates by SCIM: every API that follows the change log refuses them
within the bound, and lets them in again."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.live import Live, live
from tests.resource.test_follow import MAX_AGE, a_key, ask, following, introspections, refusal
from tests.server.endpoints.test_scim import Scim, provision

from valetkey.resource import Refused, ResourceServer
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.user import Identity

pytest.importorskip("scim2_models", reason="the extra `scim` is not installed")
pytestmark = pytest.mark.anyio


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, enable=("scim",)) as running:
        provision(running, "machine")
        yield running


def provisioned(server: Live, scim: Scim) -> str:
    """Miko, whom the directory knows: the path of its resource."""
    user, env = server.users["miko"].id, Env(int(time.time()), os.urandom)
    name = ids.owned_id(env, owner=user)
    one = Identity(id=name, user=user, source="platform", subject="m-1", created=env.now)
    server.run(server.store.commit([Create(one)]))
    made = scim.user("miko@platform.example", externalId="m-1", active=True)
    return f"/Users/{made['id']}"


async def allowed(kit: ResourceServer, token: str) -> None:
    """The API answers again, within the bound."""
    end = time.monotonic() + MAX_AGE
    while True:
        try:
            await ask(kit, token)
        except Refused:
            assert time.monotonic() < end, "still closed after the bound"
            await asyncio.sleep(0.005)
        else:
            return


async def test_twenty_apis_refuse_whom_a_directory_deactivates(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    scim = Scim(server)
    path, token = provisioned(server, scim), a_key(server)
    async with AsyncExitStack() as stack:
        kits = [await stack.enter_async_context(following(server)) for _ in range(20)]
        await asyncio.gather(*(ask(kit, token) for kit in kits))
        requests = introspections(server, monkeypatch)
        for active in (False, True):
            wait = allowed if active else refusal
            operation = {"op": "replace", "path": "active", "value": active}
            answer = await asyncio.to_thread(scim.patch, path, operation)
            assert answer.status_code == 200, answer.text
            await asyncio.gather(*(wait(kit, token) for kit in kits))
    assert requests == []
