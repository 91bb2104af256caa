"""The machine: which core does what, how full it was, and what a program takes of it."""

import os
import socket
import time
from pathlib import Path
from typing import Final

import msgspec

CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
SERVER_CORE: Final = CORES[0]
LOAD_CORE: Final = CORES[-1]

_TICK: Final = os.sysconf("SC_CLK_TCK")


def on_core(*cores: int) -> tuple[str, ...]:
    """The words before a command that keep it on these cores."""
    return ("taskset", "-c", ",".join(str(core) for core in cores))


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def family(pid: int) -> tuple[int, ...]:
    """The process, and all that descend from it."""
    children, todo = list[int](), [pid]
    while todo:
        one = todo.pop()
        children.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                todo += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return tuple(children)


def processor_seconds(pid: int) -> float:
    """What a process and its descendants that live have used of the cores."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def resident(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold, what they share counted once."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class Core(msgspec.Struct, frozen=True):
    """A core at a moment: seconds that it did nothing, and the moment."""

    idle: float
    at: float

    @classmethod
    def now(cls, core: int) -> "Core":
        """As it is. Time in which it waited for a disk is none in which it did nothing."""
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name == f"cpu{core}":
                return cls(int(fields[3]) / _TICK, time.monotonic())
        raise RuntimeError(f"there is no core {core}")

    def idle_since(self, before: "Core") -> float:
        """The share of the time since then in which it did nothing."""
        return (self.idle - before.idle) / max(self.at - before.at, 1e-9)
