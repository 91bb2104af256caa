"""The Debian package and the unit that `valetkey init` writes, in a system that is booted."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from tests.integration.tools import ROOT, tool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PASSWORD: Final = "one word for each garden gate"

BOOTED: Final = """\
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /boot.py
[Install]
WantedBy=multi-user.target
"""

SHORT: Final = """\
[Service]
# Shorter than an operator's, so that the test need not wait; and as many files as a container gets.
WatchdogSec=4
LimitNOFILE=16384
"""


def run(*words: str | Path, stdin: str = "", seconds: float = 300) -> str:
    done = subprocess.run(
        [str(one) for one in words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def package() -> Path:
    return ROOT / run(ROOT / "scripts/debian-package.sh", seconds=600).strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Path:
    """A root in which the package is installed and set up by `valetkey init`."""
    root = tmp_path_factory.mktemp("systemd") / "root"
    run("cp", "--archive", tool("systemd-root"), root)
    run("dpkg", f"--root={root}", "--install", package)
    words = ("--for", "systemd", "--folder", "/etc/valetkey", "--name", "Chirp", "--owner", "miko")
    init = ("/usr/bin/valetkey", "init", "--yes", "--password-stdin", *words)
    said = run("chroot", root, *init, stdin=PASSWORD + "\n")
    assert "systemctl enable --now /etc/valetkey/valetkey.service" in said
    return root


@pytest.fixture(scope="module")
def found(installed: Path) -> dict[str, Any]:
    """What was found in the booted system."""
    nspawn = tool("systemd-nspawn")
    system = installed / "etc/systemd/system"
    shutil.copy(ROOT / "tests/integration/boot.py", installed / "boot.py")
    shutil.copy(ROOT / "deploy/systemd/valetkey.socket", system)
    (system / "boot.service").write_text(BOOTED)
    (system / "multi-user.target.wants").mkdir(exist_ok=True)
    (system / "multi-user.target.wants/boot.service").symlink_to("../boot.service")
    (system / "valetkey.service.d").mkdir()
    (system / "valetkey.service.d/short.conf").write_text(SHORT)
    words = ("--boot", "--register=no", "--keep-unit", "--console=pipe", "--private-network")
    # Its exit status is of no use: what counts is what it leaves.
    booted = subprocess.run(
        [str(nspawn), "--quiet", *words, "--directory", str(installed)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    file = installed / "found.json"
    assert file.exists(), booted.stdout[-3000:] + booted.stderr[-3000:]
    report: dict[str, Any] = json.loads(file.read_text())
    assert "failed" not in report, report
    return report


def test_it_starts_reloads_and_stops_as_systemd_says(found: dict[str, Any]) -> None:
    assert found["ready"] == 200, found["log"]
    assert found["status"] == "Serving"
    assert found["reload keeps the process"]
    assert found["a bad reload"] == ["active", 200]
    assert found["after the watchdog"] == 200
    assert found["while it stops"] == "HTTP/1.1 401"
    assert found["result of the stop"] == "success"
    print("seconds to ready:", found["start seconds"])


def test_the_socket_starts_it(found: dict[str, Any]) -> None:
    assert found["before the first connection"] == "inactive"
    assert found["through the socket"] == 200
    assert found["after it"] == "active"
    assert found["after a restart"] == 200


def test_it_has_no_rights_and_no_secret_lies_open(found: dict[str, Any]) -> None:
    """ATTACKS A83."""
    assert not found["is root"]
    assert found["capabilities"] == 0
    assert not found["key in environment"]
    assert "valetkey.db" in found["state"]
    assert not found["others read the state"]
    assert found["credential"] in {"0o400", "0o440"}


def test_the_unit_is_hardened(installed: Path) -> None:
    """At most 1.5 of 10, where less is better. `verify` says what it does not know on stderr."""
    unit = installed / "etc/valetkey/valetkey.service"
    run("systemd-analyze", "security", "--offline=yes", "--threshold=15", unit)
    checked = subprocess.run(
        ["chroot", str(installed), "systemd-analyze", "verify", "/etc/valetkey/valetkey.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in checked.stderr.splitlines() if "valetkey" in line]
    assert own == []


def test_the_package_holds_no_secret_and_no_tool(package: Path) -> None:
    listed = run("dpkg-deb", "--contents", package)
    assert "./usr/bin/valetkey" in listed
    for word in ("valetkey/pip/", "hatchling", "setuptools/", ".key", ".db", "valetkey/tests/"):
        assert word not in listed
