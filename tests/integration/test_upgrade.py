"""A rolling upgrade from version 0.1.0 to this one, and back, under load and with the ledger: no
request fails but with 503 and `Retry-After`, and nothing acknowledged is lost."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.installation import SECRETS
from tests.integration.rolling import Balancer
from tests.integration.tools import tool
from tests.live import free_port
from tests.postgres import MISSING, cluster
from tests.promises.furnished import WORD, names
from tests.promises.game import UNHURRIED
from tests.promises.process import Process, environment
from tests.promises.town import Town

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

USERS: Final = 6
SETTINGS: Final = {one: text for one, text in UNHURRIED.items() if one.startswith("lifetimes")}
"""Those that version 0.1.0 has, too."""

FILL: Final = """\
import json, sys
from tests.installation import SECRETS
from tests.promises.furnished import fill, names
fill(sys.argv[1], names(int(sys.argv[2])))
print(json.dumps(SECRETS))
"""


@pytest.fixture
def first() -> Path:
    """Where version 0.1.0 is installed."""
    return tool("valetkey-0.1.0")


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            yield str(tmp_path / "valetkey.db")
            return
        if MISSING:
            pytest.skip(MISSING)
        yield stack.enter_context(cluster()).url


@pytest.fixture
def filled(first: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database that version 0.1.0 has made."""
    done = subprocess.run(
        [str(first / "bin/python"), "-c", FILL, address, str(USERS)],
        cwd=first,
        env=environment(of_this_tree=False),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, secret in json.loads(done.stdout).items():
        monkeypatch.setitem(SECRETS, name, secret)
    return address


def replace(node: Process, python: str, at: Balancer) -> None:
    """Takes the node from the proxy, ends it, and starts the other version in its place."""
    at.drain(node)
    node.stop()
    node.python = python
    node.start()
    node.ready()
    at.use(node)


@pytest.mark.parametrize("count", [2, 1], ids=["two nodes", "one node"])
def test_there_and_back(
    first: Path, filled: str, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With one node, the proxy answers 503 until the other version has started. With two, only a
    server that is too busy does."""
    times = 20 if request.config.getoption("budget") == "long" else 1
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    nodes = [Process(tmp_path, filled, issuer=issuer, **SETTINGS) for _ in range(count)]
    old, new = str(first / "bin/python"), nodes[0].python
    with contextlib.ExitStack() as stack:
        for node in nodes:
            node.python = old
            node.start()
            stack.callback(node.end)
        for node in nodes:
            node.ready()
        at = stack.enter_context(Balancer(tmp_path, port, nodes).running())
        town = Town(tmp_path, issuer, names(USERS), WORD)
        stack.callback(town.close)
        for python in (new, old) * times:
            with town.living():
                town.go_on(20)
                for node in nodes:
                    replace(node, python, at)
                    town.go_on(20)
        town.finish()
    print("acknowledged", town.ledger.acknowledged, "answers", town.answers.counts)
    assert town.answers.counts[200] > town.ledger.acknowledged / 2
    assert count > 1 or 503 in town.answers.counts


def test_no_way_back(first: Path, filled: str, tmp_path: Path) -> None:
    """Once the operator says so, the older version refuses to start."""
    node = Process(tmp_path, filled, **SETTINGS)
    words = [node.python, "-m", "valetkey", "db", "migrate", "--refuse-older", "--database", filled]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    node.python = str(first / "bin/python")
    node.start()
    with pytest.raises(AssertionError, match="install the newer one"):
        node.ready()
    node.python = sys.executable
    node.start()
    try:
        node.ready()
    finally:
        node.end()
