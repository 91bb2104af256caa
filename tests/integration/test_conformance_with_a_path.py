"""The modules of the certification's suite once more, for issuers with a path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.markdown import ROOT

PATH = "/tenants/one"


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_every_module_passes_for_an_issuer_with_a_path(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--basetemp", str(tmp_path / "base"), "tests/conformance"),
        ],
        cwd=ROOT,
        env=os.environ | {"CONFORMANCE_PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    assert " passed" in done.stdout
