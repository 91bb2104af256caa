"""Metrics: what a scrape says after requests, in one process and in several."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.browser import PATIENCE, Asking
from tests.installation import SECRETS
from tests.live import Live, free_port
from tests.rows import row

from valetkey.server.http.metrics import (
    BUCKETS,
    Durations,
    Meter,
    RequestKind,
    Snapshot,
)
from valetkey.server.http.metrics_port import MetricsPort, Shared, merged
from valetkey.server.store.memory import MemoryStore

pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")

LINE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
TOKEN = RequestKind("POST", "/token", "client_credentials", 200, "")


def scrape(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every value that is published, by name and labels."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text
    values = {}
    for line in text.splitlines():
        if match := LINE.match(line):
            labels = frozenset(re.findall(r'([a-z_]+)="([^"]*)"', match[2] or ""))
            values[match[1], labels] = float(match[3])
    return values


def requests(port: int, **labels: str) -> float:
    """How many requests have these labels."""
    return sum(
        value
        for (name, its), value in scrape(port).items()
        if name == "http_server_request_duration_seconds_count" and its >= set(labels.items())
    )


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    server = Live(tmp_path_factory.mktemp("metrics") / "valetkey.db", metrics_port=port)
    server.start()
    yield server
    server.stop()


CREDENTIALS = {"grant_type": "client_credentials"}
MACHINE = ("machine", SECRETS["machine"])

CALLS = [
    row("token", "good", "/token", CREDENTIALS, MACHINE, "200", "", "client_credentials"),
    row(
        *("token", "a wrong secret", "/token", CREDENTIALS, ("machine", "x")),
        *("401", "invalid_client", "client_credentials"),
    ),
    row(
        *("token", "a made-up grant type is no label", "/token", {"grant_type": "a" * 99}, MACHINE),
        *("400", "unsupported_grant_type", "other"),
    ),
    row(
        *("introspect", "a token of nobody", "/introspect", {"token": "x"}),
        *(("chirp", SECRETS["chirp"]), "200", "", ""),
    ),
    row("revoke", "no token", "/revoke", {"x": "y"}, MACHINE, "400", "invalid_request", ""),
]


@pytest.mark.parametrize("path,form,auth,status,error,grant_type", CALLS)
def test_a_request_is_counted_once(
    server: Live,
    port: int,
    path: str,
    form: dict[str, str],
    auth: tuple[str, str],
    status: str,
    error: str,
    grant_type: str,
) -> None:
    labels = {
        "http_request_method": "POST",
        "http_route": path,
        "http_response_status_code": status,
        "error_type": error,
        "oauth_grant_type": grant_type,
    }
    before = requests(port, **labels)
    server.http.post(path, data=form, auth=auth)
    assert requests(port, **labels) == before + 1


@pytest.mark.parametrize("kind", ["replayed", "suspended", "limited", "password-closed"])
def test_what_has_not_happened_is_counted_too(kind: str, server: Live, port: int) -> None:
    """In a series that begins with 1, Prometheus sees no increase: no alert would fire."""
    assert scrape(port)["valetkey_events_total", frozenset({("kind", kind)})] == 0


def test_pages_and_what_happens_on_them_are_counted(server: Live, port: int) -> None:
    browser = server.browser()
    browser.open(Asking().path())
    browser.sign_in("miko")
    browser.press("allow", boxes=set(browser.form("allow").boxes))
    now = scrape(port)
    for kind in ("signed-in", "granted"):
        assert now["valetkey_events_total", frozenset({("kind", kind)})] >= 1
    assert requests(port, http_route="/continue/{pending}/consent") == 1
    assert now["valetkey_commit_duration_seconds_count", frozenset()] >= 2
    # A path that anyone can make up is no label.
    browser.open("/nothing/at/all")
    assert requests(port, http_route="other", http_response_status_code="404") == 1
    assert not any("nothing" in str(labels) for _, labels in scrape(port))


def test_no_secret_and_no_name_is_a_label(server: Live, port: int) -> None:
    text = str(scrape(port))
    assert not any(one in text for one in (*SECRETS.values(), "miko", "machine", "chirps.read"))


def test_what_is_looked_at_now_and_then(server: Live, port: int) -> None:
    now = scrape(port)
    assert now["valetkey_outbox_messages", frozenset()] == 0
    assert now["valetkey_key_age_seconds", frozenset({("use", "ES256")})] >= 0


@pytest.mark.parametrize(
    "seconds,bucket", [(0.0, 0), (0.0005, 0), (0.00051, 1), (10.0, 15), (11.0, 16)]
)
def test_a_duration_falls_into_its_bucket(seconds: float, bucket: int) -> None:
    durations = Durations()
    durations.add(seconds)
    assert durations.counts.index(1) == bucket
    assert len(durations.counts) == len(BUCKETS) + 1


def test_numbers_of_a_worker_that_ended_stay(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from valetkey.server.http.metrics import Meter, RequestKind\n"
        "from valetkey.server.http.metrics_port import Shared\n"
        "meter = Meter(); shared = Shared(7, Path(sys.argv[1]))\n"
        "meter.request(RequestKind('POST', '/token', 'client_credentials', 200, ''), 0.1)\n"
        "meter.loop_delay = 9.0; shared.write(meter.snapshot())"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    whole = merged([Snapshot(), *Shared(7, tmp_path).read()])
    assert [(kind, sum(one.counts)) for kind, one in whole.requests] == [(TOKEN, 2)]
    assert whole.loop_delay == 0.0, "nobody waits for a process that has ended"


def test_a_scrape_shows_what_outlives_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    meter = Meter()
    port = MetricsPort(meter, MemoryStore(), host="", port=0, workers=2, version="")
    meter.request(TOKEN, 0.1)
    assert port._numbers()[0].requests == []
    assert port._shared is not None
    port._shared.write(meter.snapshot())
    ((kind, durations),) = port._numbers()[0].requests
    assert (kind, sum(durations.counts)) == (TOKEN, 1)


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / f"valetkey-metrics-{os.getuid()}-7"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(OSError, match="not this user's alone"):
        Shared(7, tmp_path)


@pytest.mark.slow
def test_workers_are_one_server(tmp_path: Path) -> None:
    """A scrape has the numbers of all; one that is killed takes none with it."""
    listen, port = free_port(), free_port()
    (tmp_path / "valetkey.toml").write_text(
        f'issuer = "http://127.0.0.1:{listen}"\nport = {listen}\nworkers = 2\n'
        f"metrics_port = {port}\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "valetkey", "serve"], cwd=tmp_path, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        for _ in range(30):
            with httpx2.Client(timeout=PATIENCE) as client:
                client.post(f"http://127.0.0.1:{listen}/token", data=CREDENTIALS)
        assert _eventually(port, 30)
        # The worker that has the port is killed: another one takes it, and its numbers stay.
        owner = _owner(port)
        os.kill(owner, 9)
        assert _eventually(port, 30)
        assert _owner(port) != owner
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _eventually(port: int, count: float) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.TransportError):
            if requests(port, http_route="/token") == count:
                return True
        time.sleep(0.1)
    return False


def _owner(port: int) -> int:
    """The process that listens on the port."""
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    for process in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if any(f"socket:[{one}]" == str(process.readlink()) for one in inodes):
                return int(process.parts[2])
    raise AssertionError("nobody listens")
