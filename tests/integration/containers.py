"""Podman with what works in a machine without systemd and without a registry."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.integration.tools import ROOT, tool

IMAGE: Final = "localhost/valetkey:latest"

ENGINE: Final = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""

STORAGE: Final = """\
[storage]
driver = "vfs"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


class Podman:
    """Podman with its own storage in a folder."""

    def __init__(self, folder: Path) -> None:
        self.program = str(tool("podman"))
        for name in ("runc", "netavark", "aardvark-dns", "iptables"):
            tool(name)
        engine, storage = folder / "containers.conf", folder / "storage.conf"
        engine.write_text(ENGINE)
        storage.write_text(STORAGE.format(folder=folder))
        self.environ = os.environ | {
            "CONTAINERS_CONF": str(engine),
            "CONTAINERS_STORAGE_CONF": str(storage),
        }

    def run(self, *words: str, stdin: str = "", seconds: float = 120, fails: bool = False) -> str:
        """Runs a command of podman; its stdout and stderr."""
        done = subprocess.run(
            [self.program, *words],
            input=stdin,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert (done.returncode != 0) is fails, f"{words}: {done.stdout[-3000:]}"
        return done.stdout

    def load(self, layout: Path, name: str) -> None:
        """Takes an image from an OCI layout."""
        pulled = self.run("pull", "--quiet", f"oci:{layout}:latest").split()[-1]
        self.run("tag", pulled, name)

    @contextlib.contextmanager
    def container(self, *words: str) -> Iterator[str]:
        """A container that runs for the time of a test; its id."""
        name = self.run("run", "--detach", *words).split()[-1]  # after warnings
        try:
            yield name
        finally:
            self.run("rm", "--force", "--time", "5", name)


def build_image() -> str:
    """Builds the image; its digest."""
    for name in ("mmdebstrap", "umoci"):
        tool(name)
    done = subprocess.run(
        [str(ROOT / ".venv/bin/python"), str(ROOT / "scripts/image.py")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
