"""`valetkey top` and `valetkey stats`: what the server does, and what it did."""

import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.cli.test_remote import HERE, sign_in
from tests.cli.test_workers import until
from tests.live import Live, caught_up, free_port, live
from tests.server.admin.play import list_app

from valetkey.cli.monitoring.frame import Frame, lines_of
from valetkey.cli.monitoring.samples import REQUESTS, Interval, read_text
from valetkey.cli.monitoring.top import NO_METRICS

PORT = free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("there"), metrics_port=PORT, **HERE) as running:
        list_app(running, "machine", "statistics.read")
        list_app(running, "agent", "users.read")
        caught_up()
        yield running


@pytest.fixture
def traffic(server: Live) -> Iterator[None]:
    """Somebody asks for the server's keys, again and again."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.01):
            server.http.get("/jwks")

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    over.set()
    asking.join()


METRICS = f"http://127.0.0.1:{PORT}/metrics"


def here(server: Live) -> tuple[str, ...]:
    return "--database", str(server.database), "--set", f"metrics_port={PORT}"


def test_a_sentence_is_wrapped_and_not_cut() -> None:
    frame = Frame(place="here", why=NO_METRICS)
    lines = list(lines_of(frame, width=60))
    assert max(map(len, lines)) <= 60
    assert NO_METRICS in " ".join(lines)


def test_one_frame_of_this_machine(line: Line, server: Live, traffic: None) -> None:
    shown = line.ok("top", "--once", "--interval", "0.5", *here(server))
    assert "ok " in shown
    (row,) = [one for one in shown.splitlines() if one.startswith("/jwks")]
    rate, quick, slow = row.split()[1], *row.split()[2:5:2]
    assert float(rate) > 0
    assert 0 < float(quick) <= float(slow)
    for name in ("requests", "commits", "queue", "sign-ins", "this hour", "followers"):
        assert f"\n{name}" in shown


def test_one_frame_of_a_server_elsewhere(line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    shown = line.ok("top", "--once")
    assert "this hour   tokens " in shown
    assert "forward that port" in shown
    assert "requests" in line.ok("top", "--once", "--metrics", METRICS, "--interval", "0.1")


def test_what_cannot_be_shown(line: Line, server: Live) -> None:
    assert "--once prints one frame" in line.fails("top", status=2)
    assert "no database" in line.fails("top", "--once", status=1)
    sign_in(line, server, "agent")
    assert "statistics.read" in line.fails("top", "--once", status=1)
    assert "no http address" in line.fails("top", "--once", "--metrics", "file:///x", status=2)
    away = f"http://127.0.0.1:{free_port()}/metrics"
    assert "statistics.read" in line.fails("top", "--once", "--metrics", away, status=1)


def test_a_terminal_shows_it_until_q(server: Live, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = (sys.executable, "-m", "valetkey", "top", "--interval", "60", *here(server))
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    seen, until = b"", time.monotonic() + 60
    try:
        while b"q quits" not in seen:
            assert time.monotonic() < until, seen
            if select.select([ours], [], [], 1)[0]:
                seen += os.read(ours, 65536)
        os.write(ours, b"xq")
        assert process.wait(30) == 0
        seen += os.read(ours, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"followers" in seen
    assert seen.rstrip().endswith(b"\x1b[?25h\x1b[?1049l")


def test_what_happened_between_two_readings() -> None:
    text = f"""# HELP {REQUESTS} Requests.
{REQUESTS}_bucket{{http_route="/a\\"b",le="0.001"}} %d
{REQUESTS}_bucket{{http_route="/a\\"b",le="0.1"}} %d
{REQUESTS}_bucket{{http_route="/a\\"b",le="+Inf"}} %d
{REQUESTS}_count{{http_route="/a\\"b",http_response_status_code="503"}} %d
not a number
"""
    before, now = read_text(text % (5, 5, 5, 5), 10.0), read_text(text % (15, 24, 25, 25), 12.0)
    of = Interval(before, now)
    assert of.outcomes() == {"5": 10.0}
    assert of.quantile(REQUESTS, 0.5) == pytest.approx(0.001)
    assert of.quantile(REQUESTS, 0.25) == pytest.approx(0.0005)
    assert of.quantile(REQUESTS, 0.999) == pytest.approx(0.1)  # above the last bound
    # A server that started again.
    assert Interval(now, before).rate(f"{REQUESTS}_count") == 0
    assert Interval(now, before).quantile(REQUESTS, 0.5) is None
    assert Interval(now, now).routes() == []


@pytest.mark.parametrize(
    "words", [("stats",), ("stats", "--period", "hour"), ("stats", "show"), ("statistics", "show")]
)
def test_statistics_by_either_name(words: tuple[str, ...], line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    # The signing in itself was a token.
    until(lambda: "tokens.client_credentials" in line.ok(*words))
    assert line.json(*words)["points"]


def test_how_an_app_is_used(line: Line, server: Live) -> None:
    sign_in(line, server, "machine")
    until(lambda: "tokens.client_credentials" in line.ok("client", "usage", "machine"))
    report = line.json("client", "usage", "machine", "--period", "hour", "--length", "2")
    assert len(report["points"]) == 2
    assert line.json("client", "usage", "stefapp")["totals"] == {}
    assert "no app 'nobody'" in line.fails("client", "usage", "nobody", status=1)
    sign_in(line, server, "agent")
    assert "statistics.read" in line.fails("client", "usage", "machine", status=1)
