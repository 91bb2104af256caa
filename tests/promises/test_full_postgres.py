"""R07 on PostgreSQL, which may end by itself when its log has no space: until it is there again the
nodes say 503, and afterwards nothing acknowledged is missing."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.postgres import MISSING, Cluster, owner
from tests.promises import pageapp, trouble
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import fill
from tests.promises.ledger import Violation
from tests.promises.pageapp import PageApp, signed_in
from tests.promises.process import nodes, running
from tests.promises.test_full import ENOUGH, IN_A_ROW, Device, full, mounted
from tests.promises.wire import Connection, get

SIZE: Final = "128m"
ROUNDS: Final[dict[Budget, int]] = {"short": 1, "long": 5}
RECOVERY: Final[dict[Budget, float]] = {"short": 60.0, "long": 10.0}
"""Seconds from free space, or from its new start, to the next yes."""

LAST: Final = 20
"""Of the tokens that were issued while the disk filled up, so many are looked at afterwards."""

SMALL: Final = {"min_wal_size": "2MB", "max_wal_size": "4MB"}
GROWING: Final = {"min_wal_size": "2MB", "max_wal_size": "1GB", "checkpoint_timeout": "1h"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there"),
]


@pytest.fixture
def small() -> Iterator[Path]:
    """A small file system that an unprivileged user may enter."""
    with tempfile.TemporaryDirectory(prefix="valetkey-pg-") as folder:
        Path(folder).chmod(0o755)
        with mounted(Path(folder) / "small", SIZE) as place:
            yield place


@contextlib.contextmanager
def _cluster(place: Path) -> Iterator[Cluster]:
    """All of it on the small file system."""
    with _running(_owned(place), "--wal-segsize=1", **SMALL) as one:
        yield one


@contextlib.contextmanager
def _cluster_whose_log_is_there(place: Path) -> Iterator[Cluster]:
    """Its write-ahead log alone, which is not begun anew before it is full."""
    with tempfile.TemporaryDirectory(prefix="valetkey-pg-") as folder:
        log = f"--waldir={_owned(place) / 'wal'}"
        with _running(_owned(Path(folder)), "--wal-segsize=1", log, **GROWING) as one:
            yield one


def _owned(place: Path) -> Path:
    if (user := owner()) is not None:
        os.chown(place, user, -1)
        place.chmod(0o755)
    return place


@contextlib.contextmanager
def _running(place: Path, *words: str, **settings: str) -> Iterator[Cluster]:
    one = Cluster(place, **settings)
    one.create(*words)
    one.reset_log()
    one.start()
    try:
        yield one
    finally:
        trouble.kill(one)


async def _round(
    place: Path, at: Cluster, both: tuple[Connection, Connection], *, recovery: float
) -> tuple[bool, float]:
    """Whether the database ended by itself, and the seconds to recovery. Raises Violation."""
    one, other = both
    app = signed_in(f"http://127.0.0.1:{one.port}")
    device, goes = [Device(await pageapp.connect(app, one)) for _ in range(2)]
    with full(place):
        made = await _until_refused(app, one)
        gone = False
        for node in both:
            await device.refresh(node)  # It needs no space, so it may succeed.
            gone = await _revoked(node, goes) or gone
            await _nothing_untrue(node, [device], goes, gone=gone)
    ended = await asyncio.to_thread(_there_again, at)
    since = time.monotonic()
    for node in both:
        while (await node.ask(redemption := await _redemption(app, node))).status != 200:
            if time.monotonic() > since + recovery:
                raise Violation(f"no write {recovery} s after space was freed: {redemption!r}")
            await asyncio.sleep(0.02)
    took = time.monotonic() - since
    if (await device.refresh(other)).status != 200:
        raise Violation("a refresh does not work again")
    if not await _revoked(one, goes):
        raise Violation("a revocation does not work again")
    await _nothing_untrue(other, [device, *made], goes, gone=True)
    return ended, took


async def _redemption(app: PageApp, node: Connection) -> bytes:
    return pageapp.redeem(pageapp.code_in(await node.insist(app.code_wanted())))


async def _until_refused(app: PageApp, node: Connection) -> list[Device]:
    """Redeems codes, each of which needs a new row, until there is no doubt that the disk is full,
    or the database gone; what was acknowledged meanwhile, the last of it."""
    made: list[Device] = []
    refused = 0
    for _ in range(ENOUGH):
        reply = await node.ask(app.code_wanted())
        if reply.status != 503:
            reply = await node.ask(pageapp.redeem(pageapp.code_in(reply)))
        if reply.status == 200:
            made.append(Device(reply.document))
        elif reply.status != 503:
            raise Violation(f"a code on a full disk was answered by {reply}")
        refused = refused + 1 if reply.status == 503 else 0
        if refused == IN_A_ROW:
            return made[-LAST:]
    raise ValueError("the disk does not fill")


async def _revoked(node: Connection, goes: Device) -> bool:
    """Whether a revocation was acknowledged."""
    reply = await node.ask(pageapp.revoke(goes.tokens["refresh_token"]))
    if reply.status not in {200, 503}:
        raise Violation(f"a revocation on a full disk was answered by {reply}")
    return reply.status == 200


async def _nothing_untrue(
    node: Connection, devices: list[Device], goes: Device, *, gone: bool
) -> None:
    """What is read is true, where it is read at all."""
    if (await node.ask(get("/jwks"))).status != 200:
        raise Violation("jwks does not go on")
    for one in devices:
        reply = await node.ask(pageapp.introspect(one.tokens["access_token"]))
        if reply.status != 503 and not reply.document["active"]:
            raise Violation("a token died of a full disk")
    reply = await node.ask(pageapp.introspect(goes.tokens["access_token"]))
    if gone and reply.status != 503 and reply.document["active"]:
        raise Violation("a revoked token lives")


def _there_again(at: Cluster) -> bool:
    """Starts it, where it ended by itself; whether it did."""
    time.sleep(1)
    if trouble.everybody(at):
        return False
    at.start()
    return True


@pytest.mark.parametrize("what", ["all of it", "its log"])
def test_a_full_disk(
    what: str, small: Path, tmp_path: Path, budget: Budget, figure: Figure
) -> None:
    found = []
    made = _cluster if what == "all of it" else _cluster_whose_log_is_there
    with made(small) as at:
        fill(str(at.url))
        with running(nodes(tmp_path, at.url, 2)) as two:

            async def enduring() -> None:
                async with (
                    contextlib.aclosing(Connection(two[0].port)) as one,
                    contextlib.aclosing(Connection(two[1].port)) as other,
                ):
                    for _ in range(ROUNDS[budget]):
                        how = await _round(small, at, (one, other), recovery=RECOVERY[budget])
                        found.append(how)

            asyncio.run(enduring())
        panics = (at.data.parent / "log").read_text().count("PANIC:")
    figure("rounds", len(found))
    figure("of these, the database ended by itself", sum(ended for ended, _ in found))
    figure("times that it gave up all connections, as its log could not grow", panics)
    figure("seconds to recovery, at most", round(max(took for _, took in found), 3))
    assert panics >= len(found) or what == "all of it"
