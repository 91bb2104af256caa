"""What goes wrong with a database, for a time."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
from tests.postgres import Cluster


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process holds the write lock of an SQLite file."""
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextlib.contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """Every process of a PostgreSQL stands still: connections are open, nothing answers."""
    freeze(cluster)
    try:
        yield
    finally:
        thaw(cluster)


@contextlib.contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    """It is not there: connections are refused."""
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()


def freeze(cluster: Cluster) -> None:
    """SIGSTOP: the postmaster first, so that no child is born meanwhile."""
    _send([_postmaster(cluster)], signal.SIGSTOP)
    _send(_children(cluster), signal.SIGSTOP)


def thaw(cluster: Cluster) -> None:
    """SIGCONT."""
    _send([_postmaster(cluster), *_children(cluster)], signal.SIGCONT)


def halt(pid: int) -> None:
    """SIGSTOP for one process alone."""
    _send([pid], signal.SIGSTOP)


def kill(cluster: Cluster) -> None:
    """`kill -9` for all of it; returns once nothing of it runs."""
    everybody = [_postmaster(cluster), *_children(cluster)]
    _send(everybody, signal.SIGKILL)
    while any(_runs(one) for one in everybody):
        time.sleep(0.001)


def _postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])


def _children(cluster: Cluster) -> list[int]:
    pid = _postmaster(cluster)
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _send(everybody: list[int], number: signal.Signals) -> None:
    for one in everybody:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)
