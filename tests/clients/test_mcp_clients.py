"""MCP clients that others wrote, unchanged, at the example's MCP server: they register themselves,
ask for every scope that it supports, one of high risk among them, and come back to `localhost`."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.clients.mcp_platform import Platform, platform
from tests.clients.person import agree
from tests.clients.test_oauth4webapi import Script
from tests.live import free_port

HERE = Path(__file__).parent
NODE = shutil.which("node")
MCP_REMOTE = HERE / "node/node_modules/mcp-remote/dist/proxy.js"

CALLS: list[tuple[str, dict[str, str]]] = [
    ("read", {}),
    ("write", {"text": "from an agent"}),
    ("tip", {"amount": "1.00"}),
]

pytestmark = pytest.mark.slow

node = (
    pytest.mark.node,
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not MCP_REMOTE.exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(tmp_path_factory.mktemp("mcp-clients")) as place:
        yield place


def works(outcome: dict[str, Any], *, refusal: str) -> None:
    """What every client comes to: tools of low and medium risk work, and the one of high risk is
    refused to a stranger, in the client's own words."""
    assert {"read", "write", "tip", "close"} <= set(outcome["tools"])
    assert "refused" not in outcome["read"], outcome["read"]
    assert "refused" not in outcome["write"], outcome["write"]
    assert refusal in outcome["tip"]["refused"], outcome["tip"]


@pytest.mark.parametrize("host", [pytest.param("localhost", marks=node)])
def test_the_typescript_sdk(place: Platform, host: str) -> None:
    script = Script("mcp.mjs")
    try:
        answer = script.tell(
            {
                "mcp": place.mcp,
                "redirect_uri": f"http://{host}:{free_port()}/callback",
                "calls": CALLS,
            }
        )
        browser = place.server.browser()
        while "open" in answer:
            answer = script.tell({"callback": agree(browser, answer["open"])})
    finally:
        script.end()
    works(answer, refusal="403 after trying upscoping")


def test_fastmcp(place: Platform, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    told = {
        "MCP": place.mcp,
        "CALLS": json.dumps(CALLS),
        "BROWSER": f"{sys.executable} {HERE / 'python/browser.py'} {opened} %s",
        "FASTMCP_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    done = run_with_a_browser(
        [sys.executable, str(HERE / "python/fastmcp_client.py")], told, opened, place
    )
    found = re.search(r"^OUTCOME (.*)$", done, re.MULTILINE)
    assert found, done
    works(json.loads(found[1]), refusal="Server returned an error response")


def run_with_a_browser(
    command: list[str], told: dict[str, str], opened: Path, place: Platform
) -> str:
    """What the program prints. Miko goes wherever it opens a browser."""
    os.mkfifo(opened)
    browser = place.server.browser()

    def go() -> None:
        while True:  # Each address comes by an opening of the pipe of its own.
            httpx2.get(agree(browser, opened.read_text().strip()), timeout=60)

    person = threading.Thread(target=go, daemon=True)
    person.start()
    done = subprocess.run(
        command,
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


class Remote:
    """mcp-remote between a client that speaks through pipes and the MCP server. Miko opens what it
    asks to be opened."""

    def __init__(self, place: Platform, home: Path) -> None:
        self._log = home / "log"
        self._browser = place.server.browser()
        told = {"HOME": str(home), "BROWSER": "/bin/true", "MCP_REMOTE_CONFIG_DIR": str(home)}
        self._process = subprocess.Popen(
            [str(NODE), str(MCP_REMOTE), place.mcp],
            env=os.environ | told,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._number = 0
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to one request."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        assert self._process.stdout
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == self._number:
                return answer
        raise AssertionError(self._log.read_text())

    def tell(self, method: str) -> None:
        """One notification."""
        self._send({"method": method})

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._watching.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()

    def _watch(self) -> None:
        assert self._process.stderr
        with self._log.open("w") as log:
            for line in self._process.stderr:
                log.write(line)
                log.flush()
                if line.startswith("http") and "/authorize?" in line:
                    self._come_back(agree(self._browser, line.strip()))

    def _come_back(self, callback: str) -> None:
        """Opens the callback, again and again as a person would: it may not listen yet. It may have
        ended by now, too."""
        while self._process.poll() is None:
            try:
                httpx2.get(callback, timeout=60)
            except httpx2.ConnectError:
                time.sleep(0.05)
            except httpx2.TransportError:
                return
            else:
                return


@pytest.mark.parametrize("program", [pytest.param("mcp-remote", marks=node)])
def test_mcp_remote(program: str, place: Platform, tmp_path: Path) -> None:
    remote = Remote(place, tmp_path)
    who = {"name": "a client of the tests", "version": "1"}
    try:
        remote.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=who)
        remote.tell("notifications/initialized")
        tools = remote.ask("tools/list")["result"]["tools"]
        outcome: dict[str, Any] = {"tools": [one["name"] for one in tools]}
        for name, arguments in CALLS:
            answer = remote.ask("tools/call", name=name, arguments=arguments)
            outcome[name] = (
                answer["result"] if "result" in answer else {"refused": answer["error"]["message"]}
            )
    finally:
        remote.end()
    works(outcome, refusal="mcp-remote: Unauthorized")
