"""Workers that are forked after the application was loaded."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.docs.markdown import ROOT

from valetkey.embedded import Valetkey
from valetkey.embedded.threaded import Threaded

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


def test_a_start_that_comes_late_starts_nothing_again(tmp_path: Path) -> None:
    """Two first requests come together: the second one finds the server as the first left it."""
    valetkey = Valetkey(
        issuer="http://127.0.0.1:8000/oauth",
        name="Chirp",
        database=str(tmp_path / "valetkey.db"),
        signed_in=lambda _: None,
        sign_in_page="/login",
    )
    server = Threaded(valetkey)
    server.start()
    try:
        front = valetkey.front
        server._portal.run(server._start_once)
        gc.collect()
        assert valetkey.front is front
    finally:
        server._portal.close()
