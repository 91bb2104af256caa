"""The port of the metrics, and the numbers of all workers together.

Workers write their numbers to a file each second. The one that has the port adds the files up, its
own and those of workers that have ended too. What it showed is in a file, so no counter ever goes
back, also after a kill.
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from valetkey.server.http import log
from valetkey.server.http.metrics import (
    Durations,
    NoMeter,
    Observed,
    RequestKind,
    SignatureNumbers,
    Snapshot,
)
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.query import Many, PageQuery
from valetkey.server.model.stream import Job
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.revocations.shipping import ShipNumbers

DUMP_SECONDS: Final = 1.0
"""Seconds between two files of a worker, and two looks at the delay of the event loop."""

JOBS_SECONDS: Final = 10.0
"""Seconds between two looks at the outbox and the keys."""

MOST_JOBS: Final = 1000
"""Messages that are counted: more count as many."""


# The numbers of several workers, in files.


class Shared:
    """A folder in which the workers of one server leave their numbers. Raises OSError if it is
    another user's."""

    def __init__(self, parent: int, folder: Path | None = None) -> None:
        base = folder or Path(tempfile.gettempdir())
        self.folder = base / f"valetkey-metrics-{os.getuid()}-{parent}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        found = self.folder.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077 or self.folder.is_symlink():
            raise OSError(f"{self.folder} is not this user's alone")
        self._own = self.folder / f"{os.getpid()}-{time.time_ns()}"

    def write(self, snapshot: Snapshot) -> None:
        """Leave the numbers of this process."""
        coming = self._own.with_suffix(".new")
        coming.write_bytes(msgspec.msgpack.encode(snapshot))
        coming.rename(self._own)

    def read(self) -> Iterator[Snapshot]:
        """The numbers of all processes, as each left them last."""
        for file in self.folder.iterdir():
            if not file.suffix:
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    snapshot = msgspec.msgpack.decode(file.read_bytes(), type=Snapshot)
                    if not _is_alive(int(file.name.partition("-")[0])):
                        snapshot.loop_delay, snapshot.connections = 0.0, 0
                        for numbers in snapshot.signatures.values():
                            numbers.failing = numbers.waiting = 0
                        if snapshot.shipped is not None:
                            snapshot.shipped.is_failing = False
                    yield snapshot


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The numbers of all processes together."""
    requests: dict[RequestKind, Durations] = {}
    whole = Snapshot(commits=Durations())
    for one in snapshots:
        for kind, durations in one.requests:
            requests.setdefault(kind, Durations()).merge(durations)
        for name, count in one.events.items():
            whole.events = {**whole.events, name: whole.events.get(name, 0) + count}
        for name, count in one.sign_ins.items():
            whole.sign_ins = {**whole.sign_ins, name: whole.sign_ins.get(name, 0) + count}
        for name, numbers in one.signatures.items():
            whole.signatures.setdefault(name, SignatureNumbers()).merge(numbers)
        if one.shipped is not None:
            whole.shipped = whole.shipped or ShipNumbers()
            whole.shipped.merge(one.shipped)
        whole.commits.merge(one.commits)
        whole.failed_commits += one.failed_commits
        whole.loop_delay = max(whole.loop_delay, one.loop_delay)
        whole.connections += one.connections
    whole.requests = list(requests.items())
    return whole


# The port.


class MetricsPort:
    """Serves the metrics. With workers, the first one serves them, and another one after its
    end."""

    def __init__(
        self, meter: NoMeter, store: Store, *, host: str, port: int, workers: int, version: str
    ) -> None:
        """Raises ImportError without the extra `metrics`."""
        from valetkey.server.http import exposition  # noqa: PLC0415 - an extra

        self._meter = meter
        self._store = store
        self._at = host, port
        self._shared = Shared(os.getppid()) if workers > 1 else None
        self._observed = Observed()
        self._serve: Callable[[], Callable[[], None]] = lambda: exposition.serve(
            self._numbers, host=host, port=port, version=version
        )

    def _numbers(self) -> tuple[Snapshot, Observed]:
        snapshots = [self._meter.snapshot()] if self._shared is None else self._shared.read()
        return merged(snapshots), self._observed

    async def run(self) -> None:
        """Serves until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_loop())
            tasks.create_task(self._observe())
            await self._publish()

    async def _publish(self) -> None:
        close: Callable[[], None] | None = None
        try:
            while True:
                if close is None:
                    # Another worker may have the port.
                    with contextlib.suppress(OSError):
                        close = self._serve()
                        log.info("metrics", host=self._at[0], port=self._at[1])
                if self._shared is not None:
                    self._shared.write(self._meter.snapshot())
                await asyncio.sleep(DUMP_SECONDS)
        finally:
            if close is not None:
                close()

    async def _watch_loop(self) -> None:
        """Measures how late the loop is: what every request waits."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + DUMP_SECONDS
            await asyncio.sleep(DUMP_SECONDS)
            self._meter.loop_delay = max(0.0, loop.time() - due)

    async def _observe(self) -> None:
        """Looks at what only the database knows."""
        while True:
            with contextlib.suppress(Unavailable):
                self._observed = await observe(self._store, now=int(time.time()))
            await asyncio.sleep(JOBS_SECONDS)


MAX_DELAY: Final = 86400
"""No message that will be sent is due later than this many seconds from now."""


async def observe(store: Store, *, now: int) -> Observed:
    """The messages that wait, and the age of the keys. Raises Unavailable."""
    page = await store.page(PageQuery(record=Job, limit=MOST_JOBS))
    keys = Many(SigningKey)
    current = (one for one in (await store.read(keys)).many(keys) if one.status == "current")
    # A notice that could not be delivered is due in days: it is kept, and waits for nobody.
    waiting = [job.created for job in page.records if job.due < now + MAX_DELAY]
    ages: Mapping[str, int] = {one.use: now - one.since for one in current}
    return Observed(
        jobs=len(waiting),
        oldest_job=float(now - min(waiting)) if waiting else 0.0,
        keys=dict(ages),
    )
