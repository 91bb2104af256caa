"""R06: while the database is out of reach nobody is told anything untrue, and all is well again
without a restart as soon as it is back."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final, Literal, TypeAlias

import msgspec
import pytest
from tests.postgres import MISSING, Cluster, cluster
from tests.promises import pageapp, trouble
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill
from tests.promises.ledger import Violation
from tests.promises.pageapp import PageApp, code_in, signed_in
from tests.promises.process import Process, nodes, running
from tests.promises.wire import Connection, Reply, get

from valetkey.server.endpoints.health import FRESH

Fault: TypeAlias = Literal["locked", "frozen", "stopped", "taken", "apart"]
"""Another process holds the file; PostgreSQL stands still, is not there, has no connection left; a
node and its database are parted."""

SECONDS: Final[dict[Budget, float]] = {"short": 5.0, "long": 60.0}
"""For which the trouble lasts."""

LIMIT: Final[dict[Budget, float]] = {"short": 15.0, "long": 2.0}
"""Seconds in which there is an answer, and in which all is well again afterwards. The short budget
shares its machine with other tests."""

APPS: Final = 4

CONNECTIONS: Final = 20
FEW: Final = {"max_connections": str(CONNECTIONS), "superuser_reserved_connections": "0"}

POSTGRES: Final[dict[Fault, Callable[[Cluster], AbstractContextManager[None]]]] = {
    "frozen": trouble.frozen,
    "stopped": trouble.stopped,
    "taken": partial(trouble.taken, count=CONNECTIONS),
}


class Asked(msgspec.Struct, frozen=True):
    """One thing that is asked again and again. `reads`: a locked file still answers it. `public`:
    it is answered whatever happens. `late`: for so many seconds it may not have noticed."""

    name: str
    request: bytes
    reads: bool = False
    public: bool = False
    late: float = 0.0


class Outage(msgspec.Struct):
    """Asks while there is trouble, and keeps how long each answer took."""

    nodes: tuple[Process, ...]
    fault: Fault
    limit: float
    waits: list[float] = []

    async def insist(self, at: Process, what: Asked, *, until: float) -> None:
        """Asks until then. Raises Violation for an answer that is late or untrue."""
        node, began = Connection(at.port, at.host), time.monotonic()
        try:
            while time.monotonic() < until:
                since = time.monotonic()
                reply = await node.ask(what.request)
                self.waits.append(time.monotonic() - since)
                if reply.status != 200 or since >= began + what.late:
                    self._judge(what, reply, self.waits[-1])
                await asyncio.sleep(0.05)
        finally:
            await node.close()

    def _judge(self, what: Asked, reply: Reply, seconds: float) -> None:
        answered = what.public or (what.reads and self.fault == "locked")
        if reply.status != (200 if answered else 503):
            raise Violation(f"{what.name} was answered by {reply}")
        if reply.status == 503 and "retry-after" not in reply.headers:
            raise Violation(f"{what.name}: 503 without Retry-After")
        if seconds > self.limit:
            raise Violation(f"{what.name} took {seconds:.1f} s")


class Device(msgspec.Struct):
    """The tokens of one app, what is asked with them during the trouble, and afterwards."""

    tokens: dict[str, str]
    code: str


async def _devices(app: PageApp, node: Connection) -> list[Device]:
    found = []
    for _ in range(APPS):
        tokens = await pageapp.connect(app, node)
        found.append(Device(tokens, code_in(await node.insist(app.code_wanted()))))
    return found


def asked(devices: list[Device]) -> list[Asked]:
    """What is asked again and again."""
    stays, goes, *_ = devices
    return [
        Asked("refresh", pageapp.refresh(stays.tokens["refresh_token"])),
        Asked("revoke", pageapp.revoke(goes.tokens["refresh_token"])),
        Asked("redeem", pageapp.redeem(stays.code)),
        Asked("introspect", pageapp.introspect(devices[2].tokens["access_token"]), reads=True),
        # A write that succeeded speaks for the next second.
        Asked("readyz", get("/readyz"), late=FRESH),
        Asked("jwks", get("/jwks"), public=True),
        Asked("discovery", get("/.well-known/openid-configuration"), public=True),
    ]


async def _endure(outage: Outage, fault: AbstractContextManager[None], *, seconds: float) -> float:
    """How long it took after the trouble until all was well. Raises Violation."""
    async with (
        contextlib.aclosing(Connection(outage.nodes[0].port)) as one,
        contextlib.aclosing(Connection(outage.nodes[1].port)) as other,
    ):
        return await _endured(outage, fault, (one, other), seconds=seconds)


async def _endured(
    outage: Outage,
    fault: AbstractContextManager[None],
    both: tuple[Connection, Connection],
    *,
    seconds: float,
) -> float:
    one, other = both
    devices = await _devices(signed_in(outage.nodes[0].url), one)
    await asyncio.gather(*(node.ask(get("/jwks")) for node in (one, other)))
    with fault:
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for number, what in enumerate(asked(devices)):
                asking = outage.insist(outage.nodes[number % 2], what, until=until)
                group.create_task(asking)
    since = time.monotonic()
    for node in (one, other):
        await node.close()  # The server closes what was idle for long.
        await _well(node, until=since + outage.limit)
    took = time.monotonic() - since
    await _check(devices, one, other)
    return took


async def _well(node: Connection, *, until: float) -> None:
    while (await node.ask(get("/readyz"))).status != 200:
        if time.monotonic() > until:
            raise Violation("not ready so long after the trouble")
        await asyncio.sleep(0.01)


async def _check(devices: list[Device], one: Connection, other: Connection) -> None:
    """What was asked in vain may have happened or not; what is asked now happens."""
    stays, goes, *rest = devices
    reply = await other.insist(pageapp.refresh(stays.tokens["refresh_token"]))
    if reply.status != 200:
        raise Violation(f"stranded by the trouble: {reply}")
    if (await one.insist(pageapp.revoke(goes.tokens["refresh_token"]))).status != 200:
        raise Violation("a revocation does not work again")
    if await _active(other, goes):
        raise Violation("a revoked token lives")
    for device in rest:
        if not await _active(other, device):
            raise Violation("a token died of the trouble")


async def _active(node: Connection, device: Device) -> bool:
    reply = await node.insist(pageapp.introspect(device.tokens["access_token"]))
    return bool(reply.document["active"])


@contextlib.contextmanager
def _place(fault: Fault, folder: Path) -> Iterator[tuple[str, AbstractContextManager[None]]]:
    """A database, and the trouble that it will have."""
    if fault == "locked":
        file = folder / "valetkey.db"
        fill(str(file))
        yield str(file), trouble.locked(file)
        return
    if MISSING:
        pytest.skip(MISSING)
    with cluster(**FEW) as one:
        fill(str(one.url))
        yield str(one.url), POSTGRES[fault](one)


def _run(fault: Fault, folder: Path, *, budget: Budget, broken: str = "") -> tuple[Outage, float]:
    with (
        _place(fault, folder) as (address, happens),
        running(nodes(folder, address, 2, broken=broken)) as both,
    ):
        outage = Outage(both, fault, LIMIT[budget])
        return outage, asyncio.run(_endure(outage, happens, seconds=SECONDS[budget]))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["locked", *POSTGRES])
def test_trouble_never_lies(fault: Fault, budget: Budget, tmp_path: Path, figure: Figure) -> None:
    outage, took = _run(fault, tmp_path, budget=budget)
    figure("answers", len(outage.waits))
    figure("seconds to an answer, p95", round(quantiles(outage.waits, n=20)[-1], 2))
    figure("seconds to an answer, at most", round(max(outage.waits), 2))
    figure("seconds to recovery", round(took, 2))


@pytest.mark.slow
@pytest.mark.sensitivity
def test_a_false_yes_is_noticed(tmp_path: Path, figure: Figure) -> None:
    with pytest.raises(ExceptionGroup) as found:
        _run("locked", tmp_path, budget="short", broken="answers-before-commit")
    said, _ = found.value.split(Violation)
    assert said
    figure("the checker said", str(said.exceptions[0]))
