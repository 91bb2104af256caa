"""A PostgreSQL of the tests' own: a private cluster in a temporary folder, on a free loopback port.

It belongs to an unprivileged user (PostgreSQL refuses root), and is gone afterwards.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.live import free_port

_PLACES: Final = ("/usr/lib/postgresql", "/usr/local/pgsql")


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, the newest version first; None where there is none."""
    found = [path.parent for place in _PLACES for path in Path(place).glob("**/bin/initdb")]
    if not found and (on_path := shutil.which("initdb")):
        found = [Path(on_path).parent]
    return max(found, key=str, default=None)


MISSING: Final = "" if binaries() else "PostgreSQL is not installed (Debian: postgresql)"
"""Why the tests on PostgreSQL are skipped, "" where they run."""


class Cluster:
    """One server. `url` connects to its database."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"postgresql://valetkey@127.0.0.1:{self.port}/postgres"
        self._folder = folder
        self.data = folder / "data"
        self._made = 0
        self._settings = {
            "max_connections": "60",
            "shared_buffers": "64MB",
            "listen_addresses": "127.0.0.1",
            **settings,
        }

    def create(self, *more: str) -> None:
        """Makes the files; `more` is for `initdb`."""
        words = ("-D", str(self.data), "-U", "valetkey", "-A", "trust", "--no-sync", *more)
        self._run("initdb", *words)

    def reset_log(self) -> None:
        """Leaves one segment of the write-ahead log: when it was created it put many in store."""
        self._run("pg_resetwal", "-D", str(self.data))

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        options = [f"-c {name}={value}" for name, value in self._settings.items()]
        options += [f"-p {self.port}", f"-k {self._folder}"]
        log = self._folder / "log"
        words = ["-D", str(self.data), "-l", str(log), "-o", " ".join(options), "-w", "start"]
        try:
            self._run("pg_ctl", *words)
        except AssertionError as error:
            raise AssertionError(f"{error}{log.read_text()[-2000:]}") from error

    def stop(self, mode: str = "immediate") -> None:
        """Stops it: `immediate` is as good as a crash, `fast` is polite."""
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def fresh(self) -> str:
        """The URL of another database on it, with nothing in it."""
        self._made += 1
        name = f"fresh{self._made}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "valetkey", name)
        return self.url.removesuffix("postgres") + name

    def _run(self, program: str, *arguments: str) -> str:
        folder = binaries()
        assert folder is not None, MISSING
        command = [str(folder / program), *arguments]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, user=owner(), cwd=self._folder
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def owner() -> int | None:
    """The unprivileged user, where the tests run as root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return None


@contextlib.contextmanager
def cluster(
    prepare: Callable[[Cluster], None] = lambda one: None, /, **settings: str
) -> Iterator[Cluster]:
    """A running server for the time of a test. `prepare` sees its files before it starts."""
    folder = Path(tempfile.mkdtemp(prefix="valetkey-pg-"))
    try:
        if (user := owner()) is not None:
            os.chown(folder, user, -1)
        one = Cluster(folder, **settings)
        one.create()
        prepare(one)
        one.start()
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
