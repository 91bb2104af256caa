"""The ports that tests listen on: each is drawn once, however many draw at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.live import free_port

from valetkey.demo.programs import free_ports

LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")
DRAW = "import sys; from tests.live import free_port; print(*(free_port() for _ in range(200)));"


def test_no_port_is_drawn_twice_by_processes_that_draw_together() -> None:
    drawing = [
        subprocess.Popen(
            # From the same place on, and alive until all have drawn.
            [sys.executable, "-c", f"import random; random.seed(1); {DRAW} sys.stdin.read()"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    drawn = [int(port) for one in drawing for port in _line(one).split()]
    for one in drawing:
        one.communicate("")
    assert len(set(drawn)) == len(drawn) == 600


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.skipif(not LENT.exists(), reason="the system does not say which ports it lends")
def test_no_port_is_one_that_the_system_lends_to_clients() -> None:
    low, high = map(int, LENT.read_text().split())
    drawn = [free_port(), *free_ports(4), *free_ports(4)]
    assert len(set(drawn)) == 9
    assert not [port for port in drawn if low <= port <= high]
