"""`python -m bench.connection OPERATION`: the processor time of one request through a whole
connection, without a network.

64 connections of one server get a request each, round after round, in this process. Of all rounds
the quickest counts: whatever else the machine does makes a round slower, never quicker. So two
versions can be compared on a busy machine, each in a clone of its own, in turns.
"""

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, Final

import uvicorn
from uvicorn.server import ServerState

from bench.peers.ours_requests import Requests
from bench.peers.people import furnish
from bench.subject import Subject
from valetkey.server.app import create
from valetkey.server.http.fast.protocol import protocol_of
from valetkey.server.settings import Settings
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database

CONNECTIONS: Final = 64
WARM: Final = 3
"""Rounds that do not count."""

PEOPLE: Final = 300

NO_SETTINGS: Final[Mapping[str, Any]] = MappingProxyType({})

TURNS: Final = 1_000_000
"""Turns of the event loop in which a round has to be answered."""


class MemoryTransport(asyncio.Transport):
    """The other end of a connection: it keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5555), "sockname": ("127.0.0.1", 8000)})
        self.written: list[Any] = []

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def microseconds(
    operation: str, rounds: int, settings: Mapping[str, Any] = NO_SETTINGS
) -> list[float]:
    """Processor time of a request in each round, the quickest first. `settings` are those besides
    the issuer and the database. Raises RuntimeError for an answer that is not the expected one."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "valetkey.db")
        subject = await Subject.open(database, await furnish(database, PEOPLE))
        subject.kept.refreshes = subject.kept.visits = 0
        subject.port = 8000
        all_settings = Settings(issuer=subject.issuer, database=database, **settings)
        store = await open_store(database)
        app = create(all_settings, store, master_key=subject.kept.master)
        load = Requests(subject).load(operation)
        if load.mode == "chain":
            raise RuntimeError(f"{operation}: each request needs the answer before")
        count = CONNECTIONS * (rounds + WARM)
        requests = (list(load.requests) * (count // len(load.requests) + 1))[:count]
        try:
            return sorted(await _rounds(app, requests, expected=b"HTTP/1.1 %d" % load.status))
        finally:
            await store.close()


async def _rounds(app: Any, requests: list[bytes], *, expected: bytes) -> list[float]:
    protocol = protocol_of(app)
    config = uvicorn.Config(
        app, http=protocol, lifespan="off", access_log=False, log_config=None, proxy_headers=False
    )
    config.load()
    ends = []
    for _ in range(CONNECTIONS):
        connection = protocol(config=config, server_state=ServerState(), app_state={})
        transport = MemoryTransport()
        connection.connection_made(transport)
        ends.append((connection, transport))
    gc.collect()
    gc.disable()
    try:
        return [one / CONNECTIONS * 1e6 for one in await _seconds(ends, requests, expected)]
    finally:
        gc.enable()


async def _seconds(
    ends: list[tuple[Any, MemoryTransport]], requests: list[bytes], expected: bytes
) -> list[float]:
    seconds = []
    for at in range(0, len(requests), CONNECTIONS):
        for _, transport in ends:
            transport.written.clear()
        began = time.process_time()
        for (connection, _), request in zip(ends, requests[at : at + CONNECTIONS], strict=True):
            connection.data_received(request)
        for _ in range(TURNS):
            if all(transport.written for _, transport in ends):
                break
            await asyncio.sleep(0)
        seconds.append(time.process_time() - began)
        await asyncio.sleep(0)
        answers = [b"".join(transport.written) for _, transport in ends]
        if wrong := [one for one in answers if not one.startswith(expected)]:
            raise RuntimeError(f"another answer: {wrong[0][:200]!r}")
    return seconds[WARM:]


def main() -> None:
    """Prints the quickest round, and the one that a quarter of all are quicker than."""
    parser = argparse.ArgumentParser(prog="python -m bench.connection", description=__doc__)
    parser.add_argument("operation", help='such as "client credentials"')
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=JSON", help="a setting to try"
    )
    parser.add_argument("--turns", type=int, default=1, help="with and without it, in turns")
    given = parser.parse_args()
    settings = {
        name: json.loads(text) for name, _, text in (one.partition("=") for one in given.set)
    }
    if not settings:
        times = asyncio.run(microseconds(given.operation, given.rounds))
        print(f"{given.operation}: {times[0]:.1f} us, {times[len(times) // 4]:.1f} us")
        return
    pairs = [
        tuple(
            asyncio.run(microseconds(given.operation, given.rounds, of))
            for of in (NO_SETTINGS, settings)
        )
        for _ in range(given.turns)
    ]
    for what, at in (("the quickest round", 0), ("a quarter is quicker", given.rounds // 4)):
        ratios = sorted(with_it[at] / without[at] for without, with_it in pairs)
        found = f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        print(f"{given.operation}, {what}: {found}")


if __name__ == "__main__":
    main()
