"""A network namespace with two wires to the rest of the machine: one to those who ask, one to the
database. Either can be cut: then packets are lost without a word."""

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator

import msgspec
import pytest


class Namespace(msgspec.Struct):
    """`inner` is its address for those who ask; `database` is where it finds the database."""

    name: str
    inner: str
    database: str

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """The wire to the database is cut."""
        wire = f"{self.name}d"
        _ip("link", "set", "dev", wire, "down")
        try:
            yield
        finally:
            _ip("link", "set", "dev", wire, "up")


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Makes one, where that is allowed; else the test is skipped by name."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("a network namespace needs root, and the program `ip` (Debian: iproute2)")
    name, third = f"vk{random.randrange(10_000)}", random.randrange(256)
    place = Namespace(name, f"10.91.{third}.2", f"10.92.{third}.1")
    try:
        _ip("netns", "add", name)
        with contextlib.ExitStack() as stack:
            stack.callback(_ip, "netns", "del", name)
            _wire(name, "c", f"10.91.{third}")
            _wire(name, "d", f"10.92.{third}")
            yield place
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr.strip()}")


def _wire(name: str, letter: str, net: str) -> None:
    """A cable whose one end (.1) is here and whose other (.2) is inside."""
    _ip("link", "add", f"{name}{letter}", "type", "veth", "peer", "name", letter, "netns", name)
    _ip("addr", "add", f"{net}.1/24", "dev", f"{name}{letter}")
    _ip("link", "set", "dev", f"{name}{letter}", "up")
    _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", letter)
    _ip("-n", name, "link", "set", "dev", letter, "up")
    _ip("-n", name, "link", "set", "dev", "lo", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
