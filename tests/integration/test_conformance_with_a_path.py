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
def test_every_module_passes_for_an_issuer_with_a_path(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """The short budget has the modules of the basic plans: `--budget long` has them all."""
    is_long = pytestconfig.getoption("--budget") == "long"
    wanted = "tests/conformance" if is_long else "tests/conformance/test_basic_op.py"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--basetemp", str(tmp_path / "base"), wanted),
        ],
        cwd=ROOT,
        env=os.environ | {"CONFORMANCE_PATH": PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    assert " passed" in done.stdout
