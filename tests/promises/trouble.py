"""Temporary faults of a database."""

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import apsw
from tests.postgres import Cluster

TAKING: Final = 40.0
"""Seconds in which every connection is taken."""


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process holds the write lock of an SQLite file."""
    other = apsw.Connection(str(file))
    other.set_busy_timeout(30_000)  # Servers write beside it.
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


@contextlib.contextmanager
def taken(cluster: Cluster, count: int) -> Iterator[None]:
    """Others hold every connection that it has, those of the nodes too."""
    with contextlib.ExitStack() as stack:
        held: list[socket.socket] = []
        until = time.monotonic() + TAKING
        while len(held) < count:
            assert time.monotonic() < until, "somebody else always comes first"
            if one := _session(cluster):
                held.append(stack.enter_context(one))
            elif held:
                held[0].sendall(struct.pack("!cI", b"Q", len(_ALONE) + 5) + _ALONE + b"\0")
                time.sleep(0.002)  # sooner than a node is back
        yield


_ALONE: Final = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'taken' "
    b"AND backend_type = 'client backend'"
)


def _session(cluster: Cluster) -> socket.socket | None:
    """A session that does nothing; None where none is left."""
    words = "user", "valetkey", "database", "postgres", "application_name", "taken", "", ""
    body = struct.pack("!I", 3 << 16) + "\0".join(words).encode()
    opened = socket.create_connection(("127.0.0.1", cluster.port))
    opened.sendall(struct.pack("!I", len(body) + 4) + body)
    if opened.recv(1) == b"R":
        return opened
    opened.close()
    return None


def freeze(cluster: Cluster) -> None:
    """SIGSTOP, until none is left that could still bear a child."""
    stopped: set[int] = set()
    while fresh := set(everybody(cluster)) - stopped:
        _send(fresh, signal.SIGSTOP)
        stopped |= fresh


def thaw(cluster: Cluster) -> None:
    """SIGCONT."""
    _send(everybody(cluster), signal.SIGCONT)


def halt(pid: int) -> None:
    """SIGSTOP for one process alone."""
    _send([pid], signal.SIGSTOP)


def kill(cluster: Cluster) -> None:
    """`kill -9` for all of it; returns once nothing of it is left, so that its locks are free."""
    killed: set[int] = set()
    while alive := everybody(cluster):
        _send(alive, signal.SIGKILL)
        killed |= {*alive}
        time.sleep(0.001)
    while any(Path(f"/proc/{one}").exists() for one in killed):
        time.sleep(0.001)  # Until its parent has heard of its end, its number counts as alive.


def everybody(cluster: Cluster) -> list[int]:
    """All processes of a cluster: they work in its folder, and nobody else does."""
    return [pid for pid in _processes() if _works_in(pid, cluster.data)]


def _processes() -> Iterator[int]:
    return (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False  # It is gone, or about to be.


def _send(everybody: Iterable[int], number: signal.Signals) -> None:
    for one in everybody:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)
