"""R19: a node that is parted from its database answers 503, and nothing from memory. Packets are
dropped, as R06 wants them too: nobody says that the database is gone."""

import asyncio
import contextlib
import time
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest
from tests.postgres import MISSING, Cluster, cluster
from tests.promises import pageapp
from tests.promises.apart import Namespace, namespace
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill
from tests.promises.ledger import Violation
from tests.promises.pageapp import signed_in
from tests.promises.process import Process, running
from tests.promises.test_trouble import LIMIT, SECONDS, Device, Outage, asked
from tests.promises.wire import Connection

APPS: Final = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there"),
]


async def _parted(outage: Outage, place: Namespace, near: Process, *, seconds: float) -> float:
    """Seconds until all is well after the wire was mended. Raises Violation."""
    (far,) = outage.nodes
    async with (
        contextlib.aclosing(Connection(near.port)) as one,
        contextlib.aclosing(Connection(far.port, far.host)) as other,
    ):
        devices = await _devices(near, one)
        for device in devices:
            if not await _active(other, device):
                raise ValueError("the node beyond does not know a token")
        with place.cut():
            # The other node goes on, and takes something away.
            await one.insist(pageapp.revoke(devices[2].tokens["refresh_token"]))
            until = time.monotonic() + seconds
            async with asyncio.TaskGroup() as group:
                for what in asked(devices):
                    group.create_task(outage.insist(far, what, until=until))
        since = time.monotonic()
        while await _not_yet(other, devices[3]):
            if time.monotonic() > since + outage.limit:
                raise Violation("not well so long after the wire was mended")
        took = time.monotonic() - since
        if await _active(other, devices[2]):
            raise Violation("what was revoked meanwhile lives beyond")
    return took


async def _devices(near: Process, one: Connection) -> list[Device]:
    app, found = signed_in(near.url), []
    for _ in range(APPS):
        tokens = await pageapp.connect(app, one)
        found.append(Device(tokens, pageapp.code_in(await one.insist(app.code_wanted()))))
    return found


async def _active(node: Connection, device: Device) -> bool:
    reply = await node.insist(pageapp.introspect(device.tokens["access_token"]))
    return bool(reply.document["active"])


async def _not_yet(node: Connection, device: Device) -> bool:
    reply = await node.ask(pageapp.introspect(device.tokens["access_token"]))
    return reply.status != 200


def _trusting(one: Cluster) -> None:
    """It lets the namespace in without a password."""
    with (one.data / "pg_hba.conf").open("a") as file:
        file.write("host all all 10.92.0.0/16 trust\n")


def _run(folder: Path, *, budget: Budget, broken: str = "") -> tuple[Outage, float]:
    with (
        namespace() as place,
        cluster(_trusting, listen_addresses=f"127.0.0.1,{place.database}") as one,
    ):
        fill(str(one.url))
        near = Process(folder, one.url)
        beyond = one.url.replace("127.0.0.1", place.database)
        far = Process(
            folder,
            beyond,
            issuer=near.issuer,
            broken=broken,
            host=place.inner,
            inside=place.name,
        )
        outage = Outage((far,), "apart", LIMIT[budget])
        with running((near, far)):
            took = asyncio.run(_parted(outage, place, near, seconds=SECONDS[budget]))
    return outage, took


def test_a_node_that_is_parted_from_its_database_says_so(
    budget: Budget, tmp_path: Path, figure: Figure
) -> None:
    outage, took = _run(tmp_path, budget=budget)
    figure("answers", len(outage.waits))
    figure("seconds to an answer, p95", round(quantiles(outage.waits, n=20)[-1], 2))
    figure("seconds to an answer, at most", round(max(outage.waits), 2))
    figure("seconds to recovery", round(took, 2))


@pytest.mark.sensitivity
def test_an_answer_from_memory_is_noticed(tmp_path: Path, figure: Figure) -> None:
    with pytest.raises(ExceptionGroup) as found:
        _run(tmp_path, budget="short", broken="answers-from-memory")
    said, _ = found.value.split(Violation)
    assert said
    figure("the checker said", str(said.exceptions[0]))
