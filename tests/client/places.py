"""Places where keys are kept, some of which fail: real file systems where root may mount them."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

IS_ROOT = os.geteuid() == 0


class InMemory(KeyringBackend):
    """A key store like that of an operating system, which can be locked."""

    priority: ClassVar[float] = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.locked = False
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked("ask its user")


class Plain(InMemory):
    """One that keyring itself does not recommend."""

    priority = 0.5


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    place.mkdir()
    if not IS_ROOT:
        pytest.skip("only root may mount a file system")
    result = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)], check=False
    )
    if result.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """Until nothing more goes in."""
    ballast = place / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    return ballast


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Nothing can be written there for a while."""
    if IS_ROOT:
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    else:
        place.chmod(0o500)
    try:
        yield
    finally:
        if IS_ROOT:
            subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        else:
            place.chmod(0o700)
