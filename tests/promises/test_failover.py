"""R10: a primary dies under load, the standby takes over, and nothing acknowledged is lost.

Replication is synchronous, so the standby has what was acknowledged. A primary that comes back
from the dead waits in vain for its standby, and acknowledges nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from typing import Final, TypeVar

import msgspec
import pytest
from tests.postgres import MISSING
from tests.promises import trouble
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill, names
from tests.promises.game import UNHURRIED, Game, Players, game
from tests.promises.ledger import Violation
from tests.promises.process import nodes
from tests.promises.replicated import Pair, pair
from tests.server.store.samples import user
from tests.server.store.steps import kept, put

from valetkey.server.model.change import Update
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import Unavailable
from valetkey.server.store.postgres import PostgresStore
from valetkey.server.store.postgres.connections import Connections

FAILOVERS: Final[dict[Budget, int]] = {"short": 2, "long": 20}
ACTORS: Final = 5
MOST: Final = 40
"""Acknowledgements before a primary dies, at the most."""

BACK: Final = 10.0
"""Seconds from its death until every node is ready again."""

SOMEBODY: Final = user("somebody")

T = TypeVar("T")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there"),
]


def _fail_over(now: Game, both: Pair) -> float:
    """The primary dies in the moment of an acknowledgement; seconds until all nodes are ready."""
    died = 0.0

    def strike() -> None:
        nonlocal died
        died = time.monotonic()
        trouble.kill(both.primary)

    now.play(strike, most=MOST)
    both.turn()
    for node in now.nodes:
        node.ready()
    return time.monotonic() - died


def test_nothing_is_lost(tmp_path: Path, budget: Budget, figure: Figure) -> None:
    waits = []
    with pair() as both:
        fill(both.url, names(ACTORS))
        with game(
            nodes(tmp_path, both.url, 2, **UNHURRIED), tmp_path, Players(ACTORS, seed=0)
        ) as now:
            for _ in range(FAILOVERS[budget]):
                waits.append(_fail_over(now, both))
                now.check()
                both.attach()
            now.finish()
        acknowledged = now.ledger.acknowledged
    figure("failovers", len(waits))
    figure("acknowledged", acknowledged)
    figure("seconds to ready, p95", round(quantiles(waits, n=20)[-1], 2))
    assert budget == "short" or max(waits) <= BACK


@pytest.mark.sensitivity
def test_replication_that_nobody_waits_for_is_noticed(tmp_path: Path, figure: Figure) -> None:
    with pair(synchronous=False) as both:
        fill(both.url, names(ACTORS))
        with game(
            nodes(tmp_path, both.url, 2, **UNHURRIED), tmp_path, Players(ACTORS, seed=0)
        ) as now:
            trouble.halt(int(both.primary.sql("SELECT pid FROM pg_stat_replication")))
            _fail_over(now, both)
            with pytest.raises(Violation) as found:
                now.check()
    figure("the checker said", str(found.value))


def test_the_old_primary_accepts_nothing(tmp_path: Path, budget: Budget, figure: Figure) -> None:
    with pair() as both:
        fill(both.url, names(ACTORS))
        with game(
            nodes(tmp_path, both.url, 2, **UNHURRIED), tmp_path, Players(ACTORS, seed=0)
        ) as now:
            before = both.primary
            now.play(lambda: trouble.freeze(before), most=MOST)
            both.turn()
            for node in now.nodes:
                node.ready()
            trouble.thaw(before)
            since = time.monotonic()
            now.check()
            took = time.monotonic() - since
            figure("seconds to all is well", round(took, 2))
            assert budget == "short" or took <= BACK
            now.play(lambda: None, most=MOST)
            now.finish()
            events = [int(one.sql("SELECT count(*) FROM events")) for one in (before, both.primary)]
    figure("events on the old primary, and on the new one", events)


async def _read_after_the_resurrection(both: Pair) -> int:
    """Which version of a record a node reads that was idle while its primary was replaced. The
    record was changed by another node meanwhile."""
    at = PostgresURL(both.url)
    busy, idle = await PostgresStore.open(at), await PostgresStore.open(at)
    try:
        await put(busy, SOMEBODY)
        assert await kept(idle, SOMEBODY)
        old = both.primary
        await asyncio.to_thread(trouble.freeze, old)
        await asyncio.to_thread(both.turn)
        changed = Update(msgspec.structs.replace(SOMEBODY, version=1))
        await _answered(lambda: busy.commit([changed]))
        await asyncio.sleep(1)
        await asyncio.to_thread(trouble.thaw, old)
        found = await _answered(lambda: kept(idle, SOMEBODY))
        assert found
        return found.version
    finally:
        for store in (busy, idle):
            await store.close()


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """The first answer: that the database does not answer is none, and allowed for a while."""
    until = time.monotonic() + BACK
    while True:
        try:
            return await ask()
        except Unavailable:
            assert time.monotonic() < until


def test_an_idle_node_reads_nothing_of_the_old_primary() -> None:
    with pair() as both:
        assert asyncio.run(_read_after_the_resurrection(both)) == 2


@pytest.mark.sensitivity
def test_a_node_that_trusts_its_connection_is_noticed(
    monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    async def trusting(*_: object, **__: object) -> None:
        return

    monkeypatch.setattr(Connections, "_be_sure", trusting)
    with pair() as both:
        version = asyncio.run(_read_after_the_resurrection(both))
    assert version == 1
    figure("the checker said", "an idle node reads what was changed since")
