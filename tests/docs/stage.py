"""A reader's machine, on which the commands of a page are run as they are written."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx2
from tests.docs.markdown import ROOT, blocks, read
from tests.live import free_port

FILE_NAME: Final = re.compile(r"`([a-z_]+\.(?:py|toml))`:\n\n$")
"""The name of a file, at the end of the sentence before its block."""


class Stage:
    """A reader's machine: a folder, an environment, and addresses of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = f"http://127.0.0.1:{free_port()}"
        self.api = f"http://127.0.0.1:{free_port()}"
        self.programs: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "BROWSER": f"{sys.executable} -m tests.docs.miko %s",
            "VALETKEY_ISSUER": self.server,
            "VALETKEY_PORT": self.server.rpartition(":")[2],
        }

    def local(self, text: str) -> str:
        """The text, with this machine's addresses."""
        for address in ("http://127.0.0.1:8000", "https://id.chirp.example"):
            text = text.replace(address, self.server)
        for address in ("http://127.0.0.1:8001", "https://api.chirp.example"):
            text = text.replace(address, self.api)
        return text.replace("--port 8001", f"--port {self.api.rpartition(':')[2]}")

    def published(self, text: str) -> str:
        """The text, with the addresses that the pages show."""
        return text.replace(self.server, "http://127.0.0.1:8000")

    def run(self, line: str, *, stdin: str = "", **env: str) -> str:
        """One line of the shell, to its end; what it printed."""
        finished = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env={**self.env, **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,  # Ends a hanging program; a busy machine takes its time.
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def start(self, line: str, address: str) -> None:
        """Starts a program that keeps running, and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            command = ["sh", "-c", f"exec {line}"]
            program = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdout=log, stderr=log
            )
        self.programs.append(program)
        for _ in range(300):
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(address)
                return
            assert program.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError(f"{line} does not answer")

    def write_files(self, page: Path) -> None:
        """Writes the files that the page shows, each under the name that stands before it."""
        text = read(page)
        for block in blocks("python", "toml"):
            if block.page == page:
                (name,) = FILE_NAME.findall(
                    text[: text.index(f"```{block.language}\n{block.text}")]
                )
                (self.folder / name).write_text(self.local(block.text), "utf-8")

    def type(self, line: str, password: str) -> str:
        """One line of the shell as a reader types it; what it printed."""
        stay = {"valetkey serve": self.server, "uvicorn api:app --port 8001": self.api}
        if line in stay:
            self.start(self.local(line), stay[line])
            return ""
        if line.startswith("valetkey user add") and "--password-stdin" not in line:
            return self.run(f"{line} --password-stdin", stdin=password)
        return self.run(self.local(line))

    def stop(self) -> None:
        """Ends the programs that are still running."""
        for program in self.programs:
            program.terminate()
            program.wait(20)
