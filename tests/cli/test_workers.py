"""`valetkey serve --workers`: several processes on one socket and one database; their parent."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.cli.line import Line
from tests.cli.test_serve import once, serving
from tests.live import free_port
from tests.postgres import MISSING, cluster

SOON: Final = 60.0
"""Seconds within which everything happens, however busy the machine is."""

WORKERS: Final = 3


def until(holds: Callable[[], bool]) -> None:
    """Waits. Raises AssertionError."""
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def workers(parent: subprocess.Popen[str]) -> set[int]:
    """The processes that serve."""
    listed = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
    return {int(one) for one in listed.split()}


def gone(pids: set[int]) -> bool:
    return not any(Path(f"/proc/{one}").exists() for one in pids)


def answers(port: int) -> bool:
    """Whether somebody answers on a fresh connection."""
    return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=SOON).status_code == 200


def _replaced(parent: subprocess.Popen[str], before: set[int]) -> bool:
    """Whether one of those workers was replaced."""
    return len(workers(parent)) == WORKERS and len(workers(parent) - before) == 1


@contextlib.contextmanager
def crew(*words: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server with three workers, and its port."""
    port = free_port()
    with serving("--port", str(port), "--workers", str(WORKERS), *words, **more) as (parent, said):
        assert said.startswith("valetkey listens on ")
        assert len(workers(parent)) == WORKERS
        yield parent, port


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_turned_away(line: Line) -> None:
    with crew() as (parent, port):
        for _ in range(3):
            before = workers(parent)
            os.kill(min(before), signal.SIGKILL)
            assert answers(port)
            until(partial(_replaced, parent, before))
            assert answers(port)
        for one in workers(parent):
            os.kill(one, signal.SIGKILL)
        until(lambda: len(workers(parent)) == WORKERS)
        assert answers(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_of_them_are_stopped_together(line: Line, number: signal.Signals) -> None:
    with crew() as (parent, _):
        serving_now = workers(parent)
        parent.send_signal(number)
        _, log = parent.communicate(timeout=SOON)
        assert parent.returncode == 0
        assert gone(serving_now)
    assert log.count('"stopped"') == WORKERS
    assert "all workers stopped" in log
    assert "worker ended" not in log


def test_no_worker_outlives_its_parent(line: Line) -> None:
    with crew() as (parent, _):
        orphans = workers(parent)
        parent.kill()
        parent.wait()
        until(lambda: gone(orphans))


def test_what_is_wrong_is_said_once(line: Line) -> None:
    line.ok("key", "rotate")
    Path("valetkey.db.key").unlink()
    result = once("--port", str(free_port()), "--workers", "3")
    assert result.returncode == 2
    assert result.stderr.count("the master key valetkey.db.key is missing") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
def test_on_postgresql_as_well(line: Line) -> None:
    """One of them makes the schema and the keys; three use them."""
    with (
        cluster() as one,
        crew(
            VALETKEY_DATABASE=one.url,
            VALETKEY_MASTER_KEY="A" * 43,
        ) as (parent, port),
    ):
        os.kill(min(workers(parent)), signal.SIGKILL)
        assert answers(port)
        until(lambda: len(workers(parent)) == WORKERS)


ENDS_AT_ONCE = """
import os, sys
from valetkey.cli.systemd import Reports
from valetkey.cli.workers import Workers

def work(lifeline, reports):
    with open("tries", "a") as file:
        file.write(".")
    if os.path.exists("good") and os.path.getsize("tries") == 2:
        reports.ready()
    sys.exit(1)

sys.exit(Workers(work, count=1, reports=Reports()).run())
"""


def alone() -> subprocess.Popen[bytes]:
    """A parent whose one worker ends at once."""
    return subprocess.Popen([sys.executable, "-c", ENDS_AT_ONCE], stderr=subprocess.DEVNULL)


def test_a_worker_that_never_began_ends_its_parent(line: Line) -> None:
    with alone() as parent:
        assert parent.wait(SOON) == 1
    assert Path("tries").read_text() == "."


def test_workers_that_end_at_once_are_begun_ever_more_seldom(line: Line) -> None:
    """One began, so whatever is wrong now may pass."""
    Path("good").touch()
    Path("tries").write_text(".")
    with alone() as parent:
        until(lambda: len(Path("tries").read_text()) >= 5)
        time.sleep(1)
        tries = len(Path("tries").read_text())
        parent.terminate()
        assert parent.wait(SOON) == 0
    assert tries < 9
