"""A game: users and their apps ask several nodes, until something is struck in the very moment in
which a chosen acknowledgement has arrived, so that other requests are in flight."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec
from tests.promises.actor import Actor
from tests.promises.furnished import WORD, names
from tests.promises.guest import SETTINGS
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
    "platform_sign_in",
    "platform_end",
)
"""What was acknowledged last before the strike, in turns."""


PATIENCE: Final = 20.0
"""Seconds in which a server that can answer does, however busy the machine is."""


UNHURRIED: Final = {
    "lifetimes.refresh_window": "300",
    "lifetimes.access_token": "3600",
    **SETTINGS,
}
"""Settings of the nodes: on a busy machine half a minute passes between a reply that was lost and
the look at what came of it."""


class Player(Protocol):
    """Who asks the nodes for one thing after the other."""

    def act(self, wanted: str) -> None:
        """Asks for one thing, rather what is wanted if it can be."""

    def check(self) -> None:
        """Compares what the server does with the ledger. Raises Violation."""

    def finish(self) -> None:
        """Brings all that is over. Raises Violation."""

    def move(self, url: str) -> None:
        """Asks another node from now on."""

    def close(self) -> None:
        """Closes its connections."""


Arrival: TypeAlias = Callable[[int, str, Ledger], Player]
"""Makes a player of a number, the address of a node and the ledger."""


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

    def live(self, actor: Player) -> None:
        """Lets the actor ask for one thing after the other, until it is not answered any more. A
        busy server may leave something unanswered before the strike: then the actor looks first
        what came of it."""
        try:
            while not self.over.is_set():
                try:
                    actor.act(self.last)
                except UNANSWERED:
                    if not self.over.is_set():
                        patiently(actor.check, unless=self.over)
        finally:
            self.over.set()


def patiently(do: Callable[[], None], *, unless: threading.Event | None = None) -> None:
    """Does it again until it is answered. Raises what else it raises; what is unanswered only after
    PATIENCE. It ends early once `unless` is set."""
    until = time.monotonic() + PATIENCE
    while not (unless and unless.is_set()):
        try:
            do()
        except UNANSWERED:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


class Game(msgspec.Struct):
    """The nodes, the actors, and a thread for each."""

    nodes: tuple[Process, ...]
    ledger: Ledger
    actors: tuple[Player, ...]
    pool: ThreadPoolExecutor
    round: int = 0
    after: Sequence[str] = AFTER

    def all(self, do: Callable[[Player], None]) -> None:
        """Has every actor do something, and waits for all. Raises what one of them raises."""
        begun = [self.pool.submit(do, actor) for actor in self.actors]
        wait(begun)
        for one in begun:
            one.result()

    def play(self, strike: Callable[[], None], *, most: int) -> None:
        """Lets them ask until the strike. Afterwards each asks another node than before."""
        life = Life(strike, self.after[self.round % len(self.after)], most=most)
        self.ledger.heard = life.heard
        self.all(life.live)
        self.ledger.heard = lambda what: None
        self.round += 1
        for number, actor in enumerate(self.actors):
            actor.move(self._node(number).url)

    def check(self) -> None:
        """Compares everything with the ledger. An answer of 503 is asked for again."""
        self.all(lambda actor: patiently(actor.check))

    def finish(self) -> None:
        """Brings all that is over, as a thief would."""
        self.all(lambda actor: patiently(actor.finish))

    def _node(self, number: int) -> Process:
        return self.nodes[(number + self.round) % len(self.nodes)]


class Players(msgspec.Struct, frozen=True):
    """How many come, and who; by default users and their apps. `after` are the acts whose
    acknowledgement a strike waits for, in turns."""

    count: int
    seed: int = 0
    arrive: Arrival | None = None
    after: Sequence[str] = AFTER


def _actor(seed: int) -> Arrival:
    def arrive(number: int, url: str, ledger: Ledger) -> Player:
        return Actor(names(number + 1)[-1], WORD, url=url, ledger=ledger, seed=seed)

    return arrive


@contextlib.contextmanager
def game(nodes: Sequence[Process], folder: Path, players: Players) -> Iterator[Game]:
    """Starts the nodes, and lets the players come."""
    ledger, count, seed = Ledger(folder / "ledger.jsonl"), players.count, players.seed
    arrive = players.arrive or _actor(seed)
    people = tuple(arrive(one, nodes[one % len(nodes)].url, ledger) for one in range(count))
    try:
        with running(nodes), ThreadPoolExecutor(count) as pool:
            yield Game(tuple(nodes), ledger, people, pool, seed, players.after)
    finally:
        for person in people:
            person.close()
        ledger.close()
