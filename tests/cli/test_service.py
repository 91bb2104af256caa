"""`valetkey serve` under a service manager: what it reports, the socket that it is given, how it
reads its settings again, and how it stops."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_serve import COMMAND, environ, serving
from tests.cli.test_workers import until, workers
from tests.live import free_port

from valetkey.cli.systemd import BadSockets, ServiceManager, inherited_socket
from valetkey.server.app import create
from valetkey.server.http.front import Front, MethodHandler
from valetkey.server.http.reply import Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.settings import Settings
from valetkey.server.store.memory import MemoryStore

SOON = 60.0


@contextlib.contextmanager
def manager(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """What a service manager listens on, and its name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.settimeout(SOON)
        inbox.bind(str(folder / "notify"))
        yield inbox, str(folder / "notify")


def reports(inbox: socket.socket, *, until_one: str) -> list[str]:
    """The first words of the reports that came, to the one that is waited for."""
    said: list[str] = []
    while until_one not in said:
        said.append(inbox.recv(4096).decode().partition("\n")[0])
    return said


@pytest.mark.parametrize("count", ["1", "2"])
def test_it_reports_its_whole_life(count: str, line: Line) -> None:
    port = str(free_port())
    more = {"WATCHDOG_USEC": "4000000", "VALETKEY_WORKERS": count}
    with (
        manager(line.folder) as (inbox, name),
        serving("--port", port, NOTIFY_SOCKET=name, **more) as (process, _),
    ):
        reports(inbox, until_one="READY=1")
        reports(inbox, until_one="WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        reports(inbox, until_one="RELOADING=1")
        assert set(reports(inbox, until_one="READY=1")) <= {"READY=1", "WATCHDOG=1"}
        process.send_signal(signal.SIGTERM)
        reports(inbox, until_one="STOPPING=1")
        process.communicate(timeout=SOON)
        assert process.returncode == 0


def test_a_worker_that_hangs_is_replaced(line: Line) -> None:
    with manager(line.folder) as (_, name):
        more = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"}
        with serving("--port", str(free_port()), "--workers", "2", **more) as (process, _):
            hung = min(workers(process))
            os.kill(hung, signal.SIGSTOP)
            until(lambda: hung not in workers(process) and len(workers(process)) == 2)


GIVEN = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does to start a service with a socket."""


def test_it_serves_the_socket_that_it_is_given(line: Line) -> None:
    """Connections that come before it has started wait in the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        issuer = f"http://127.0.0.1:{port}"
        given = (sys.executable, "-c", GIVEN, str(listener.fileno()))
        words = (*given, *COMMAND, "--issuer", issuer, "--workers", "2")
        with subprocess.Popen(
            words, env=environ({}), pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert httpx2.get(f"{issuer}/readyz", timeout=SOON).status_code == 200
                assert process.stdout is not None
                assert (
                    process.stdout.readline() == f"valetkey listens on {issuer}, issuer {issuer}\n"
                )
            finally:
                process.terminate()


def test_what_is_no_socket_is_refused() -> None:
    variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    with pytest.raises(BadSockets, match="2 sockets"):
        inherited_socket(variables)
    assert variables == {}
    assert inherited_socket({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None
    assert inherited_socket({}) is None


def test_without_a_manager_nothing_is_reported() -> None:
    """Nor does a manager that has gone disturb the server."""
    for path in ("", "/nowhere/at/all", "@nobody"):
        one = ServiceManager({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "no"})
        one.ready()
        one.stopping()
        assert one.seconds == 0


def test_sighup_reads_the_settings_again(line: Line) -> None:
    file = line.folder / "valetkey.toml"
    port = free_port()
    home = f"http://127.0.0.1:{port}/sign-in"
    file.write_text('name = "Before"\n')
    with serving("--port", str(port)) as (process, _):
        assert process.stderr is not None
        assert "Before" in httpx2.get(home, timeout=SOON).text
        file.write_text('name = "After"\nworkers = 2\n')
        process.send_signal(signal.SIGHUP)
        said = [json.loads(process.stderr.readline()) for _ in range(3)]
        assert [(one["message"], one.get("settings")) for one in said[:2]] == [
            ("settings need a restart", ["workers"]),
            ("settings changed", ["name"]),
        ]
        until(lambda: "After" in httpx2.get(home, timeout=SOON).text)
        file.write_text("name = 1\n")
        process.send_signal(signal.SIGHUP)
        wrong = json.loads(process.stderr.readline())
        assert wrong["message"] == "settings not reloaded"
        assert "name = 1 (from valetkey.toml)" in wrong["detail"]
        assert "After" in httpx2.get(home, timeout=SOON).text
        assert "files reloaded" in process.stderr.readline()
        assert httpx2.get(f"{home}/nowhere", timeout=SOON).status_code == 404
        assert "error page" in process.stderr.readline()
        file.write_text('name = "After"\nlog_level = "error"\n')
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert httpx2.get(f"{home}/nowhere", timeout=SOON).status_code == 404
        process.terminate()
        assert process.stderr.read() == ""


def test_trusted_proxies_change_at_once() -> None:
    """ATTACKS A14: the header counts from then on, and no longer."""
    settings = Settings()
    app = create(settings, MemoryStore(), master_key=bytes(32))

    def caller() -> str:
        headers = [(b"host", b"a.test"), (b"x-forwarded-for", b"192.0.2.1")]
        return asyncio.run(
            address_seen(app, Request("GET", "/", headers=headers, peer="127.0.0.1"))
        )

    assert caller() == "127.0.0.1"
    trusting = msgspec.structs.replace(settings, trusted_proxies=("127.0.0.0/8",))
    app.reload(trusting)
    assert caller() == "192.0.2.1"
    app.reload(settings)
    assert caller() == "127.0.0.1"


async def address_seen(app: Front, request: Request) -> str:
    """Whom an application takes for the caller."""

    async def handler(request: Request) -> Reply:
        return json_reply({})

    await app.answer(MethodHandler(frozenset({"GET"}), handler), request)
    return request.address


@pytest.mark.parametrize("count", ["1", "2"])
def test_sigterm_drains(count: str, line: Line) -> None:
    """The readiness check turns first; everything else is served until the end."""
    port = free_port()
    words = ("--port", str(port), "--workers", count, "--set", "drain_seconds=6")
    here = f"http://127.0.0.1:{port}"
    with serving(*words) as (process, _):
        assert httpx2.get(f"{here}/readyz", timeout=SOON).status_code == 200
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        until(lambda: httpx2.get(f"{here}/readyz", timeout=SOON).status_code == 503)
        refused = httpx2.get(f"{here}/readyz", timeout=SOON)
        assert refused.json()["error_description"] == "the server is about to stop"
        assert httpx2.get(f"{here}/healthz", timeout=SOON).status_code == 200
        assert httpx2.get(f"{here}/jwks", timeout=SOON).status_code == 200
        process.communicate(timeout=SOON)
        assert process.returncode == 0
        assert time.monotonic() - begun >= 5.9


def test_a_request_that_is_under_way_gets_its_reply(line: Line) -> None:
    """A body that is still coming when the signal arrives."""
    port = free_port()
    body = b"grant_type=client_credentials&client_id=nobody&client_secret=none"
    head = (
        f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with serving("--port", str(port)) as (process, _):
        with socket.create_connection(("127.0.0.1", port), timeout=SOON) as connection:
            connection.sendall(head.encode() + body[:5])
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(body[5:])
            reply = b"".join(iter(lambda: connection.recv(4096), b""))
        assert reply.startswith(b"HTTP/1.1 401")
        assert b'"invalid_client"' in reply
        process.communicate(timeout=SOON)
        assert process.returncode == 0


def test_a_second_signal_ends_the_drain(line: Line) -> None:
    with serving("--port", str(free_port()), "--set", "drain_seconds=600") as (process, _):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=SOON)
        assert process.returncode == 0
        assert re.search('"stopped"', log)
