"""The programs of the demo: real processes, started one by one, and never left behind."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
RUN_SECONDS: Final = 60.0
PAUSE: Final = 0.02

PORTS: Final = range(12_000, 20_000)
_turns: Final = itertools.count(8 * os.getpid())

_LEFT_OUT: Final = re.compile(r"VALETKEY_.*|TERM|.*_proxy", re.IGNORECASE)


class Failed(Exception):
    """A program did not do what it was started for. `output` is what it printed."""

    def __init__(self, what: str, output: str = "") -> None:
        super().__init__(what)
        self.output = output


class Program:
    """One running program, with all that it says in a log."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ends it and whatever it started, gently first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(STOP_SECONDS)
            except ProcessLookupError:
                self.process.wait()
            except subprocess.TimeoutExpired:
                continue
            return

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])


class Programs:
    """All of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = environment()
        self.running: list[Program] = []

    def close(self) -> None:
        """Stops them, the last one first."""
        for program in reversed(self.running):
            program.stop()

    def run(self, *arguments: str) -> str:
        """Runs `python -m ARGUMENTS` to its end; what it printed. Raises Failed."""
        process = subprocess.run(  # noqa: S603
            [sys.executable, "-m", *_words(arguments)],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        if process.returncode:
            raise Failed(f"{' '.join(arguments)} ended with {process.returncode}", process.stderr)
        return process.stdout

    def start(
        self, name: str, *arguments: str, port: int, environ: Mapping[str, str] = {}
    ) -> Program:
        """Starts `python -m ARGUMENTS` and waits until it listens on the port. Raises Failed."""
        program = self.begin(name, *arguments, environ=environ)
        _await_port(program, port)
        return program

    def await_port(self, name: str, port: int) -> None:
        """Waits until the program of that name listens. Raises Failed."""
        (program,) = [one for one in self.running if one.name == name and one.alive]
        _await_port(program, port)

    def end(self, name: str) -> None:
        """Stops the program of that name."""
        for program in [one for one in self.running if one.name == name]:
            program.stop()
            self.running.remove(program)

    def begin(self, name: str, *arguments: str, environ: Mapping[str, str] = {}) -> Program:
        """Starts `python -m ARGUMENTS`, and does not wait for it."""
        log = self._folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *_words(arguments)],
                cwd=self._folder,
                env={**self._environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the demo, which then ends them in its own order.
                process_group=0,
            )
        program = Program(name, process, log)
        self.running.append(program)
        return program


def _words(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments. Commands go to the demo's own database, even if this person has a context of a
    server elsewhere in use."""
    return (*arguments, "--context", "local") if arguments[0] == "valetkey" else arguments


def _await_port(program: Program, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if not program.alive:
            raise Failed(f"{program.name} ended at once, with {program.process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(PAUSE)
    raise Failed(f"{program.name} does not listen on port {port} after {START_SECONDS:.0f} s")


def environment() -> dict[str, str]:
    """This process's environment, without what would set up the server otherwise, without proxies,
    and without a terminal, in which a text browser might come up."""
    environ = dict(os.environ, PYTHONUNBUFFERED="1")
    return {name: value for name, value in environ.items() if not _LEFT_OUT.fullmatch(name)}


def free_ports(count: int) -> Sequence[int]:
    """Ports that nobody listens on, all different. None is of those that the system lends to
    clients, which could take it before its program listens; two demos that start together look in
    different places, and no process is given a port twice."""
    ports: list[int] = []
    for _ in PORTS:
        port = PORTS[next(_turns) % len(PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise Failed(f"{count} free ports are needed on 127.0.0.1")


# `python -m valetkey.demo.programs COMMAND…`: a program in another language.
if __name__ == "__main__":
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
