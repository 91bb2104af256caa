"""`make bench ARGS=--guard`: does a request cost more instructions than it did?

Instructions do not depend on how busy a machine is. `valgrind --tool=callgrind` counts those of the
pure core (parse, authenticate, decide, issue, sign) for a number of requests. The counts of before
are in `guard.json`, for one version of Python and of the libraries; elsewhere they are a hint.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from bench.core import MARK, RULES

RECORDED: Final = Path(__file__).parent / "guard.json"
REQUESTS: Final = 50
"""Of each operation."""

MORE: Final = 1.05
"""From which on it is said."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions of one request, by operation, and with what they were counted."""

    python: str
    libraries: dict[str, str]
    instructions: dict[str, int]


def counted() -> list[int]:
    """Instructions of all requests of each operation. Raises RuntimeError where it cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--quiet"]
        command += [f"--dump-before={MARK}", sys.executable, "-m", "bench.core", str(REQUESTS)]
        # The order of sets, and with it the way through them, is the same each time.
        fixed = os.environ | {"PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, check=False, text=True, env=fixed)
        if done.returncode:
            raise RuntimeError(f"valgrind: {done.stderr[-1000:]}")
        # The first dump is all that comes before the first operation; every second one is a part.
        dumps = [Path(folder) / f"out.{number}" for number in range(2, 2 * len(RULES) + 1, 2)]
        return [_total(dump.read_text()) for dump in dumps]


def _total(dump: str) -> int:
    match = re.search(r"^(?:summary|totals): (\d+)", dump, re.MULTILINE)
    if match is None:
        raise RuntimeError("valgrind counted nothing")
    return int(match[1])


def count() -> Counts:
    """All operations."""
    each = dict(zip(RULES, (total // REQUESTS for total in counted()), strict=True))
    libraries = {name: version(name) for name in ("cryptography", "joserfc", "msgspec")}
    return Counts(python=platform.python_version(), libraries=libraries, instructions=each)


def grown(before: Counts, now: Counts) -> list[str]:
    """What costs more than it did, in words."""
    lines = []
    for operation, instructions in now.instructions.items():
        known = before.instructions.get(operation)
        if known is not None and instructions > MORE * known:
            more = instructions / known - 1
            lines.append(f"{operation}: {instructions:,} instructions a request, {more:+.1%}")
    return lines


def main(*, record: bool) -> int:
    """Counts and compares; the exit code is 1 where something costs more. `record` writes down
    what was counted instead."""
    if shutil.which("valgrind") is None:
        print("guard: valgrind is not installed (Debian: valgrind)")
        return 0
    now = count()
    for operation, instructions in now.instructions.items():
        print(f"{operation:26}{instructions:12,} instructions a request")
    if record:
        RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(now), indent=1) + b"\n")
        return 0
    before = msgspec.json.decode(RECORDED.read_bytes(), type=Counts)
    if (before.python, before.libraries) != (now.python, now.libraries):
        print(f"counted before with Python {before.python} and {before.libraries}: only a hint")
    warnings = grown(before, now)
    for warning in warnings:
        print(f"warning: {warning}")
    return 1 if warnings else 0
