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
IMAGE_LOCK = ROOT / "requirements/image.txt"
LDAP_LOCK = ROOT / "requirements/ldap.txt"
BENCH_LOCK = ROOT / "requirements/bench.txt"
NODE_LOCK = ROOT / "tests/clients/node/package-lock.json"


BENCH = "bench"
"""The group of others' servers, which have a lock of their own."""


def declared() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [
        project["build-system"]["requires"],
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *(lines for name, lines in project["dependency-groups"].items() if name != BENCH),
    ]
    lines = {line for lines in lists for line in lines if isinstance(line, str)}
    # An extra that takes in another one pins nothing itself.
    return sorted(line for line in lines if not line.startswith("valetkey["))


def locked(lock: Path = PYTHON_LOCK) -> dict[str, tuple[str, str]]:
    """What each entry pins: its version, and the hashes and notes under it."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)
    parts = [re.split("==| ", entry, maxsplit=2) for entry in entries if entry]
    return {name: (version, rest) for name, version, rest in parts}


@pytest.mark.parametrize(
    "lock",
    [PYTHON_LOCK, SERVER_LOCK, IMAGE_LOCK, LDAP_LOCK, BENCH_LOCK, NODE_LOCK],
    ids=["python", "server", "image", "ldap", "bench", "node"],
)
def test_a_lock_records_no_addresses(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize(
    "lock",
    [PYTHON_LOCK, SERVER_LOCK, IMAGE_LOCK, LDAP_LOCK, BENCH_LOCK],
    ids=["python", "server", "image", "ldap", "bench"],
)
def test_every_python_package_has_a_hash(lock: Path) -> None:
    assert [name for name, (_, rest) in locked(lock).items() if "--hash=sha256:" not in rest] == []


@pytest.mark.parametrize("lock", [SERVER_LOCK, IMAGE_LOCK], ids=["server", "image"])
def test_a_small_lock_is_a_part_of_the_large_one(lock: Path) -> None:
    large = {name: version for name, (version, _) in locked().items()}
    small = {name: version for name, (version, _) in locked(lock).items()}
    assert small.items() <= large.items()
    assert len(small) < len(large) / 2


def test_every_npm_package_has_a_hash() -> None:
    packages = json.loads(NODE_LOCK.read_text())["packages"]
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []


@pytest.mark.parametrize("line", declared())
def test_what_is_declared_is_locked(line: str) -> None:
    requirement = Requirement(line)
    # The library of LDAP has to be built, so that not every environment has it.
    version, _ = {**locked(LDAP_LOCK), **locked()}[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


def test_what_the_bench_declares_is_locked_by_itself() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    names = {canonicalize_name(Requirement(line).name) for line in groups[BENCH]}
    assert names <= locked(BENCH_LOCK).keys()
    assert "django-oauth-toolkit" not in locked()
