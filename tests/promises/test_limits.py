"""A limit that the user sets is never passed: many API nodes, one budget, `kill -9` of random ones.

Each node is a process with the kit, which leases from the running server and notes each use that is
let through. Nodes die at any moment and others take their place; the server dies as well. At the
end there are never more notes than the budget. What the dead had left comes back, where another
process of their machine finds it; where the machine died with them, one lease each is missing.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
import pytest
from tests.installation import SECRETS
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import database, with_store
from tests.promises.process import Process, environment, running
from tests.promises.spender import PERMISSION

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.leasing import SHARE, Allowance
from valetkey.server.model.limits import Bounds, limits
from valetkey.server.model.query import One, OneByAlias
from valetkey.server.model.user import User
from valetkey.server.store.port import Store

Dies = Literal["process", "machine"]
"""What of a node: the machine takes along what was noted there of leases."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """So many nodes spend so many uses while so many are killed; `pace` is the seconds between two
    uses of a worker."""

    nodes: int
    uses: int
    kills: int
    pace: float


SIZES: Final[dict[Budget, Size]] = {
    "short": Size(nodes=4, uses=1_000, kills=6, pace=0.02),
    "long": Size(nodes=8, uses=10_000, kills=60, pace=0.02),
}
SHORT: Final[dict[str, Dies]] = {"sqlite": "process", "postgres": "machine"}
"""What dies in the short budget: all else that is tried is the same."""

MEMORY: Final = "/dev/shm"
"""A folder that is no disk, as the kit's own is."""

SERVER_DIES: Final = 4
"""After every so many kills, the server does too."""


class Crowd:
    """The nodes, and what they note."""

    def __init__(
        self, folder: Path, memory: Path, line: list[str], *, size: Size, dies: Dies
    ) -> None:
        """`memory` is where they note what they have leased."""
        self._folder = folder
        self._memory = memory
        self._dies = dies
        self._line = line
        self._size = size
        self._started = 0
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.killed = 0

    def start(self) -> None:
        """One more node, with a file of its own."""
        self._started += 1
        file = self._folder / f"{self._started}.notes"
        command = [sys.executable, "-m", "tests.promises.spender", *self._line, str(file)]
        env = environment() | {"API_SECRET": SECRETS["chirp"]}
        of = "all" if self._dies == "process" else str(self._started)
        command += [str(self._size.pace), str(self._memory / of)]
        self._nodes.append(subprocess.Popen(command, env=env))

    def kill(self) -> None:
        """`kill -9` of a random one; another takes its place."""
        victim = self._nodes.pop(random.randrange(len(self._nodes)))
        victim.kill()
        victim.wait()
        self.killed += 1
        self.start()

    def end(self) -> None:
        """The others end politely."""
        for node in self._nodes:
            node.terminate()
        for node in self._nodes:
            assert node.wait(60) == 0
        self._nodes = []

    def used(self) -> int:
        """All uses that were ever let through."""
        return sum(one.stat().st_size for one in self._folder.glob("*.notes"))


@contextmanager
def crowd(folder: Path, line: list[str], size: Size, dies: Dies) -> Iterator[Crowd]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        one = Crowd(folder, Path(memory), line, size=size, dies=dies)
        try:
            for _ in range(size.nodes):
                one.start()
            yield one
        finally:
            for node in one._nodes:
                node.kill()
                node.wait()


def key(address: str, uses: int) -> tuple[str, str]:
    """A grant with a limit, and a family of it."""
    env = Env(int(time.time()), random.randbytes)
    made: list[str] = []

    async def given(store: Store) -> None:
        wanted = OneByAlias(User, "miko")
        user = (await store.read(wanted)).one(wanted)
        assert user is not None
        grant = Grant(
            id=ids.owned_id(env, owner=user.id),
            user=user.id,
            client="stefapp",
            permissions=(PERMISSION,),
            limits=limits(permissions={PERMISSION: Bounds(often={"total": uses})}),
            created=env.now,
            changed=env.now,
        )
        family = TokenFamily(
            id=ids.owned_id(env, owner=user.id),
            grant=grant.id,
            user=user.id,
            client="stefapp",
            permissions=(PERMISSION,),
            created=env.now,
            used=env.now,
            expires=env.now + 86400,
        )
        await store.commit([Create(grant), Create(family)])
        made.extend((grant.id, family.id))

    with_store(address, given)
    return made[0], made[1]


def deducted(address: str, grant: str) -> int:
    """What the server has handed out and not got back."""
    found: list[int] = []

    async def read(store: Store) -> None:
        wanted = One(Allowance, f"{grant} {PERMISSION}")
        row = (await store.read(wanted)).one(wanted)
        assert row is not None
        found.append(row.often["total"].used)

    with_store(address, read)
    return found[0]


@pytest.mark.parametrize("dies", get_args(Dies))
def test_a_budget_is_never_passed(
    dies: Dies, kind: str, tmp_path: Path, budget: Budget, figure: Figure
) -> None:
    if budget == "short" and dies != SHORT[kind]:
        pytest.skip("for the long budget")
    size = SIZES[budget]
    with database(kind, tmp_path) as address:
        grant, family = key(address, size.uses)
        server = Process(tmp_path, address)
        line = [server.issuer, grant, family]
        with running([server]), crowd(tmp_path, line, size, dies) as nodes:
            began = time.monotonic()
            share = size.uses // (size.kills + 2)
            while nodes.killed < size.kills and nodes.used() < size.uses * 0.98:
                # Spread over the whole budget, its end included.
                goal = nodes.used() + random.randint(share // 2, share)
                until = time.monotonic() + 3
                while nodes.used() < min(goal, size.uses * 0.98) and time.monotonic() < until:
                    time.sleep(0.01)
                nodes.kill()
                if nodes.killed % SERVER_DIES == 0:
                    server.kill()
                    server.buried()
                    server.start()
                    server.ready()
                assert nodes.used() <= size.uses
            _settled(nodes)
            figure("seconds", round(time.monotonic() - began, 1))
            nodes.end()
            used, out = nodes.used(), deducted(address, grant)
            figure("nodes killed", nodes.killed)
            figure("uses of the budget", f"{used} of {size.uses}")
            figure("stranded by the dead", out - used)
            assert used <= out <= size.uses
            assert nodes.killed >= size.kills // 2
            if dies == "process":
                # A use that was paid for just as its process died, or a lease that was still asked
                # for then: all else came back, and was used by others.
                assert out - used <= nodes.killed
                assert out == size.uses
            else:
                # One lease each, at most; none is more than a share of what was left.
                assert out - used <= nodes.killed * size.uses // SHARE
                assert used >= size.uses * 0.5


def _settled(nodes: Crowd) -> None:
    """Waits until nobody finds anything more."""
    before, since = nodes.used(), time.monotonic()
    while time.monotonic() < since + 8:
        time.sleep(0.2)
        if nodes.used() != before:
            before, since = nodes.used(), time.monotonic()
