"""The server as an operator runs it: separate processes, which tests can kill."""

import base64
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from tests.live import free_port

READY: Final = 90.0
"""Seconds after which a server that is not ready never will be."""

_ROOT: Final = Path(__file__).parents[2]
_MASTER: Final = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class Process:
    """`valetkey serve` over a database, on the same port after each start. `broken` names one of
    its protections to be taken out (`tests.promises.broken`); `inside` is a network namespace, in
    which it listens on `host`. `limited` is what it is started by, such as `prlimit`. `python` runs
    it from the next start on; that of another environment runs the version that is there."""

    def __init__(
        self,
        folder: Path,
        database: str,
        *limited: str,
        issuer: str = "",
        broken: str = "",
        host: str = "127.0.0.1",
        inside: str = "",
        **more: str,
    ) -> None:
        self.host, self.port = host, free_port()
        self.url = f"http://{host}:{self.port}"
        self.issuer = issuer or self.url
        self.python = sys.executable
        self._folder = folder
        self._program = ["tests.promises.broken", broken] if broken else ["valetkey"]
        self._settings = {"unthrottled": "127.0.0.1", **more}
        self._inside = ["ip", "netns", "exec", inside] if inside else []
        self._inside += limited
        self._line = ["--database", database, "--port", str(self.port), "--issuer", self.issuer]
        self._line += ["--host", host]
        self._workers = int(more.get("workers", 1))
        self._killed: set[int] = set()
        self._log = folder / f"serve-{self.port}.log"
        self._process: subprocess.Popen[str] | None = None
        self._ended = time.monotonic()

    def start(self) -> None:
        """Starts it; `ready` waits until it answers."""
        words = [word for name, value in self._settings.items() for word in self._set(name, value)]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*self._inside, self.python, "-m", *self._program, "serve", *self._line, *words],
                cwd=self._folder,
                env=environment(of_this_tree=self.python == sys.executable),
                stdout=log,
                stderr=log,
                text=True,
            )

    def ready(self) -> float:
        """Waits for the first 200 of /readyz; the seconds since it ended last."""
        until = time.monotonic() + READY
        while not self.answers():
            assert self._process is None or self._process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.005)
        return time.monotonic() - self._ended

    def answers(self) -> bool:
        """Whether /readyz says 200 now."""
        with contextlib.closing(HTTPConnection(self.host, self.port, timeout=10)) as asking:
            try:
                asking.request("GET", "/readyz")
                with asking.getresponse() as reply:
                    return reply.status == 200
            except (OSError, HTTPException):
                return False

    def kill(self) -> None:
        """`kill -9` for all of it, at once. Nothing to do where it is gone."""
        if self._process:
            self._ended = time.monotonic()
            workers = self._born()
            self._process.kill()
            self._kill(workers)

    def kill_workers(self, count: int) -> None:
        """`kill -9` for so many of its workers; their parent lives."""
        self._ended = time.monotonic()
        self._kill(self._born()[:count])

    def buried(self) -> None:
        """Waits until all that was killed is gone."""
        if self._process:
            self._process.wait()
            assert self._process.returncode == -signal.SIGKILL, self.log()
            self._process = None
        self._gone()

    def replaced(self) -> float:
        """Waits until there are as many workers as before; the seconds since some were killed."""
        self._gone()
        until = time.monotonic() + READY
        while len(self._born()) < self._workers or not self.answers():
            assert time.monotonic() < until, self.log()
            time.sleep(0.005)
        return time.monotonic() - self._ended

    def _born(self) -> list[int]:
        """Its workers, where it has several."""
        if self._process is None or self._workers == 1:
            return []
        pid = self._process.pid
        born = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [one for one in map(int, born) if _lives(one)]

    def _kill(self, workers: list[int]) -> None:
        for one in workers:
            os.kill(one, signal.SIGKILL)
        self._killed |= {*workers}

    def _gone(self) -> None:
        while any(map(_lives, self._killed)):
            time.sleep(0.001)
        self._killed.clear()

    def reload(self) -> None:
        """Has it read its settings again (SIGHUP)."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> float:
        """Asks it politely to end (SIGTERM), and waits; the seconds that it took."""
        assert self._process
        self._ended = time.monotonic()
        self._process.terminate()
        code = self._process.wait(timeout=READY)
        self._process = None
        assert code == 0, f"ended by {code}: {self.log()}"
        return time.monotonic() - self._ended

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if self._process:
            self.kill()
            self._process.wait()
            self._process = None

    def memory(self) -> float:
        """MB that its first process has in memory."""
        assert self._process
        told = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(told.partition("VmRSS:")[2].split()[0]) / 1024

    def log(self) -> str:
        """The end of what it has said."""
        return self._log.read_text()[-2000:]

    def _set(self, name: str, value: str) -> tuple[str, str]:
        return "--set", f"{name}={value}"


def _lives(pid: int) -> bool:
    """Whether any of its threads holds something yet: a file, a socket, a lock. One that was killed
    keeps its number until somebody asks how it ended, which may take whoever inherited it a second
    or two."""
    try:
        told = [one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return True  # One has just ended: look again.
    return any(text.rpartition(")")[2].split()[0] not in {"Z", "X"} for text in told)


def nodes(
    folder: Path, database: str, count: int, *, broken: str = "", **more: str
) -> tuple[Process, ...]:
    """Several on one database, which are one issuer; none is started. `more` are settings."""
    first = Process(folder, database, broken=broken, **more)
    others = (
        Process(folder, database, issuer=first.issuer, broken=broken, **more)
        for _ in range(count - 1)
    )
    return (first, *others)


@contextlib.contextmanager
def running(several: Sequence[Process]) -> Iterator[tuple[Process, ...]]:
    """Starts them, and waits until all are ready."""
    try:
        for node in several:
            node.start()
        for node in several:
            node.ready()
        yield tuple(several)
    finally:
        for node in several:
            node.end()


def environment(*, of_this_tree: bool = True) -> dict[str, str]:
    """What the programs of this tree, or those of an installation, are started with."""
    # As an operator's: a program that is installed has been compiled once, not at each start.
    kept = (one for one in os.environ.items() if one[0] != "PYTHONDONTWRITEBYTECODE")
    ours = {name: value for name, value in kept if not name.startswith("VALETKEY_")}
    ours["VALETKEY_MASTER_KEY"] = _MASTER
    if of_this_tree:
        ours["PYTHONPATH"] = f"{_ROOT / 'src'}:{_ROOT}"
    return ours
