"""R01: no acknowledged sign-in, consent, token, revocation, downgrade or stop is lost by `kill -9`.

Some users and their apps ask at once. In the very moment in which the chosen acknowledgement has
arrived the server is killed, so that other requests are in flight; it starts again on the same
database, and everything is compared with the ledger. `--budget long` plays more games.
"""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import pytest
from tests.installation import furnish
from tests.promises.actor import Actor
from tests.promises.ledger import Ledger
from tests.promises.process import Process

from valetkey.accounts import password
from valetkey.model import ids
from valetkey.model.change import Create
from valetkey.model.env import Env
from valetkey.model.secret import Secret
from valetkey.model.user import User
from valetkey.store.sqlite import SQLiteStore

KILLS: Final = 20
ACTORS: Final = 5
ACKNOWLEDGED: Final = 60
"""Acknowledgements after which the server is killed, whatever they were of."""

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
"""What was acknowledged last when the server is killed, in turns."""

WORD: Final = "one password will do"
NAMES: Final = tuple(f"user{number}" for number in range(ACTORS))


async def _prepare(database: Path) -> None:
    store = SQLiteStore(database)
    await furnish(store)
    env = Env(int(time.time()), os.urandom)
    kept = password.keep(Secret(WORD), salt=os.urandom(16))
    users = [
        User(id=ids.user_id(env), username=name, password=kept, created=env.now, changed=env.now)
        for name in NAMES
    ]
    await store.commit([Create(user) for user in users])
    await store.close()


class Life:
    """One life of the server, which ends by the acknowledgement of something."""

    def __init__(self, process: Process, last: str, *, count: int) -> None:
        self._process, self.last = process, last
        self._left = itertools.count(count, -1)
        self._any_left = itertools.count(ACKNOWLEDGED, -1)
        self._lock = threading.Lock()
        self.over = threading.Event()

    def heard(self, what: str) -> None:
        """Counts an acknowledgement, and kills the server at the last one."""
        with self._lock:
            chosen = what == self.last and next(self._left) <= 1
            if chosen or next(self._any_left) <= 1:
                self.over.set()
                self._process.kill()

    def live(self, actor: Actor) -> None:
        """Lets the actor ask for one thing after the other, until the server is gone."""
        try:
            while not self.over.is_set():
                actor.act(self.last)
        except httpx2.TransportError:
            if not self.over.is_set():
                raise
        finally:
            self.over.set()


class Game(msgspec.Struct):
    """The server, the actors, and a thread for each."""

    process: Process
    ledger: Ledger
    actors: tuple[Actor, ...]
    pool: ThreadPoolExecutor

    def all(self, do: Callable[[Actor], None]) -> None:
        """Has every actor do something. Raises what one of them raises."""
        list(self.pool.map(do, self.actors))

    def kill_after(self, what: str, *, count: int) -> None:
        """Lets them ask until the server is killed, starts it again, and checks."""
        life = Life(self.process, what, count=count)
        self.ledger.heard = life.heard
        self.all(life.live)
        self.ledger.heard = lambda what: None
        self.process.buried()
        self.process.start()
        self.all(Actor.check)


@pytest.fixture
def game(tmp_path: Path, seed: int) -> Iterator[Game]:
    process, ledger = Process(tmp_path), Ledger(tmp_path / "ledger.jsonl")
    asyncio.run(_prepare(process.database))
    actors = tuple(Actor(name, WORD, url=process.url, ledger=ledger, seed=seed) for name in NAMES)
    process.start()
    with ThreadPoolExecutor(ACTORS) as pool:
        yield Game(process, ledger, actors, pool)
    process.kill()
    process.buried()
    for actor in actors:
        actor.close()
    ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost(game: Game, seed: int) -> None:
    for number in range(KILLS):
        game.kill_after(AFTER[(number + seed) % len(AFTER)], count=1 + number % 3)
    game.all(Actor.finish)
