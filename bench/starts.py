"""`python -m bench.starts`: what an installation on PostgreSQL takes: bytes, seconds, memory.

valetkey, Ory Hydra and Keycloak, each with a database of its own on one PostgreSQL. The first start
makes the tables. After it each is started in turn, as often as `--rounds` says, until its health
check says that it is ready. After ten quiet seconds its memory is looked at. What others made comes
from `tools/get`.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from tests.integration.tools import ROOT, tool
from tests.postgres import Cluster, cluster

from bench.machine import free_port, resident
from valetkey.jose import base64url

LATEST: Final = 240.0
"""Seconds within which each has to be ready."""

QUIET: Final = 10.0
LOOK: Final = 0.02
MEGABYTE: Final = 1_000_000


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What is done once before, the command, and the address that says when it is ready. `takes`
    is what lies on the disk for it, besides Python or Java."""

    name: str
    takes: Path
    prepare: Sequence[Sequence[str | Path]] = ()
    command: Sequence[str | Path]
    environ: dict[str, str]
    ready: str


class Start(msgspec.Struct, frozen=True):
    """Seconds until it was ready, and bytes of memory after that."""

    seconds: float
    memory: int


def ours(server: Cluster, folder: Path) -> Program:
    """valetkey, with what its image holds."""
    port, python = free_port(), folder / "venv/bin/python"
    pip, wheels = (sys.executable, "-m", "pip", "--quiet"), folder / "wheels"
    offline = ("--no-deps", "--no-index", "--find-links", wheels, "valetkey")
    serve = (python, "-m", "valetkey", "serve", "--database", server.fresh())
    return Program(
        name="valetkey",
        takes=folder / "venv",
        prepare=(
            (ROOT / "scripts/environment.sh", ROOT / "requirements/image.txt", folder / "venv"),
            (*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, ROOT),
            (*pip, "--python", python, "install", *offline),
        ),
        command=(*serve, "--port", str(port), "--issuer", f"http://127.0.0.1:{port}"),
        environ={"VALETKEY_MASTER_KEY": base64url.encode(os.urandom(32))},
        ready=f"http://127.0.0.1:{port}/readyz",
    )


def hydra(server: Cluster, folder: Path) -> Program:
    """Ory Hydra, one program without anything around it."""
    port, administration = free_port(), free_port()
    program = shutil.copy(tool("hydra"), folder / "hydra")
    return Program(
        name="Ory Hydra",
        takes=folder / "hydra",
        prepare=((program, "migrate", "sql", "up", "-e", "--yes"),),
        command=(program, "serve", "all", "--dev"),
        environ={
            "DSN": f"{server.fresh()}?sslmode=disable",
            "SECRETS_SYSTEM": "a secret that guards nothing at all",
            "URLS_SELF_ISSUER": f"http://127.0.0.1:{port}",
            "SERVE_PUBLIC_PORT": str(port),
            "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(administration),
            "SERVE_ADMIN_HOST": "127.0.0.1",
            "SQA_OPT_OUT": "true",
            "LOG_LEVEL": "error",
        },
        ready=f"http://127.0.0.1:{administration}/health/ready",
    )


def keycloak(server: Cluster, folder: Path) -> Program:
    """Keycloak, built for its database as its guide for production says."""
    port, management = free_port(), free_port()
    home = shutil.copytree(tool("keycloak"), folder / "keycloak", symlinks=True)
    program, database = home / "bin/kc.sh", server.fresh().partition("@")[2]
    return Program(
        name="Keycloak",
        takes=home,
        prepare=((program, "build", "--db=postgres", "--health-enabled=true"),),
        command=(program, "start", "--optimized"),
        environ={
            "KC_DB_URL": f"jdbc:postgresql://{database}",
            "KC_DB_USERNAME": "valetkey",
            "KC_HTTP_ENABLED": "true",
            "KC_HTTP_HOST": "127.0.0.1",
            "KC_HTTP_PORT": str(port),
            "KC_HTTP_MANAGEMENT_PORT": str(management),
            "KC_HOSTNAME": f"http://127.0.0.1:{port}",
            "KC_CACHE": "local",
        },
        ready=f"http://127.0.0.1:{management}/health/ready",
    )


def start(program: Program, log: Path) -> Start:
    """Starts it, waits until it is ready, looks at its memory, and stops it. Raises RuntimeError
    if it ends, or is not ready in time."""
    began = time.monotonic()
    with (
        log.open("wb") as out,
        subprocess.Popen(
            program.command,
            env=os.environ | program.environ,
            cwd=log.parent,
            stdout=out,
            stderr=out,
            start_new_session=True,
        ) as process,
    ):
        try:
            while not _is_ready(program.ready):
                if process.poll() is not None or time.monotonic() - began > LATEST:
                    raise RuntimeError(f"{program.name}: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(LOOK)
            seconds = time.monotonic() - began
            time.sleep(QUIET)
            return Start(seconds, resident(process.pid))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if not one.is_symlink()]
    return sum(one.stat().st_size for one in files if one.is_file())


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.starts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, cluster(max_connections="200") as server:
        folder = Path(name)
        programs = [one(server, folder) for one in (ours, hydra, keycloak)]
        first, others = {}, {one.name: list[Start]() for one in programs}
        for one in programs:
            for words in one.prepare:
                environ = os.environ | one.environ
                subprocess.run(words, env=environ, cwd=folder, check=True, capture_output=True)
            first[one.name] = start(one, folder / "log")
        for _ in range(rounds):
            for one in programs:
                others[one.name].append(start(one, folder / "log"))
        print("| | on the disk | first start | later starts | memory, idle |")
        print("| --- " * 5 + "|")
        for one in programs:
            seconds = sorted(each.seconds for each in others[one.name])
            cells = (
                one.name,
                f"{size(one.takes) / MEGABYTE:,.0f} MB",
                f"{first[one.name].seconds:.1f} s",
                f"{median(seconds):.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})",
                f"{median(each.memory for each in others[one.name]) / MEGABYTE:,.0f} MB",
            )
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
