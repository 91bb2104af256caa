"""A proxy before nodes that are replaced by another version, one after the other."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.integration.tools import tool
from tests.promises.process import Process

CONFIG: Final = """\
global
    stats socket {folder}/admin.sock level admin
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 5s
    retries 3
    option redispatch
frontend front
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance roundrobin
    cookie node insert indirect nocache
    option httpchk GET /readyz
    http-error status 503 content-type text/plain string "no node" hdr Retry-After 1
    default-server check inter 200 fall 5 rise 1
{servers}
"""


class Balancer:
    """HAProxy before the nodes."""

    def __init__(self, folder: Path, port: int, nodes: Sequence[Process]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._socket, self._file = folder / "admin.sock", folder / "haproxy.cfg"
        servers = [
            f"    server {one.port} {one.host}:{one.port} cookie {one.port}" for one in nodes
        ]
        self._file.write_text(CONFIG.format(folder=folder, port=port, servers="\n".join(servers)))

    @contextlib.contextmanager
    def running(self) -> Iterator["Balancer"]:
        """Runs it for a time."""
        words = [str(tool("haproxy")), "-db", "-f", str(self._file)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
            try:
                until = time.monotonic() + 10
                while not self._socket.exists():
                    assert one.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.02)
                yield self
            finally:
                one.terminate()

    def drain(self, node: Process) -> None:
        """Sends the node nothing new, and waits until it has answered everything. (HAProxy's own
        state `drain` goes on with browsers that have the node's cookie.)"""
        self._say(f"set server nodes/{node.port} state maint")
        self._until(node, lambda row: row["scur"] == "0")

    def use(self, node: Process) -> None:
        """Sends requests to the node again."""
        self._say(f"set server nodes/{node.port} state ready")
        self._until(node, lambda row: row["status"] == "UP")

    def _until(self, node: Process, holds: Callable[[dict[str, str]], bool]) -> None:
        until = time.monotonic() + 30
        while not holds(self._row(node)):
            assert time.monotonic() < until, self._row(node)
            time.sleep(0.05)

    def _row(self, node: Process) -> dict[str, str]:
        names, *rows = self._say("show stat").removeprefix("# ").splitlines()
        found = (dict(zip(names.split(","), one.split(","), strict=False)) for one in rows if one)
        return next(one for one in found if one["svname"] == str(node.port))

    def _say(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(self._socket))
            one.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: one.recv(65536), b"")).decode()
