"""A running server for the SDK, and a key to it."""

from collections.abc import Iterator

import msgspec
import pytest
from tests.client.person import app
from tests.live import Live, live

from valetkey.client import Key, MemoryStore
from valetkey.server.model.change import Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("sdk")) as running:
        yield running


@pytest.fixture
def no_grants(server: Live) -> None:
    """Each test begins with a user who has said yes to nothing."""

    async def stop_all() -> None:
        grants = Many(Grant)
        found = (await server.store.read(grants)).many(grants)
        stopped = [msgspec.structs.replace(grant, status="stopped") for grant in found]
        await server.store.commit([Update(grant) for grant in stopped])

    server.run(stop_all())


@pytest.fixture
def key(server: Live, no_grants: None) -> Iterator[Key]:
    one = Key(app(server), MemoryStore())
    yield one
    one.close()
