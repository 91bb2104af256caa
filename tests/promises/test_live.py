"""R08: what is taken away opens nothing at an API that follows the change log, once the bound has
passed: though the way is cut, holds things up or carries them late, though the follower or the
server dies, or the database fails over.

A change is acknowledged; APIs call all the while. A call that begins after the bound, and is let
in, is a violation.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.postgres import MISSING, cluster
from tests.promises import process, trouble
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill
from tests.promises.ledger import Violation
from tests.promises.process import Process
from tests.promises.replicated import Pair, pair
from tests.promises.way import DELAY, Mood, Way, way
from tests.rows import row

from valetkey.jose import base64url, jwt
from valetkey.resource import Refused, ResourceServer, Unreachable
from valetkey.resource.follower import Reading
from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import read_database
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.server.store.port import Store, Unavailable
from valetkey.wire import access_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.change_log import Piece

pytestmark = pytest.mark.anyio

BOUND: Final = 1.0
AFTER: Final = 1.5
"""Seconds for which they go on calling after the bound."""

APIS: Final = 4
ROUNDS: Final[dict[Budget, int]] = {"short": 1, "long": 40}
SOON: Final = 30.0
"""Seconds in which everything is open again, on a busy machine."""


class Api:
    """Calls with one token, all the time; keeps when the calls that were let in began."""

    def __init__(self, issuer: str, token: str, *, pause: float = 0.01) -> None:
        self._issuer, self._header = issuer, f"Bearer {token}"
        self._pause = pause
        self.kit = self._made()
        self.open: list[float] = []
        self.refused = self.unknown = 0
        self._calling = asyncio.create_task(self._call())

    async def restart(self) -> None:
        """Forgets all that it knows."""
        before, self.kit = self.kit, self._made()
        await before.close()

    async def end(self) -> None:
        """Calls no longer."""
        self._calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._calling
        await self.kit.close()

    def _made(self) -> ResourceServer:
        kit = ResourceServer(
            issuer=self._issuer,
            catalog=CHIRP_CATALOG,
            credentials=("chirp", SECRETS["chirp"]),
            live="follow",
            max_staleness=BOUND,
        )
        kit.start()
        return kit

    async def _call(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.kit.verify(self._header, needs=("chirps.write",))
                self.open.append(began)
            except Refused:
                self.refused += 1
            except Unreachable:
                self.unknown += 1
            await asyncio.sleep(self._pause)


class Scene:
    """A server, the way to it, the APIs at its other end, and the grant in the database."""

    def __init__(
        self, node: Process, road: Way, store: Store, *, grant: Grant, token: str, apis: int = APIS
    ) -> None:
        self.node, self.way, self.store = node, road, store
        self.grant = grant
        self.apis = [Api(node.issuer, token, pause=apis / 400) for _ in range(apis)]

    async def change(self, status: str) -> float:
        """Changes the grant; when that was acknowledged."""
        changed = replace(self.grant, status=status)
        until = time.monotonic() + SOON
        while True:
            try:
                await self.store.commit([Update(changed)])
                break
            except Unavailable:
                assert time.monotonic() < until
                await asyncio.sleep(0.05)
        self.grant = replace(changed, version=changed.version + 1)
        return time.monotonic()

    async def all_open(self) -> None:
        """Waits until every API lets calls in."""
        since, until = time.monotonic(), time.monotonic() + SOON
        while not all(one.open and one.open[-1] > since for one in self.apis):
            assert time.monotonic() < until, self.node.log()
            await asyncio.sleep(0.02)


Fault: TypeAlias = Callable[[Scene], Awaitable[object]]


async def _nothing(scene: Scene) -> None:
    """All is well."""


async def _killed(scene: Scene) -> None:
    scene.node.kill()
    await asyncio.to_thread(scene.node.buried)


async def _started(scene: Scene) -> None:
    await asyncio.to_thread(scene.node.start)
    await asyncio.to_thread(scene.node.ready)


async def _restarted(scene: Scene) -> None:
    await asyncio.gather(*(one.restart() for one in scene.apis))


async def _cut_and_back(scene: Scene) -> None:
    scene.way.be("cut")
    await asyncio.sleep(0.1)
    scene.way.be("passes")


def _be(mood: str) -> Fault:
    async def be(scene: Scene) -> None:
        scene.way.be(mood)  # type: ignore[arg-type]

    return be


FAULTS: Final = [
    row("R08", "nothing goes wrong", _nothing, _nothing),
    row("R08", "the way is cut", _be("cut"), _be("passes")),
    row("R08", "the way is cut for a moment", _cut_and_back, _nothing),
    row("R08", "the way holds things up", _be("holds"), _be("passes")),
    row("R08", "the way carries things late", _be("late"), _be("passes")),
    row("R08", "the followers are restarted", _restarted, _nothing),
    row("R08", "the server is killed", _killed, _started),
]


async def _written(store: Store, node: Process) -> tuple[Grant, str]:
    """A grant in the database, and a token of it."""
    env = Env(int(time.time()), os.urandom)
    user = User(id=ids.user_id(env), username="somebody", created=env.now)
    grant = Grant(
        id=ids.owned_id(env, owner=user.id),
        user=user.id,
        client="stefapp",
        permissions=("chirps.read", "chirps.write"),
        created=env.now,
        changed=env.now,
    )
    family = TokenFamily(
        id=ids.owned_id(env, owner=user.id),
        grant=grant.id,
        user=user.id,
        client="stefapp",
        created=env.now,
        used=env.now,
        expires=env.now + 86400,
    )
    await store.commit([Create(one) for one in (user, grant, family)])
    master = base64url.decode(process._MASTER)
    keyring = open_keys(await read_keys(store), master, now=env.now)
    token = AccessToken(
        iss=node.issuer,
        sub=user.id,
        aud=(CHIRP,),
        client_id="stefapp",
        jti="one",
        scope="chirps.read chirps.write",
        iat=env.now,
        exp=env.now + 3600,
        grant_id=grant.id,
        grant_version=1,
        family_id=family.id,
    )
    signed = jwt.sign(token, key=keyring.signing["ES256"], typ=access_token.TYPE)
    return replace(grant, version=1), signed


@contextlib.asynccontextmanager
async def scene(
    folder: Path, address: str, *, by: str = "", apis: int = APIS
) -> AsyncIterator[Scene]:
    """All of it, running. `by` is the address by which the node finds the database, where that is
    another one."""
    await asyncio.to_thread(fill, address)
    async with way() as road:
        node = Process(folder, by or address, issuer=f"http://127.0.0.1:{road.port}")
        road.target = node.port
        try:
            await asyncio.to_thread(node.start)
            await asyncio.to_thread(node.ready)
            store = await open_store(read_database(address))
            grant, token = await _written(store, node)
            made = Scene(node, road, store, grant=grant, token=token, apis=apis)
            yield made
            await asyncio.gather(*(one.end() for one in made.apis))
            await store.close()
        finally:
            node.end()


async def _round(now: Scene, begins: Fault, ends: Fault) -> list[float]:
    """Seconds after the acknowledgement at which each API let its last call in. Raises Violation
    for one after the bound."""
    await now.all_open()
    await begins(now)
    for one in now.apis:
        one.open.clear()
    acknowledged = await now.change("paused")
    await asyncio.sleep(BOUND + AFTER)
    last = [max((began - acknowledged for began in one.open), default=0.0) for one in now.apis]
    await ends(now)
    await now.change("active")
    if max(last) > BOUND:
        raise Violation(f"let in {max(last):.2f} s after what opened it was taken away")
    return last


@pytest.mark.parametrize("begins,ends", FAULTS)
async def test_nothing_opens_after_the_bound(
    tmp_path: Path, budget: Budget, figure: Figure, *, begins: Fault, ends: Fault
) -> None:
    seen: list[float] = []
    async with scene(tmp_path, str(tmp_path / "valetkey.db")) as now:
        for _ in range(ROUNDS[budget]):
            seen += await _round(now, begins, ends)
        await now.all_open()
    figure("seconds after the acknowledgement, the last call let in", round(max(seen), 3))


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
async def test_a_database_that_fails_over(tmp_path: Path, budget: Budget, figure: Figure) -> None:
    seen: list[float] = []

    def fails(both: Pair) -> None:
        trouble.kill(both.primary)
        both.turn()

    with pair() as both:
        async with scene(tmp_path, both.url) as now:
            for _ in range(ROUNDS[budget]):
                seen += await _round(
                    now,
                    lambda _: asyncio.to_thread(fails, both),
                    lambda _: asyncio.to_thread(both.attach),
                )
            await now.all_open()
    figure("seconds after the acknowledgement, the last call let in", round(max(seen), 3))


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
async def test_a_node_that_is_parted_from_its_database(
    tmp_path: Path, budget: Budget, figure: Figure
) -> None:
    """What is committed by another node, it cannot know; nor may who follows it go on for long."""
    seen: list[float] = []
    with cluster() as database:
        async with way() as wire:
            wire.target = database.port
            by = str(database.url).replace(f":{database.port}/", f":{wire.port}/")
            async with scene(tmp_path, str(database.url), by=by) as now:
                for mood in ("cut", "holds", "late") * ROUNDS[budget]:
                    seen += await _round(
                        now,
                        lambda _, mood=mood: _turned(wire, mood),  # type: ignore[misc]
                        lambda _: _turned(wire, "passes"),
                    )
                await now.all_open()
    figure("seconds after the acknowledgement, the last call let in", round(max(seen), 3))


async def _turned(wire: Way, mood: Mood) -> None:
    wire.be(mood)


@pytest.mark.sensitivity
async def test_a_follower_that_trusts_the_moment_of_arrival_is_noticed(
    tmp_path: Path, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Reading.take

    def trusting(self: Reading, piece: Piece, asked: float) -> bool:
        ended = whole(self, piece, asked)
        self.as_of = time.monotonic()
        return ended

    monkeypatch.setattr(Reading, "take", trusting)

    async def late(now: Scene) -> None:
        now.way.be("late")
        await asyncio.sleep(2 * DELAY)  # From then on something comes all the time, late.

    async def rounds(now: Scene) -> None:
        for _ in range(5):
            await _round(now, late, _be("passes"))

    async with scene(tmp_path, str(tmp_path / "valetkey.db")) as now:
        with pytest.raises(Violation) as found:
            await rounds(now)
    figure("the checker said", str(found.value))
