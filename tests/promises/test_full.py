"""R07: a full disk refuses writes and loses nothing; reads continue; free space fixes it."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec
import pytest
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill
from tests.promises.ledger import Violation
from tests.promises.pageapp import signed_in
from tests.promises.process import nodes, running
from tests.promises.wire import Connection, Reply, get

from valetkey.server.endpoints.health import FRESH

SIZE: Final = "8m"
ENOUGH: Final = 3000
"""Refreshes after which a disk without space must have refused one."""

RECOVERY: Final[dict[Budget, float]] = {"short": 30.0, "long": 5.0}
"""Seconds from free space to the next yes. The short budget shares its machine with other tests."""

IN_A_ROW: Final = 3
"""Refusals that leave no doubt: a busy machine refuses one now and then."""

ROUNDS: Final[dict[Budget, int]] = {"short": 1, "long": 20}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with mounted(tmp_path / "small", SIZE) as place:
        yield place


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """A file system of that size, in a new folder."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@contextlib.contextmanager
def full(place: Path) -> Iterator[None]:
    """Fills what is left of it, to the last byte."""
    stone = place / "stone"
    with stone.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(os.urandom(size))
    try:
        yield
    finally:
        stone.unlink()


class Device(msgspec.Struct):
    """One app on one device, and how many refreshes were acknowledged."""

    tokens: dict[str, str]
    acknowledged: int = 0

    async def refresh(self, node: Connection) -> Reply:
        """Takes fresh tokens, and keeps them where they come."""
        reply = await node.ask(pageapp.refresh(self.tokens["refresh_token"]))
        if reply.status == 200:
            self.tokens = reply.document
            self.acknowledged += 1
        elif reply.status != 503:
            raise Violation(f"a refresh was answered by {reply}")
        return reply


async def _round(
    place: Path, one: Connection, other: Connection, *, recovery: float
) -> tuple[int, float]:
    """How many refreshes were acknowledged, and the seconds to recovery. Raises Violation."""
    app = signed_in(f"http://127.0.0.1:{one.port}")
    device, goes = [Device(await pageapp.connect(app, one)) for _ in range(2)]
    with full(place):
        await _until_refused(device, one)
        for node in (one, other):
            await _only_reads(node, device, goes)
    since = time.monotonic()
    for node in (one, other):
        while (await device.refresh(node)).status != 200:
            if time.monotonic() > since + recovery:
                raise Violation(f"no write {recovery} s after space was freed")
    took = time.monotonic() - since
    await _expect(other, pageapp.revoke(goes.tokens["refresh_token"]), 200, "a revocation")
    if (await one.ask(pageapp.introspect(goes.tokens["access_token"]))).document["active"]:
        raise Violation("a revoked token lives")
    return device.acknowledged, took


async def _until_refused(device: Device, node: Connection) -> None:
    """Refreshes until there is no doubt that the disk is full."""
    refused = 0
    for _ in range(ENOUGH):
        refused = refused + 1 if (await device.refresh(node)).status == 503 else 0
        if refused == IN_A_ROW:
            return
    raise ValueError("the disk does not fill")


async def _only_reads(node: Connection, device: Device, goes: Device) -> None:
    refresh, revoke = device.tokens["refresh_token"], goes.tokens["refresh_token"]
    await _expect(node, pageapp.refresh(refresh), 503, "a refresh")
    await _expect(node, pageapp.revoke(revoke), 503, "a revocation")
    await _expect(node, get("/jwks"), 200, "jwks")
    await asyncio.sleep(FRESH)  # for so long the last write that succeeded says that it is ready
    await _expect(node, get("/readyz"), 503, "readyz")
    for one in (device, goes):
        reply = await _expect(
            node, pageapp.introspect(one.tokens["access_token"]), 200, "introspection"
        )
        if not reply.document["active"]:
            raise Violation("a token died of a full disk")


async def _expect(node: Connection, request: bytes, status: int, what: str) -> Reply:
    reply = await node.ask(request)
    if reply.status != status:
        raise Violation(f"{what} on a full disk was answered by {reply}")
    return reply


def _run(place: Path, folder: Path, *, budget: Budget, broken: str = "") -> list[tuple[int, float]]:
    database = place / "valetkey.db"
    fill(str(database))

    async def enduring() -> list[tuple[int, float]]:
        one, other = (Connection(node.port) for node in both)
        try:
            return [
                await _round(place, one, other, recovery=RECOVERY[budget])
                for _ in range(ROUNDS[budget])
            ]
        finally:
            await one.close()
            await other.close()

    with running(nodes(folder, str(database), 2, broken=broken)) as both:
        found = asyncio.run(enduring())
    with contextlib.closing(apsw.Connection(str(database))) as looking:
        said = looking.execute("PRAGMA integrity_check").fetchall()
    if said != [("ok",)]:
        raise Violation(f"integrity_check: {said}")
    return found


@pytest.mark.slow
def test_a_full_disk(small: Path, tmp_path: Path, budget: Budget, figure: Figure) -> None:
    found = _run(small, tmp_path, budget=budget)
    figure("rounds", len(found))
    figure("seconds to recovery, at most", round(max(took for _, took in found), 3))


@pytest.mark.slow
@pytest.mark.sensitivity
def test_a_false_yes_is_noticed(small: Path, tmp_path: Path, figure: Figure) -> None:
    with pytest.raises(Violation) as found:
        _run(small, tmp_path, budget="short", broken="answers-before-commit")
    figure("the checker said", str(found.value))
