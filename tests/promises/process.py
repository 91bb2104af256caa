"""The server as an operator runs it: a process of its own, which can be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.live import free_port


class Process:
    """`valetkey serve` over a database file, on the same port after each start."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "valetkey.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it, and waits until it says that it is ready."""
        words = ["serve", "--database", str(self.database), "--port", str(self.port)]
        words += ["--issuer", self.url, "--set", "unthrottled=127.0.0.1"]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "valetkey", *words],
                cwd=self.database.parent,
                env={k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout
        assert "listens" in self._process.stdout.readline(), self._log.read_text()[-2000:]

    def kill(self) -> None:
        """`kill -9`, at once."""
        if self._process:
            self._process.kill()

    def buried(self) -> None:
        """Waits until the killed process is gone."""
        if self._process:
            self._process.communicate()
            assert self._process.returncode == -signal.SIGKILL, self._log.read_text()[-2000:]
            self._process = None
