"""Runs inside a booted system: tries the service as an operator does. Prints what it found as JSON.

It has nothing but Python's own library there.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = "http://127.0.0.1:8000"
SETTINGS = Path("/etc/valetkey/valetkey.toml")


def ctl(*words: str) -> str:
    done = subprocess.run(("systemctl", *words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.strip()


def shown(name: str) -> str:
    return ctl("show", "--value", f"--property={name}", "valetkey.service")


def status(path: str) -> int:
    try:
        with urllib.request.urlopen(HERE + path, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def page(path: str) -> str:
    with urllib.request.urlopen(HERE + path, timeout=10) as reply:
        return str(reply.read().decode())


def until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.1)


def started(found: dict[str, Any]) -> None:
    """`systemctl start` returns when the server is ready."""
    begun = time.monotonic()
    ctl("enable", "--now", "/etc/valetkey/valetkey.service")
    found["start seconds"] = round(time.monotonic() - begun, 2)
    found["ready"] = status("/readyz")
    found["status"] = shown("StatusText")


def secured(found: dict[str, Any]) -> None:
    """Who it is, and what is in its environment."""
    process = Path("/proc") / shown("MainPID")
    lines = (process / "status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    found["is root"] = fields["Uid"].split()[1] == "0"
    found["capabilities"] = int(fields["CapEff"], 16)
    key = Path("/etc/valetkey/master.key").read_text().strip()
    found["key in environment"] = key in (process / "environ").read_text()
    found["state"] = sorted(one.name for one in Path("/var/lib/valetkey/").iterdir())
    found["others read the state"] = bool(Path("/var/lib/private").stat().st_mode & 0o077)
    credentials = Path("/run/credentials/valetkey.service")
    found["credential"] = oct((credentials / "master.key").stat().st_mode & 0o777)


def reloaded(found: dict[str, Any]) -> None:
    before = shown("MainPID")
    text = SETTINGS.read_text()
    SETTINGS.write_text(text.replace('name = "Chirp"', 'name = "Tweet"'))
    ctl("reload", "valetkey.service")
    until(lambda: "Tweet" in page("/sign-in"))
    found["reload keeps the process"] = shown("MainPID") == before
    SETTINGS.write_text("mistake = 1\n")
    ctl("reload", "valetkey.service")
    time.sleep(1)
    SETTINGS.write_text(text)
    found["a bad reload"] = (shown("ActiveState"), status("/readyz"))


def revived(found: dict[str, Any]) -> None:
    """A server that hangs is killed by systemd, and started again."""
    before = shown("MainPID")
    os.kill(int(before), signal.SIGSTOP)
    until(lambda: shown("NRestarts") == "1" and shown("ActiveState") == "active", 60)
    found["after the watchdog"] = status("/readyz")


def drained(found: dict[str, Any]) -> None:
    """A request that is under way when systemd stops the service gets its reply."""
    body = b"grant_type=client_credentials&client_id=nobody&client_secret=none"
    head = f"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    with socket.create_connection(("127.0.0.1", 8000), timeout=20) as connection:
        connection.sendall(head.encode() + body[:9])
        ctl("stop", "--no-block", "valetkey.service")
        time.sleep(1)
        connection.sendall(body[9:])
        found["while it stops"] = connection.recv(12).decode()
    until(lambda: shown("ActiveState") == "inactive")
    found["result of the stop"] = shown("Result")


def activated(found: dict[str, Any]) -> None:
    """The socket is there before the service, which starts at the first connection."""
    ctl("start", "valetkey.socket")
    found["before the first connection"] = shown("ActiveState")
    found["through the socket"] = status("/readyz")
    found["after it"] = shown("ActiveState")
    ctl("restart", "valetkey.service")
    found["after a restart"] = status("/readyz")


def main() -> None:
    found: dict[str, Any] = {}
    try:
        for step in (started, secured, reloaded, revived, drained, activated):
            step(found)
    except Exception as error:
        found["failed"] = repr(error)
    found["log"] = subprocess.run(
        ("journalctl", "--no-pager", "--unit=valetkey.service"),
        capture_output=True,
        text=True,
        check=False,
    ).stdout[-4000:]
    Path("/found.json").write_text(json.dumps(found))
    with contextlib.suppress(Exception):
        subprocess.run(("systemctl", "poweroff"), check=False)


main()
