"""What every server of the bench has to offer."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import httpx2
import msgspec

from bench.machine import SERVER_CORE, on_core
from bench.wrk import Load

TIMEOUT = 60.0
"""Seconds in which a server has to answer after it was started."""


class Running(msgspec.Struct, kw_only=True):
    """A server that runs on the server's core. `load` makes what one round sends; `first` is how
    long after its start it answered, in seconds."""

    pid: int
    port: int
    load: Callable[[], Load]
    first: float = 0.0


class Peer(Protocol):
    """A server that can be measured."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    @property
    def operations(self) -> Sequence[str]:
        """Those that it has."""
        ...

    def missing(self) -> str:
        """Why it cannot be measured here, "" where it can."""
        ...

    def serving(self, operation: str, folder: Path) -> AbstractContextManager[Running]:
        """The server, with what the operation needs, in an empty folder, until the end."""
        ...


@contextlib.contextmanager
def program(
    command: Sequence[str],
    *,
    folder: Path,
    health: str,
    environment: Mapping[str, str] | None = None,
    cores: Sequence[int] = (SERVER_CORE,),
) -> Iterator[tuple[int, float]]:
    """A program on the server's core, from when it answers at the address `health` on; its process,
    and the seconds that this took. Raises RuntimeError with its last words where it does not."""
    log = folder / "log"
    with log.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*on_core(*cores), *command],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        while not _answers(health):
            if process.poll() is not None or time.perf_counter() - began > TIMEOUT:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.002)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx2.get(address, timeout=2).status_code < 500
    except httpx2.TransportError:
        return False
