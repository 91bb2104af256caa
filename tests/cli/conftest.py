"""Fixtures for the tests of the command line."""

import os
from pathlib import Path

import pytest
from tests.cli.line import Line


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The command line in an empty folder, with no settings around it."""
    for name in [one for one in os.environ if one.startswith("VALETKEY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return Line(tmp_path)
