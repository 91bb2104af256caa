"""A Patroni cluster of the tests' own: three PostgreSQL on loopback and an etcd, in a temporary
folder, all of an unprivileged user."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.live import free_port
from tests.postgres import MISSING as NO_POSTGRES
from tests.postgres import binaries, owner

COUNT: Final = 3
PATIENCE: Final = 180.0
"""Seconds in which the members find together."""

_WANTED: Final = [name for name in ("patroni", "etcd") if not shutil.which(name)]
MISSING: Final = NO_POSTGRES or (
    f"{' and '.join(_WANTED)} not installed (Debian: patroni, etcd-server)" if _WANTED else ""
)

DYNAMIC: Final[dict[str, Any]] = {
    # The shortest that Patroni takes: so long a dead leader's lease runs on.
    "ttl": 20,
    "loop_wait": 1,
    "retry_timeout": 3,
    "synchronous_mode": True,
    "postgresql": {"use_pg_rewind": True, "parameters": {"shared_buffers": "64MB"}},
}


class Member:
    """A PostgreSQL and the Patroni that watches it."""

    def __init__(self, folder: Path, name: str, *, etcd: int) -> None:
        self.name, self.port, self.rest = name, free_port(), free_port()
        self.home = folder / name
        self._log = folder / f"{name}.log"
        self._config = folder / f"{name}.yml"
        self._config.write_text(json.dumps(self._settings(etcd)))  # JSON is YAML too.
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts Patroni, which starts the rest."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["patroni", str(self._config)], stdout=log, stderr=log, user=owner(), cwd="/"
            )

    def kill(self) -> None:
        """`kill -9` for Patroni and all of its PostgreSQL; returns once nothing is left."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
        while alive := [pid for pid in _processes() if _works_in(pid, self.home)]:
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text()[-3000:]

    def _settings(self, etcd: int) -> dict[str, Any]:
        at, rest = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.rest}"
        programs = binaries()
        return {
            "scope": "valetkey",
            "name": self.name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": f"127.0.0.1:{etcd}"},
            "bootstrap": {
                "dcs": DYNAMIC,
                "initdb": [{"encoding": "UTF8"}, "no-sync", {"auth": "trust"}],
            },
            "postgresql": {
                "listen": at,
                "connect_address": at,
                "data_dir": str(self.home),
                "bin_dir": str(programs),
                "pgpass": str(self.home.with_suffix(".pgpass")),
                "parameters": {"unix_socket_directories": str(self.home.parent)},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
                "authentication": {
                    "superuser": {"username": "valetkey"},
                    "replication": {"username": "replicator"},
                },
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
        }


class Patroni:
    """All members. `url` names them all."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self.members = members
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in members)
        self.url = f"postgresql://valetkey@{hosts}/postgres?target_session_attrs=read-write"

    def whole(self) -> Member:
        """Waits until there is a leader and every other member streams from it, one of them
        synchronously; the leader."""
        until = time.monotonic() + PATIENCE
        while True:
            roles = self._roles()
            leader = next((one for one in self.members if roles.get(one.name) == "leader"), None)
            if leader and len(roles) == len(self.members) and "sync_standby" in roles.values():
                return leader
            assert time.monotonic() < until, [one.said() for one in self.members]
            time.sleep(0.2)

    def _roles(self) -> dict[str, str]:
        """The role of each member that runs as it should."""
        for one in self.members:
            with contextlib.suppress(OSError, ValueError):
                at = f"http://127.0.0.1:{one.rest}/cluster"
                with urllib.request.urlopen(at, timeout=5) as reply:
                    told = json.load(reply)["members"]
                return {
                    member["name"]: member["role"]
                    for member in told
                    if member["state"] in {"running", "streaming"}
                }
        return {}


@contextlib.contextmanager
def patroni() -> Iterator[Patroni]:
    """The cluster, whole."""
    folder = Path(tempfile.mkdtemp(prefix="valetkey-pt-"))
    try:
        if (user := owner()) is not None:
            os.chown(folder, user, -1)
        with _etcd(folder) as port:
            both = Patroni(tuple(Member(folder, name, etcd=port) for name in "abc"[:COUNT]))
            try:
                for one in both.members:
                    one.start()
                both.whole()
                yield both
            finally:
                for one in both.members:
                    one.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _etcd(folder: Path) -> Iterator[int]:
    port, peers = free_port(), free_port()
    here, there = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    words = ["--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"]
    words += ["--listen-client-urls", here, "--advertise-client-urls", here]
    words += ["--listen-peer-urls", there, "--initial-advertise-peer-urls", there]
    words += ["--initial-cluster", f"default={there}"]
    with (folder / "etcd.log").open("ab") as log:
        process = subprocess.Popen(
            ["etcd", *words], stdout=log, stderr=log, user=owner(), cwd=folder
        )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def _processes() -> Iterator[int]:
    return (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False
