"""Workers that are forked after the application was loaded."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.docs.markdown import ROOT

HERE = Path(__file__).parent


@pytest.mark.parametrize("when", ["after", "before"])
def test_the_server_starts_in_each_worker(when: str, tmp_path: Path) -> None:
    """SQLite's locks are of a process: a server that ran before the fork is refused, in a word."""
    path = [ROOT / "src", ROOT / "examples" / "embedded-flask", HERE]
    environ = {
        **os.environ,
        "ISSUER": "http://127.0.0.1:8000/oauth",
        "SESSION_SECRET": "no secret of anybody's",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }
    command = [sys.executable, str(HERE / "forking.py"), when]
    done = subprocess.run(
        command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    results = msgspec.json.decode(done.stdout)
    if when == "after":
        assert results == ["200", "200"]
        return
    assert results[0] == "200"
    for refusal in results[1:]:
        assert refusal.startswith("StartError: valetkey ran before this process was forked")
