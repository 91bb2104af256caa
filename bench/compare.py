"""The rounds: every server in turn, so that whatever else the machine does falls on all alike."""

import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import wrk
from bench.machine import SERVER_CORE, Core, processor_seconds, resident
from bench.peers.peer import Peer, Running
from bench.wrk import Result

LEAST_BUSY: Final = 0.5
MOST_IDLE: Final = 0.3
"""A server that used less of its core than this, while the core had nothing to do for more than
that, was not what was measured."""


WARM: Final = 4
FASTER: Final = 1.05
"""Rounds to warm up, at the most; and by how much one has to be faster for another."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round: what the load saw, the share of a core that the server used, the share of the time
    in which its core did nothing, and the memory that the server held afterwards."""

    result: Result
    busy: float
    idle: float
    resident: int

    def wrong(self) -> str:
        """Why it does not count, "" where it does."""
        if self.result.errors:
            return f"{self.result.errors} wrong answers of {self.result.answers}: {self.result.why}"
        if self.result.answers == 0:
            return "no answers"
        if self.busy < LEAST_BUSY and self.idle > MOST_IDLE:
            return f"an idle server: {self.busy:.0%} of a core, which idled {self.idle:.0%}"
        return ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds of an operation at a server. `first` is in seconds, `quiet` in bytes."""

    operation: str
    peer: str
    rounds: list[Round]
    first: float
    quiet: int


class Failed(Exception):
    """A round that does not count: then nothing of the run does."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How to measure."""

    rounds: int = 5
    seconds: float = 2
    connections: int = 64


def one_round(running: Running, asked: Asked) -> Round:
    """One round."""
    load = running.load()
    before, core = processor_seconds(running.pid), Core.now(SERVER_CORE)
    result = wrk.run(running.port, load, seconds=asked.seconds, connections=asked.connections)
    used, after = processor_seconds(running.pid) - before, Core.now(SERVER_CORE)
    return Round(
        result=result,
        busy=used / (result.microseconds / 1e6),
        idle=after.idle_since(core),
        resident=resident(running.pid),
    )


def counted(peer: Peer, running: Running, asked: Asked, *, operation: str) -> Round:
    """A round that counts. Raises Failed."""
    one = one_round(running, asked)
    if why := one.wrong():
        raise Failed(f"{operation}, {peer.name}: {why}")
    return one


def probe(running: Running, what: str) -> None:
    """Looks at one answer. Raises Failed where it is not what it should be."""
    load = running.load()
    if load.mode == "chain":
        return  # What is not found in an answer there is an error in any case.
    with socket.create_connection(("127.0.0.1", running.port), timeout=2) as line:
        line.sendall(load.requests[-1])
        said = line.recv(65536)
        with contextlib.suppress(TimeoutError):
            while not re.search(load.holds.encode(), said) and (more := line.recv(65536)):
                said += more
    status = said.partition(b"\r\n")[0].split(b" ")[1:2]
    if status != [str(load.status).encode()] or not re.search(load.holds.encode(), said):
        raise Failed(f"{what}: the first answer is {said[:500]!r}")


def warm_up(peer: Peer, running: Running, asked: Asked, *, operation: str) -> None:
    """Rounds until one is hardly faster than the one before: what compiles as it goes needs some.
    Raises Failed."""
    before = 0.0
    probe(running, f"{operation}, {peer.name}")
    for _ in range(WARM):
        rate = counted(peer, running, asked, operation=operation).result.rate
        if rate < FASTER * before:
            return
        before = rate


def compare(
    operation: str,
    peers: Sequence[Peer],
    asked: Asked,
    *,
    folder: Path,
    say: Callable[[str], None] = print,
) -> list[Seen]:
    """Every server that has the operation, freshly started, round by round after one to warm up.
    Raises Failed where a round does not count."""
    with contextlib.ExitStack() as stack:
        started = list[tuple[Peer, Running, int]]()
        for peer in peers:
            if operation in peer.operations:
                own = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
                running = stack.enter_context(peer.serving(operation, own))
                started.append((peer, running, resident(running.pid)))
        os.sync()  # or the first commit would wait for all that was made ready
        for peer, running, _ in started:
            warm_up(peer, running, asked, operation=operation)
        rounds: dict[str, list[Round]] = {peer.name: [] for peer, _, _ in started}
        for number in range(asked.rounds):
            for peer, running, _ in started if number % 2 else reversed(started):
                rounds[peer.name].append(counted(peer, running, asked, operation=operation))
    seen = [
        Seen(
            operation=operation,
            peer=peer.name,
            rounds=rounds[peer.name],
            first=running.first,
            quiet=quiet,
        )
        for peer, running, quiet in started
    ]
    for one in seen:
        say(line(one))
    return seen


def line(seen: Seen) -> str:
    """A line: the median rate and its spread, p99, how busy the server was."""
    rates = sorted(one.result.rate for one in seen.rounds)
    p99 = sorted(one.result.p99 for one in seen.rounds)[len(seen.rounds) // 2] / 1000
    busy = sorted(one.busy for one in seen.rounds)[len(seen.rounds) // 2]
    middle = rates[len(rates) // 2]
    each = sorted(one.busy / one.result.rate for one in seen.rounds)[len(seen.rounds) // 2] * 1e6
    return (
        f"{seen.operation:26}{seen.peer:24}{middle:9,.0f}/s  ({rates[0]:,.0f} to {rates[-1]:,.0f})"
        f"   p99 {p99:.1f} ms   busy {busy:.0%}"
        f"   {each:.0f} us of a core each"
    )
