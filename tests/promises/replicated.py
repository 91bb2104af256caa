"""Two PostgreSQL with synchronous replication: what the primary acknowledges, the standby has."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.postgres import Cluster, owner
from tests.promises import trouble

PATIENCE: Final = 60.0
"""Seconds in which a standby follows its primary."""


class Server(Cluster):
    """One of the two; either may be the primary."""

    def sql(self, text: str) -> str:
        """The answer of one statement."""
        port = str(self.port)
        words = ["-h", "127.0.0.1", "-p", port, "-U", "valetkey", "-d", "postgres", "-XAtc", text]
        return self._run("psql", *words).strip()

    def follow(self, primary: "Server") -> None:
        """Begins anew as a copy of the primary, and follows it from then on."""
        shutil.rmtree(self.data, ignore_errors=True)
        words = ["-D", str(self.data), "-h", "127.0.0.1", "-p", str(primary.port)]
        self._run("pg_basebackup", *words, "-U", "valetkey", "-R", "-c", "fast", "--no-sync")
        self.start()

    def wait_for(self, standbys: str) -> None:
        """Commits wait for these standbys from now on; "" for none."""
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'")
        self.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Makes the standby the primary. It has none behind it, so it waits for none."""
        self.wait_for("")
        assert self.sql("SELECT pg_promote()") == "t"


class Pair:
    """A primary and its standby. `url` names both."""

    def __init__(self, one: Server, other: Server) -> None:
        self.primary, self.standby = one, other
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in (one, other))
        self.url = f"postgresql://valetkey@{hosts}/postgres?target_session_attrs=read-write"

    def attach(self, *, synchronous: bool = True) -> None:
        """Makes the standby anew; returns once each commit waits for it."""
        self.standby.follow(self.primary)
        self.primary.wait_for("*" if synchronous else "")
        wanted = "sync" if synchronous else "async"
        until = time.monotonic() + PATIENCE
        asking = "SELECT state || ' ' || sync_state FROM pg_stat_replication"
        while self.primary.sql(asking) != f"streaming {wanted}":
            assert time.monotonic() < until, self.primary.sql(asking)
            time.sleep(0.02)

    def turn(self) -> None:
        """The standby takes over from a primary that is gone."""
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary


@contextlib.contextmanager
def pair(*, synchronous: bool = True) -> Iterator[Pair]:
    """Both, running."""
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(_server()) for _ in range(2))
        one.create()
        one.start()
        both = Pair(one, other)
        both.attach(synchronous=synchronous)
        yield both


@contextlib.contextmanager
def _server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="valetkey-pg-"))
    if (user := owner()) is not None:
        os.chown(folder, user, -1)
    server = Server(folder)
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            trouble.kill(server)
        shutil.rmtree(folder, ignore_errors=True)
