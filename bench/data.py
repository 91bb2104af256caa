"""What a run leaves behind: everything that it saw, and where."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench.compare import Fallen, PeerRounds

FOLDER: Final = Path(__file__).parents[1] / "docs/performance"
DATA: Final = "run.json"
GROWTH: Final = "growth.json"

BARE: Final = "the bare signature (ES256)"
FIRST: Final = "bound by DPoP, a token's first call"
NEXT: Final = "bound by DPoP, its next calls"
"""Rows of `bench.verify` of which there are goals: both calls are live, and need a permission."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it ran."""

    processor: str
    cores: int
    system: str
    python: str

    @classmethod
    def here(cls) -> "Machine":
        """This one."""
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return cls(
            processor=named[0] if named else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
        )


class Kit(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs an API to check a key, in microseconds, round by round: by row of
    `bench.verify`, and for a call of FastAPI without the kit and with it. `signatures` are those
    that are checked in a row."""

    rows: dict[str, list[float]]
    signatures: dict[str, int]
    calls: dict[str, list[float]]


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """The p99 of an operation at so many families, as a ratio to that at the least number of them:
    the median of the rounds, and the lowest and the highest. `bench.growth` measures it, which
    takes hours."""

    store: str
    operation: str
    families: int
    median: float
    lowest: float
    highest: float


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """One round beside people who sign in at a steady pace by imported password hashes: the token
    endpoint's p99 without and with them, in milliseconds; how many came in, how many were told to
    come back, and the p95 of what those who came in waited, in seconds."""

    quiet: float
    loud: float
    signed_in: int
    put_off: int
    p95: float


class Run(msgspec.Struct, kw_only=True):
    """One run of the code of that `commit`. `skipped` says why a server is not in it, `fallen` what
    did not go through. Round by round, `limit` has the ES256 tokens a second of ours, and
    signatures with nothing else; and `workers`, by store, answers a second of one and of two
    processes on all cores. `curve` has connections, answers a second and p99 in milliseconds, by
    server; `flood` has the p99 of the token endpoint without and with people signing in, and how
    many of those there were a second; `imported` is by kind of imported password hash."""

    machine: Machine
    at: int
    quick: bool
    command: str
    seconds: float
    connections: int
    commit: str = ""
    rows: list[PeerRounds] = msgspec.field(default_factory=list, name="seen")
    skipped: dict[str, str] = {}
    fallen: list[Fallen] = []
    left_out: list[str] = []
    limit: list[tuple[float, float]] = []
    workers: dict[str, list[tuple[float, float]]] = {}
    curve: dict[str, list[tuple[int, float, float]]] = {}
    flood: list[tuple[float, float, float]] = []
    imported: dict[str, list[Imported]] = {}
    kit: Kit | None = None
    grown: list[Grown] = []

    @classmethod
    def begin(cls, *, quick: bool, command: str, seconds: float, connections: int) -> "Run":
        """A new one."""
        return cls(
            machine=Machine.here(),
            at=int(time.time()),
            commit=commit(),
            quick=quick,
            command=command,
            seconds=seconds,
            connections=connections,
            grown=growth(),
        )

    def of(self, operation: str, peer: str) -> PeerRounds | None:
        """What was seen of an operation at a server."""
        for one in self.rows:
            if (one.operation, one.peer) == (operation, peer):
                return one
        return None

    def rates(self, operation: str, peer: str) -> list[float]:
        """Answers a second, round by round."""
        one = self.of(operation, peer)
        return [] if one is None else [each.result.rate for each in one.rounds]

    def waits(self, operation: str, peer: str) -> list[float]:
        """p99 in milliseconds, round by round."""
        one = self.of(operation, peer)
        return [] if one is None else [each.result.p99 / 1000 for each in one.rounds]

    def peers(self) -> list[str]:
        """Everybody who was measured, ours first."""
        return list(dict.fromkeys(one.peer for one in self.rows))

    def operations(self) -> list[str]:
        """All that was measured."""
        return list(dict.fromkeys(one.operation for one in self.rows))


def commit() -> str:
    """The commit that is checked out, with `+` where files differ from it; "" for none."""
    words = ("git", "-C", str(FOLDER), "describe", "--always", "--abbrev=8", "--dirty=+")
    try:
        done = subprocess.run(words, capture_output=True, check=False, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


def growth(file: Path = FOLDER / GROWTH) -> list[Grown]:
    """What was measured of growth, the last time that it was."""
    return msgspec.json.decode(file.read_bytes(), type=list[Grown]) if file.exists() else []


def quotient(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round; where one has fewer rounds than the other, only as many."""
    return [one / other for one, other in zip(above, below, strict=False) if other]


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """The median, and the lowest and the highest."""
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{median(values):,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def save(run: Run, folder: Path) -> Path:
    """Writes it down."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / DATA
    file.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
    return file


def load(file: Path) -> Run:
    """A run that was written down."""
    return msgspec.json.decode(file.read_bytes(), type=Run)
