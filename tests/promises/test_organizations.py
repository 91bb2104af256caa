"""R08, for the rule of an organization: a permission that it forbids opens nothing at the last of
20 APIs after a second; once it is allowed again, all of them open."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.postgres import MISSING, cluster
from tests.promises.conftest import Figure
from tests.promises.ledger import Violation
from tests.promises.test_live import AFTER, BOUND, Scene, scene
from tests.server.oauth.admin.desk import context

from valetkey.server.audit.recorder import recorded
from valetkey.server.http.organizations import apply_to_members
from valetkey.server.model.change import Change, Create, Stale, Update
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.settle import settle

pytestmark = pytest.mark.anyio

APIS: Final = 20
COLLEAGUES: Final = 200
"""Other members, whose memberships the rule goes through too."""

TRIES: Final = 10


class Runner:
    """Commits the decisions of rules, as the shell of a server does."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def settle(self, rule: Callable[[Context], Rule[Any]]) -> tuple[Any, Context]:
        at = context(int(time.time()))
        return await settle(recorded(self.store), lambda: rule(at)), at


async def put(store: Store, *changes: Change) -> None:
    """Commits them, however busy the database is. They are stale once they are there."""
    for _ in range(TRIES):
        with contextlib.suppress(Unavailable):
            with contextlib.suppress(Stale):
                await store.commit(changes)
            return
    raise Violation("the database was never free")


async def decide(now: Scene, **rule: Any) -> float:
    """Sets the rule of the organization and applies it; when that was acknowledged."""
    query = One(Organization, "acme")
    its = (await now.store.read(query)).one(query)
    assert its is not None
    after = replace(its, rule=OrganizationRule(**rule), revision=its.revision + 1)
    await put(now.store, Update(after))
    for _ in range(TRIES):
        # A 503 is no acknowledgement: the caller sends the rule again.
        with contextlib.suppress(Unavailable):
            await apply_to_members(Runner(now.store), "acme")
            return time.monotonic()
    raise Violation("the rule was never acknowledged")


async def forbid_and_allow(now: Scene) -> tuple[float, float]:
    """Seconds after the acknowledgements: when the last API let its last call in, and when the
    last one let the first one in again. Raises Violation for a call after the bound."""
    at = int(time.time())
    users = (now.grant.user, *(f"colleague {number:04}" for number in range(COLLEAGUES)))
    made = [Organization(id="acme", name="Acme", created=at, changed=at)]
    members = [Membership(organization="acme", user=one, revision=1, created=at) for one in users]
    await put(now.store, *map(Create, made))
    for first in range(0, len(members), 25):
        await put(now.store, *map(Create, members[first : first + 25]))
    await now.all_open()
    for one in now.apis:
        one.open.clear()
    forbidden = await decide(now, forbidden=("chirps.write",))
    await asyncio.sleep(BOUND + AFTER)
    last = max((call - forbidden for one in now.apis for call in one.open), default=0.0)
    if last > BOUND:
        raise Violation(f"let in {last:.2f} s after the organization forbade it")
    for one in now.apis:
        assert one.refused, "an API refused no call"
        one.open.clear()
    allowed = await decide(now)
    await now.all_open()
    return last, max(one.open[0] for one in now.apis) - allowed


def note(figure: Figure, both: tuple[float, float]) -> None:
    figure("seconds after an organization forbade it, the last call let in", round(both[0], 3))
    figure("seconds after it was allowed again, the last of 20 APIs lets in", round(both[1], 3))


async def test_on_sqlite(tmp_path: Path, figure: Figure) -> None:
    async with scene(tmp_path, str(tmp_path / "valetkey.db"), apis=APIS) as now:
        note(figure, await forbid_and_allow(now))


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
async def test_on_postgresql(tmp_path: Path, figure: Figure) -> None:
    with cluster() as database:
        async with scene(tmp_path, str(database.url), apis=APIS) as now:
            note(figure, await forbid_and_allow(now))
