"""R01: no acknowledged sign-in, consent, token, revocation, downgrade or stop is lost by `kill -9`.

Two nodes of two workers each share one database. A worker, all workers of a node, a node or both
are killed while everybody asks; they come back, and everything is compared with the ledger, by the
node that was not asked before. R02 is the time from the kill of a whole node to the first 200 of
`/readyz`.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import msgspec
import pytest
from tests.promises.conftest import Budget, Figure, Piece
from tests.promises.furnished import database, names
from tests.promises.game import UNHURRIED, Game, Players, game
from tests.promises.ledger import Violation
from tests.promises.process import Process, nodes

READY: Final = {"sqlite": 2.0, "postgres": 3.0}
"""Seconds within which 95 of 100 starts are ready again."""


WORKERS: Final = 2


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a game is; `most` acknowledgements come before each kill, at the most, and half as
    many at the least. Ten kills are one of each kind (see `_struck`)."""

    games: int = 1
    kills: int = 10
    actors: int = 5
    most: int = 40


SIZES: Final[dict[Budget, Size]] = {
    "short": Size(),
    "long": Size(games=5, kills=40, actors=40, most=400),
}


class Struck:
    """What is killed: whole nodes, or some workers of one node. Whoever watches over a node starts
    it again at once, while its callers still wait for answers."""

    def __init__(self, nodes: Sequence[Process], workers: int = 0) -> None:
        self.nodes, self.workers = nodes, workers
        self._pool = ThreadPoolExecutor(len(nodes))
        self._back: list[Future[float]] = []

    def strike(self) -> None:
        """`kill -9`."""
        for one in self.nodes:
            if self.workers:
                one.kill_workers(self.workers)
            else:
                one.kill()
        if not self.workers:
            self._back = [self._pool.submit(_restarted, one) for one in self.nodes]

    def ready(self) -> list[float]:
        """The seconds until each node that was killed as a whole was ready again."""
        self._pool.shutdown()
        if self.workers:
            for one in self.nodes:
                one.replaced()
        return [one.result() for one in self._back]


def _restarted(node: Process) -> float:
    node.buried()
    node.start()
    return node.ready()


def _struck(both: Sequence[Process], number: int) -> Struck:
    """Mostly one worker, of one node and the other in turns; now and then all workers of a node, a
    whole node, or both."""
    one = both[number % 2 :][:1]
    match number % 10:
        case 9:
            return Struck(both)
        case 4 | 7:
            return Struck(one)
        case 2:
            return Struck(one, WORKERS)
        case _:
            return Struck(one, 1)


def _play(now: Game, size: Size) -> list[float]:
    """The seconds to ready after each kill of a whole node. Raises Violation."""
    waits = []
    for number in range(size.kills):
        struck = _struck(now.nodes, number)
        now.play(struck.strike, most=size.most)
        waits += struck.ready()
        now.check()
    return waits


@pytest.mark.slow
def test_nothing_acknowledged_is_lost(
    kind: str, budget: Budget, piece: Piece, tmp_path: Path, figure: Figure
) -> None:
    size, waits, acknowledged = SIZES[budget], list[float](), 0
    games = piece.members(size.games)
    for seed in games:
        folder = tmp_path / str(seed)
        folder.mkdir()
        with (
            database(kind, folder, names(size.actors)) as address,
            game(
                nodes(folder, address, 2, workers=str(WORKERS), **UNHURRIED),
                folder,
                Players(size.actors, seed=seed),
            ) as now,
        ):
            waits += _play(now, size)
            now.finish()
            acknowledged += now.ledger.acknowledged
    p95 = quantiles(waits, n=20)[-1]
    figure("kills", len(games) * size.kills)
    figure("acknowledged", acknowledged)
    figure("seconds to ready, p95", round(p95, 2))
    # The short budget shares its machine with other tests.
    assert budget == "short" or p95 <= READY[kind]


@pytest.mark.slow
@pytest.mark.sensitivity
def test_an_answer_before_its_commit_is_noticed(kind: str, tmp_path: Path, figure: Any) -> None:
    size = Size(kills=20)
    with (
        database(kind, tmp_path, names(size.actors)) as address,
        game(
            nodes(
                tmp_path,
                address,
                2,
                broken="answers-before-commit",
                workers=str(WORKERS),
                **UNHURRIED,
            ),
            tmp_path,
            Players(size.actors, seed=0),
        ) as now,
        pytest.raises(Violation) as found,
    ):
        _play(now, size)
    figure("the checker said", str(found.value))
