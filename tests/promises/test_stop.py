"""R17: a server that is told to stop (SIGTERM) finishes what it has begun.

No reply is cut, and nothing was done of which nobody was told.
"""

import asyncio
import base64
import contextlib
import random
from pathlib import Path
from statistics import quantiles
from typing import Final

import msgspec
import pytest
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import database, with_store
from tests.promises.ledger import Violation
from tests.promises.pageapp import signed_in
from tests.promises.process import Process, running
from tests.promises.wire import Connection, Cut

from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One
from valetkey.server.store.port import Store

DEVICES: Final = 12
STOPS: Final[dict[Budget, int]] = {"short": 3, "long": 50}
LIMIT: Final = 5.0
"""Seconds in which it ends."""


class Device(msgspec.Struct):
    """Refreshes for ever. `told` counts the successors that it has got; `silent` where it heard
    neither yes nor no, as a busy machine may say."""

    node: Connection
    tokens: dict[str, str]
    told: int = 0
    cut: int = 0
    silent: bool = False

    async def go_on(self) -> None:
        """Refreshes until the server is gone; on a connection that is kept, or a new one."""
        try:
            while True:
                reply = await self.node.ask(pageapp.refresh(self.tokens["refresh_token"]))
                if reply.status == 503:
                    self.silent = True
                    return
                if reply.status != 200:
                    raise Violation(f"a refresh was answered by {reply}")
                self.tokens = reply.document
                self.told += 1
                if self.told % 3 == 0:
                    await self.node.close()
        except Cut as end:
            self.cut += end.begun
        except OSError:
            pass  # Nobody listens any more.
        finally:
            await self.node.close()

    @property
    def family(self) -> str:
        """The family's id, as the access token names it."""
        body = self.tokens["access_token"].split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=="))
        return str(claims["family_id"])


async def _connected(node: Process) -> list[Device]:
    app = signed_in(node.url)
    async with contextlib.aclosing(Connection(node.port)) as connection:
        tokens = [await pageapp.connect(app, connection) for _ in range(DEVICES)]
    return [Device(Connection(node.port), one) for one in tokens]


async def _stopped(node: Process, devices: list[Device], after: float) -> float:
    """How long it took to end, under the load of all devices."""
    going = [asyncio.create_task(one.go_on()) for one in devices]
    await asyncio.sleep(after)
    took = await asyncio.to_thread(node.stop)
    await asyncio.gather(*going)
    return took


def _check(address: str, devices: list[Device]) -> None:
    """Raises Violation for a cut reply, and for a refresh of which nobody was told."""

    async def generations(store: Store) -> list[int]:
        wants = [One(TokenFamily, one.family) for one in devices]
        found = [(await store.read(want)).one(want) for want in wants]
        return [-1 if family is None else family.generation for family in found]

    if cut := sum(one.cut for one in devices):
        raise Violation(f"{cut} replies were cut")
    lost = sum(
        done != one.told and not one.silent
        for done, one in zip(with_store(address, generations), devices, strict=True)
    )
    if lost:
        raise Violation(f"{lost} refreshes were done of which nobody was told")


def _run(node: Process, address: str, *, stops: int) -> list[float]:
    chance = random.Random(17)
    waits = []

    async def stopping() -> tuple[list[Device], float]:
        devices = await _connected(node)
        return devices, await _stopped(node, devices, chance.uniform(0.2, 0.6))

    for _ in range(stops):
        with running([node]):
            devices, took = asyncio.run(stopping())
        _check(address, devices)
        waits.append(took)
    return waits


@pytest.mark.slow
def test_nobody_is_cut_off(tmp_path: Path, budget: Budget, figure: Figure) -> None:
    with database("sqlite", tmp_path) as address:
        waits = _run(Process(tmp_path, address), address, stops=STOPS[budget])
    figure("stops", len(waits))
    figure("seconds to the end, p95", round(quantiles(waits, n=20)[-1], 2))
    # The short budget shares its machine with other tests.
    assert budget == "short" or max(waits) <= LIMIT


@pytest.mark.slow
@pytest.mark.sensitivity
def test_an_abrupt_end_is_noticed(tmp_path: Path, figure: Figure) -> None:
    with database("sqlite", tmp_path) as address, pytest.raises(Violation) as found:
        _run(Process(tmp_path, address, broken="ends-abruptly"), address, stops=STOPS["long"])
    figure("the checker said", str(found.value))
