"""The rounds: every server in turn, so that whatever else the machine does falls on all alike."""

import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
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


FASTER: Final = 1.05
"""By how much a round to warm up has to be faster than the one before, for another."""


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


class PeerRounds(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds of an operation at a server. `first` is in seconds, `quiet` in bytes."""

    operation: str
    peer: str
    rounds: list[Round]
    first: float
    quiet: int

    @property
    def core(self) -> float:
        """Microseconds for which the server had a core for one answer."""
        return median(one.busy / one.result.rate for one in self.rounds) * 1e6


class Failed(Exception):
    """A round that does not count: then no other of this server at this operation does."""


class Fallen(msgspec.Struct, frozen=True, kw_only=True):
    """What did not go through to its end, at which server ("" for all of it), and why."""

    what: str
    peer: str
    why: str


@contextlib.contextmanager
def note_failure(fallen: list[Fallen], what: str, peer: str = "") -> Iterator[None]:
    """Whatever goes wrong within is written down under its name, and all else goes on."""
    try:
        yield
    except Exception as error:
        one = Fallen(what=what, peer=peer, why=str(error) or repr(error))
        print(f"FAILED: {what}{peer and f', {peer}'}: {one.why}", flush=True)
        fallen.append(one)


class BenchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to measure. `warm` are rounds to warm up, at the most."""

    rounds: int = 5
    seconds: float = 2
    connections: int = 64
    warm: int = 4


def one_round(running: Running, options: BenchOptions) -> Round:
    """One round."""
    load = running.load()
    before, core = processor_seconds(running.pid), Core.now(SERVER_CORE)
    result = wrk.run(running.port, load, seconds=options.seconds, connections=options.connections)
    used, after = processor_seconds(running.pid) - before, Core.now(SERVER_CORE)
    return Round(
        result=result,
        busy=used / (result.microseconds / 1e6),
        idle=after.idle_since(core),
        resident=resident(running.pid),
    )


class Racer(msgspec.Struct, kw_only=True):
    """A server that runs, the memory that it held at first, and its rounds that count."""

    peer: Peer
    running: Running
    quiet: int
    rounds: list[Round] = []

    def peer_rounds(self, operation: str) -> PeerRounds:
        """What came of it."""
        return PeerRounds(
            operation=operation,
            peer=self.peer.name,
            rounds=self.rounds,
            first=self.running.first,
            quiet=self.quiet,
        )


def counted(running: Running, options: BenchOptions) -> Round:
    """A round that counts. Raises Failed."""
    one = one_round(running, options)
    if one.result.wrong and not one.result.why:
        probe(running)  # wrk does not keep what it was told
    if why := one.wrong():
        raise Failed(why)
    return one


def probe(running: Running) -> None:
    """Looks at one answer. Raises Failed where it is not what it should be."""
    load = running.load()
    if load.mode == "chain":
        return  # What is not found in an answer there is an error in any case.
    with socket.create_connection(("127.0.0.1", running.port), timeout=2) as line:
        line.sendall(load.requests[-1])
        data = line.recv(65536)
        with contextlib.suppress(TimeoutError):
            while not re.search(load.holds.encode(), data) and (more := line.recv(65536)):
                data += more
    status = data.partition(b"\r\n")[0].split(b" ")[1:2]
    if status != [str(load.status).encode()] or not re.search(load.holds.encode(), data):
        raise Failed(f"the first answer is {data[:500]!r}")


def warm_up(running: Running, options: BenchOptions) -> None:
    """Rounds until one is hardly faster than the one before: what compiles as it goes needs some.
    Raises Failed."""
    before = 0.0
    probe(running)
    for _ in range(options.warm):
        rate = counted(running, options).result.rate
        if rate < FASTER * before:
            return
        before = rate


def compare(
    operation: str,
    peers: Sequence[Peer],
    options: BenchOptions,
    *,
    folder: Path,
    say: Callable[[str], None] = print,
) -> tuple[list[PeerRounds], list[Fallen]]:
    """Every server that has the operation, freshly started, round by round after some to warm up;
    and those of which a round did not count, with the reason: the others go on without them."""
    fallen: list[Fallen] = []
    with contextlib.ExitStack() as stack:

        def through(racers: Sequence[Racer], step: Callable[[Racer], None]) -> list[Racer]:
            """Those who come through."""
            there = []
            for one in racers:
                with note_failure(fallen, operation, one.peer.name):
                    step(one)
                    there.append(one)
            return there

        racers = list[Racer]()
        for peer in peers:
            if operation in peer.operations:
                with note_failure(fallen, operation, peer.name):
                    own = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
                    running = stack.enter_context(peer.serving(operation, own))
                    racers.append(Racer(peer=peer, running=running, quiet=resident(running.pid)))
        os.sync()  # or the first commit would wait for all that was made ready
        racers = through(racers, lambda one: warm_up(one.running, options))
        for _ in range(options.rounds):
            racers = through(
                racers[::-1], lambda one: one.rounds.append(counted(one.running, options))
            )
    names = [peer.name for peer in peers]
    measured = [
        one.peer_rounds(operation) for one in sorted(racers, key=lambda r: names.index(r.peer.name))
    ]
    for one in measured:
        say(line(one))
    return measured, fallen


def line(measured: PeerRounds) -> str:
    """A line: the median rate and its spread, p99, how busy the server was."""
    rates = [one.result.rate for one in measured.rounds]
    p99 = median(one.result.p99 for one in measured.rounds) / 1000
    busy = median(one.busy for one in measured.rounds)
    return (
        f"{measured.operation:28}{measured.peer:24}{median(rates):9,.0f}/s"
        f"  ({min(rates):,.0f} to {max(rates):,.0f})   p99 {p99:.1f} ms   busy {busy:.0%}"
        f"   {measured.core:.0f} us of a core each"
    )
