"""R10 with Patroni and etcd: the leader and all of its PostgreSQL die under load, Patroni promotes
the synchronous standby, and nothing acknowledged is lost."""

import time
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill, names
from tests.promises.game import UNHURRIED, Game, Players, game
from tests.promises.patroni import MISSING, Member, patroni
from tests.promises.process import nodes

FAILOVERS: Final = 20
ACTORS: Final = 5
MOST: Final = 40
"""Acknowledgements before a leader dies, at the most."""

BACK: Final = 30.0
"""Seconds from its death until every node is ready again."""


def _fail_over(now: Game, leader: Member) -> float:
    died = 0.0

    def strike() -> None:
        nonlocal died
        died = time.monotonic()
        leader.kill()

    now.play(strike, most=MOST)
    for node in now.nodes:
        node.ready()
    return time.monotonic() - died


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "it is there")
def test_nothing_is_lost_with_patroni(tmp_path: Path, budget: Budget, figure: Figure) -> None:
    if budget == "short":
        pytest.skip("a leader's lease alone is 20 s: only in the long budget")
    waits = []
    with patroni() as cluster:
        fill(cluster.url, names(ACTORS))
        both = nodes(tmp_path, cluster.url, 2, **UNHURRIED)
        with game(both, tmp_path, Players(ACTORS, seed=0)) as now:
            for _ in range(FAILOVERS):
                leader = cluster.whole()
                waits.append(_fail_over(now, leader))
                now.check()
                leader.start()
                print(f"failover {len(waits)}: {waits[-1]:.1f} s", flush=True)
            now.finish()
        acknowledged = now.ledger.acknowledged
    figure("failovers", len(waits))
    figure("acknowledged", acknowledged)
    figure("seconds to ready, p95", round(quantiles(waits, n=20)[-1], 1))
    figure("seconds to ready, at most", round(max(waits), 1))
    assert max(waits) <= BACK
