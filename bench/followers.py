"""Some APIs in one process, each following the change log on a connection of its own, and told by
lines on stdin which token to try: for `bench.live`."""

import argparse
import asyncio
import sys
import time
from typing import Final

import msgspec
import uvloop

from bench.population import API, SECRET
from valetkey.resource import Refused, ResourceServer, Unreachable

EVERY: Final = 0.02
"""Seconds between two calls of one API."""


class Try(msgspec.Struct):
    """A token that every API opens now, until it does not."""

    number: int
    token: str


class FollowerTry(msgspec.Struct):
    """When the last of the APIs first refused, and when the last call began that any of them let
    in, by the machine's monotonic clock; how many calls were made; how often an API could not
    know."""

    number: int
    last: float
    open: float
    calls: int
    unknown: int


async def main(issuer: str, count: int) -> None:
    """Tries what it is told to, until stdin ends."""
    kits = [
        ResourceServer(
            issuer=issuer, catalog=API.catalog, credentials=(API.id, SECRET), live="follow"
        )
        for _ in range(count)
    ]
    for kit in kits:
        kit.start()
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await lines.readline():
        request = msgspec.json.decode(line, type=Try)
        results = await asyncio.gather(*(_tried(kit, request.token) for kit in kits))
        answer = FollowerTry(
            number=request.number,
            last=max(one[0] for one in results),
            open=max(one[1] for one in results),
            calls=sum(one[2] for one in results),
            unknown=sum(one[3] for one in results),
        )
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()
    for kit in kits:
        await kit.close()


async def _tried(kit: ResourceServer, token: str) -> tuple[float, float, int, int]:
    calls = unknown = 0
    opened = 0.0
    while True:
        calls += 1
        began = time.monotonic()
        try:
            await kit.verify(f"Bearer {token}", needs=("chirps.write",))
            if not opened:
                sys.stdout.write("open\n")
                sys.stdout.flush()
            opened = began
        except Refused:
            return time.monotonic(), opened, calls, unknown
        except Unreachable:
            unknown += 1
        await asyncio.sleep(EVERY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("issuer")
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.issuer, given.count))
