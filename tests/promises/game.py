"""A game: users and their apps ask several nodes, until something is struck in the very moment in
which a chosen acknowledgement has arrived, so that other requests are in flight."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
from tests.promises.actor import Actor
from tests.promises.furnished import WORD, names
from tests.promises.ledger import UNANSWERED, Ledger
from tests.promises.process import Process, running

AFTER: Final = (
    "sign_in",
    "consent",
    "exchange",
    "refresh",
    "revoke",
    "downgrade",
    "stop",
    "replay",
    "pause",
    "resume",
    "sign_out",
)
"""What was acknowledged last before the strike, in turns."""


class Life:
    """The time until a strike. It comes with an acknowledgement of `last`, once there were half of
    `most` of anything; with the last of `most` in any case."""

    def __init__(self, strike: Callable[[], None], last: str, *, most: int) -> None:
        self._strike, self.last = strike, last
        self._most = most
        self._heard = itertools.count(1)
        self._lock = threading.Lock()
        self.over = threading.Event()

    def heard(self, what: str) -> None:
        """Counts an acknowledgement, and strikes at the last one."""
        with self._lock:
            if self.over.is_set():
                return
            number = next(self._heard)
            if number >= self._most or (what == self.last and 2 * number >= self._most):
                self.over.set()
                self._strike()

    def live(self, actor: Actor) -> None:
        """Lets the actor ask for one thing after the other, until it is not answered."""
        try:
            while not self.over.is_set():
                actor.act(self.last)
        except UNANSWERED:
            if not self.over.is_set():
                raise
        finally:
            self.over.set()


class Game(msgspec.Struct):
    """The nodes, the actors, and a thread for each."""

    nodes: tuple[Process, ...]
    ledger: Ledger
    actors: tuple[Actor, ...]
    pool: ThreadPoolExecutor
    round: int = 0

    def all(self, do: Callable[[Actor], None]) -> None:
        """Has every actor do something. Raises what one of them raises."""
        list(self.pool.map(do, self.actors))

    def play(self, strike: Callable[[], None], *, most: int) -> None:
        """Lets them ask until the strike. Afterwards each asks another node than before."""
        life = Life(strike, AFTER[self.round % len(AFTER)], most=most)
        self.ledger.heard = life.heard
        self.all(life.live)
        self.ledger.heard = lambda what: None
        self.round += 1
        for number, actor in enumerate(self.actors):
            actor.move(self._node(number).url)

    def check(self) -> None:
        """Compares everything with the ledger."""
        self.all(Actor.check)

    def finish(self) -> None:
        """Brings all that is over, as a thief would."""
        self.all(Actor.finish)

    def _node(self, number: int) -> Process:
        return self.nodes[(number + self.round) % len(self.nodes)]


@contextlib.contextmanager
def game(nodes: Sequence[Process], folder: Path, *, actors: int, seed: int) -> Iterator[Game]:
    """Starts the nodes, and lets the actors come."""
    ledger = Ledger(folder / "ledger.jsonl")
    people = tuple(
        Actor(name, WORD, url=nodes[number % len(nodes)].url, ledger=ledger, seed=seed)
        for number, name in enumerate(names(actors))
    )
    try:
        with running(nodes), ThreadPoolExecutor(actors) as pool:
            yield Game(tuple(nodes), ledger, people, pool, seed)
    finally:
        for person in people:
            person.close()
        ledger.close()
