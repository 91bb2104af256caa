"""ATTACKS A93: strangers bring what no database can hold; whoever is honest gets no error for it,
and as many answers as beside strangers who bring something harmless."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import pytest
from tests.attacks.play import AS_WEB
from tests.attacks.poison import DOORS, PLAIN, VALUES
from tests.installation import SECRETS
from tests.postgres import MISSING
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import database, with_store
from tests.promises.ledger import Violation
from tests.promises.pageapp import PageApp, signed_in
from tests.promises.process import Process, nodes, running
from tests.promises.wire import Connection, post
from tests.server.oauth.clients.apps import SIGNER

from valetkey.server.model.change import Create
from valetkey.server.store.port import Store

SECONDS: Final[dict[Budget, float]] = {"short": 2.0, "long": 10.0}
"""Of one turn."""

TURNS: Final[dict[Budget, int]] = {"short": 2, "long": 12}
"""Each of which is one with poison and one without."""

HONEST: Final = 24
"""Honest connections; as many requests are together at a time."""

STRANGERS: Final = 3
EACH: Final = 20
"""Requests of a stranger, in each second."""

LEAST: Final = 0.9
"""Of the honest answers beside harmless strangers, so many remain. Only the long budget has the
machine to itself."""

LONGEST: Final = 120.0
"""Seconds in which a broken server is found out."""

LONG: Final = {"a number of many digits", "a text without end"}
"""They are as long without poison."""


class Crowd(msgspec.Struct):
    """Who asks at the same time, and the honest answers, each kind for itself."""

    node: Process
    app: PageApp
    told: Counter[tuple[str, int]] = msgspec.field(default_factory=Counter)

    async def turn(self, seconds: float, *, poison: bool) -> float:
        """Honest answers in each second. Raises Violation for one of 5xx."""
        self.told.clear()
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(HONEST):
                group.create_task(self._honest(number, until))
            for number in range(STRANGERS):
                group.create_task(self._stranger(number, until, poison=poison))
        failed = {what: count for what, count in self.told.items() if what[1] >= 500}
        if failed:
            raise Violation(f"answers to honest apps: {failed}")
        return sum(self.told.values()) / seconds

    async def _honest(self, number: int, until: float) -> None:
        connection = Connection(self.node.port)
        tokens = await pageapp.connect(self.app, connection)
        try:
            for step in itertools.count(number):
                if time.monotonic() > until:
                    return
                what = ("pushed", "code", "refreshed", "asked")[step % 4]
                reply = await connection.ask(self._request(what, tokens))
                self.told[what, reply.status] += 1
                if what == "refreshed" and reply.status == 200:
                    tokens = reply.document
        finally:
            await connection.close()

    def _request(self, what: str, tokens: dict[str, str]) -> bytes:
        match what:
            case "pushed":
                return post("/par", AS_WEB.parameters(), basic=("web", SECRETS["web"]))
            case "code":
                return self.app.code_wanted()
            case "refreshed":
                return pageapp.refresh(tokens["refresh_token"])
            case _:
                return pageapp.introspect(tokens["access_token"])

    async def _stranger(self, number: int, until: float, *, poison: bool) -> None:
        connection = Connection(self.node.port)
        every = [*itertools.product(DOORS.values(), VALUES), *((one, "") for one in PLAIN.values())]
        try:
            for door, value in itertools.cycle(every[number::STRANGERS]):
                if time.monotonic() > until:
                    return
                bad = VALUES[value]() if value and (poison or value in LONG) else '"x"'
                if value or poison:
                    await connection.ask(door(self.node.url, bad))
                await asyncio.sleep(1 / EACH)
        finally:
            await connection.close()


@contextlib.contextmanager
def _crowd(kind: str, folder: Path, *, broken: str = "") -> Iterator[Crowd]:
    async def signer(store: Store) -> None:
        await store.commit([Create(SIGNER)])

    with database(kind, folder) as address:
        with_store(address, signer)
        more = {"enable": "registration,signed requests", "registration": "open"}
        with running(nodes(folder, address, 1, broken=broken, **more)) as (node,):
            yield Crowd(node, signed_in(node.url))


async def _compared(crowd: Crowd, budget: Budget) -> float:
    """The rate beside poison, in parts of that beside harmless strangers: the median of turns."""
    await crowd.turn(1.0, poison=True)
    ratios = []
    for _ in range(TURNS[budget]):
        without = await crowd.turn(SECONDS[budget], poison=False)
        ratios.append(await crowd.turn(SECONDS[budget], poison=True) / without)
    return median(ratios)


async def _insisted(crowd: Crowd) -> None:
    """Turn after turn: on a busy machine few requests are together."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        await crowd.turn(SECONDS["short"], poison=True)


@pytest.mark.slow
def test_poison_is_its_bringers_own(
    kind: str, budget: Budget, tmp_path: Path, figure: Figure
) -> None:
    with _crowd(kind, tmp_path) as crowd:
        ratio = asyncio.run(_compared(crowd, budget))
    figure("rate of the honest beside poison", round(ratio, 2))
    assert ratio >= LEAST or budget == "short"


@pytest.mark.slow
@pytest.mark.sensitivity
def test_so_it_is_where_all_of_it_is_read(
    kind: str, budget: Budget, tmp_path: Path, figure: Figure
) -> None:
    """The store alone has to see to it."""
    with _crowd(kind, tmp_path, broken="reads-anything") as crowd:
        ratio = asyncio.run(_compared(crowd, budget))
    figure("rate of the honest beside poison that is read", round(ratio, 2))


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
@pytest.mark.sensitivity
def test_a_batch_that_fails_together_is_noticed(tmp_path: Path, figure: Figure) -> None:
    with (
        _crowd("postgres", tmp_path, broken="fails-together") as crowd,
        pytest.raises(Violation) as found,
    ):
        asyncio.run(_insisted(crowd))
    figure("the checker said", str(found.value))
