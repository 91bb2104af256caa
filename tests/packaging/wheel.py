"""Builds the wheel, and says which locked packages it needs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements/dev.txt"


def build(folder: Path) -> Path:
    """The wheel of this checkout, built into the folder."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def locked(requirement: str) -> str:
    """The entries of the lock that the requirement needs, with their hashes."""
    entries = re.split(r"^(?=[a-z0-9])", LOCK.read_text(), flags=re.MULTILINE)
    names = set(_closure(Requirement(requirement), set()))
    return "".join(entry for entry in entries if entry.partition("==")[0] in names)


def _closure(requirement: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    """What it needs in turn, as installed here, in canonical names."""
    for extra in ("", *requirement.extras):
        if (requirement.name, extra) in seen:
            continue
        seen.add((requirement.name, extra))
        for line in requires(requirement.name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                yield canonicalize_name(needed.name)
                yield from _closure(needed, seen)
