"""The locks hold versions and hashes of all that is declared, and no addresses."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYTHON_LOCK = ROOT / "requirements/dev.txt"
SERVER_LOCK = ROOT / "requirements/server.txt"
NODE_LOCK = ROOT / "tests/clients/node/package-lock.json"


def declared() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [
        project["build-system"]["requires"],
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    return sorted({line for lines in lists for line in lines if isinstance(line, str)})


def locked(lock: Path = PYTHON_LOCK) -> dict[str, tuple[str, str]]:
    """What each entry pins: its version, and the hashes and notes under it."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)
    parts = [re.split("==| ", entry, maxsplit=2) for entry in entries if entry]
    return {name: (version, rest) for name, version, rest in parts}


@pytest.mark.parametrize(
    "lock", [PYTHON_LOCK, SERVER_LOCK, NODE_LOCK], ids=["python", "server", "node"]
)
def test_a_lock_records_no_addresses(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", [PYTHON_LOCK, SERVER_LOCK], ids=["python", "server"])
def test_every_python_package_has_a_hash(lock: Path) -> None:
    assert [name for name, (_, rest) in locked(lock).items() if "--hash=sha256:" not in rest] == []


def test_the_small_lock_is_a_part_of_the_large_one() -> None:
    large = {name: version for name, (version, _) in locked().items()}
    small = {name: version for name, (version, _) in locked(SERVER_LOCK).items()}
    assert small.items() <= large.items()
    assert len(small) < len(large) / 2


def test_every_npm_package_has_a_hash() -> None:
    packages = json.loads(NODE_LOCK.read_text())["packages"]
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []


@pytest.mark.parametrize("line", declared())
def test_what_is_declared_is_locked(line: str) -> None:
    requirement = Requirement(line)
    version, _ = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)
