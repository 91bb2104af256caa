"""The programs of `tools/get`, for tests."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MISSING = 3
"""The exit status of `tools/get` where a toolchain is not installed."""


@cache
def tool(name: str) -> Path:
    """Where the program is, built if need be. Skips the test where its toolchain is missing."""
    done = subprocess.run(
        [str(ROOT / "tools/get"), name], capture_output=True, text=True, check=False
    )
    if done.returncode == MISSING:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())
