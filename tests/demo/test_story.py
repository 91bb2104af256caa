"""The demo as a whole, as a person starts it: a process, its output, its exit status."""

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.rows import row

from valetkey.demo.miko import chromium
from valetkey.demo.miko.http import HttpBody
from valetkey.demo.miko.person import Miko

STEPS = (
    "1  stefApp wants Chirp",
    "2  Behind the scenes: discovery, and a pushed request",
    "3  The platform's sign-in page",
    "4  What stefApp can do, and what it cannot",
    "5  Miko agrees, and stefApp goes to work",
    "6  Limits that Miko sets",
    "7  Afterwards, the key is still Miko's",
)
LASTING = "Ctrl-C ends it."
SECONDS = 240
"""In which it ends, on a machine that is busy with other tests."""

SECRET = re.compile(r"eyJ[\w-]{9,}|vk_[a-z]+_[\w-]{9,}|csrf +\S{12,}|password {5,}[^ …]")

BROKEN = """
import sys
import msgspec
from valetkey.demo.play import EXPECTED
from valetkey.demo.show import perform
wrong = msgspec.structs.replace(EXPECTED, {field}={value!r})
sys.exit(perform(browser=False, expected=wrong))
"""


def start(folder: Path, *arguments: str, **more: str) -> "subprocess.Popen[str]":
    """The demo, with its output in a pipe and its temporary folder in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "valetkey", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), "VALETKEY_PORT": "not a port", **more},
        cwd=folder,
    )


def addresses(output: str) -> list[str]:
    """The programs' addresses, as printed."""
    return re.findall(r"(?:server|platform|app|signs in) {5,}(http://\S+)", output)


def nothing_is_left(folder: Path, output: str, *, programs: int = 3) -> bool:
    """Whether no program listens any more, and no file is there."""
    ports = [urlsplit(address).port for address in addresses(output)]
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in ports]
        pairs = zip(probes, ports, strict=True)
        refused = [probe.connect_ex(("127.0.0.1", port)) for probe, port in pairs]
    return len(ports) == programs and all(refused) and not list(folder.iterdir())


def until(process: "subprocess.Popen[str]", text: str) -> str:
    """What the process prints, as far as a line with the text."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if text in line:
            return output
    raise AssertionError(f"{text!r} never came:\n{output}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: Chromium puts a socket into it, whose path has at most 108
    characters."""
    with tempfile.TemporaryDirectory(prefix="vk-") as name:
        yield Path(name)


def test_every_step_holds_and_nothing_is_left(folder: Path) -> None:
    process = start(folder, "--exit", "--no-browser")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert [step for step in STEPS if f"\n{step}\n" in output] == list(STEPS)
    assert "\nEvery step held" in output
    assert nothing_is_left(folder, output)
    assert not SECRET.search(output)
    assert max(map(len, output.splitlines())) <= 80
    assert "\x1b" not in output


def test_it_ends_where_nobody_reads_on(folder: Path) -> None:
    process = start(folder, "--exit", "--no-browser", PYTHONIOENCODING="ascii")
    assert process.stdout is not None
    output = until(process, STEPS[0])
    process.stdout.close()
    assert process.wait(SECONDS) == 1
    assert nothing_is_left(folder, output)


def test_two_at_the_same_time_are_kept_until_a_signal_ends_each(folder: Path) -> None:
    signals = {"one": signal.SIGTERM, "two": signal.SIGINT}
    for name in signals:
        (folder / name).mkdir()
    processes = {name: start(folder / name, "--keep", "--no-browser") for name in signals}
    outputs = {name: until(process, LASTING) for name, process in processes.items()}
    for name, process in processes.items():
        assert "\nEvery step held" in outputs[name]
        process.send_signal(signals[name])
        rest, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, outputs[name] + rest
        assert nothing_is_left(folder / name, outputs[name])


@pytest.mark.parametrize(
    "field, value, step",
    [
        row("step 4", "another permission stays locked", "cannot", frozenset({"Fly"}), STEPS[3]),
        row("step 4", "another one is required", "required", frozenset({"openid"}), STEPS[3]),
        row("step 7", "another one is new", "more", frozenset({"dms.read"}), STEPS[6]),
    ],
)
def test_a_step_that_does_not_hold_is_named(
    folder: Path, field: str, value: frozenset[str], step: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(field=field, value=value)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert done.returncode == 1
    number, _, title = step.partition("  ")
    assert done.stdout.rstrip().endswith(f"This did not hold: step {number}, {title}.")
    assert "The last lines of chirp:" in done.stdout
    assert nothing_is_left(folder, done.stdout)


@pytest.mark.parametrize(
    "number, line, status",
    [
        row("SIGTERM", "while Miko signs in", signal.SIGTERM, "sign-in page", 128 + 15),
        row("SIGINT", "while stefApp works", signal.SIGINT, "stefApp goes to work", 128 + 2),
    ],
)
def test_a_signal_ends_it_and_nothing_is_left(
    folder: Path, number: signal.Signals, line: str, status: int
) -> None:
    process = start(folder, "--keep", "--no-browser")
    output = until(process, line)
    process.send_signal(number)
    rest, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == status, output + rest
    assert nothing_is_left(folder, output)


@contextlib.contextmanager
def at_a_terminal(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The demo at a terminal, and the terminal's other end."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "valetkey", "demo", "--no-browser"],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TMPDIR": str(folder), "BROWSER": "true"},
        start_new_session=True,
    )
    os.close(its)
    try:
        yield process, ours
        process.wait(SECONDS)  # or its last words would meet a terminal that has gone
    finally:
        os.close(ours)
        process.wait(SECONDS)


def read_until(terminal: int, text: str) -> str:
    """What appears on the terminal, as far as the text."""
    output, deadline = "", time.monotonic() + SECONDS
    while text not in output and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            output += os.read(terminal, 65536).decode(errors="replace")
    assert text in output, output
    return output


def connect_by_hand(told: dict[str, str]) -> None:
    """What a person does in a browser of their own, with what the terminal says."""
    window = told["stefApp's window"]
    with contextlib.closing(HttpBody()) as body:
        person = Miko(body, username=told["user name"], password=told["password"])
        person.opens(window)
        person.presses("connect")
        while body.page.by_id("by-hand") is None:
            time.sleep(0.05)
            person.opens(window)
        person.presses("by-hand")
        person.signs_in()
        person.presses("allow")
        while "Waiting for you" in body.page.text or not body.url.startswith(window):
            time.sleep(0.05)
            person.opens(window)
        assert "Connected to Chirp as Miko" in body.page.text
        person.presses("sign-out")
        assert "Signed out: stefApp has given its key back." in body.page.text
        assert body.page.by_id("connect") is not None


def test_at_a_terminal_it_stays_for_a_person_to_try(folder: Path) -> None:
    with at_a_terminal(folder) as (process, terminal):
        output = read_until(terminal, LASTING)
        assert "\x1b[" in output
        plain = re.sub(r"\x1b\[[\d;]*m|\r", "", output)
        told = dict(re.findall(r"^ +(\S[\w' ]+?) {2,}(\S.*)$", plain, re.MULTILINE))
        window = httpx2.get(told["stefApp's window"])
        assert window.status_code == 200
        assert "Connect again" in window.text
        assert httpx2.get(told["connected apps"], follow_redirects=True).status_code == 200
        assert httpx2.get(told["Chirp's API"]).status_code == 401
        connect_by_hand(told)
        process.send_signal(signal.SIGINT)
        read_until(terminal, "Nothing is left behind.")
    assert process.returncode == 0
    assert nothing_is_left(folder, plain)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(chromium.executable() is None, reason="there is no Chromium")
def test_in_a_real_browser(folder: Path) -> None:
    process = start(folder, "--exit")
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert "in headless Chromium" in output
    assert "\nEvery step held" in output
    assert [step for step in STEPS if f"\n{step}\n" in output] == list(STEPS)
