"""oauth4webapi, a client that others wrote, unchanged against the running server."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import CALLBACK
from tests.clients.person import agree
from tests.installation import CHIRP, SECRETS, WEB
from tests.live import Live, live
from tests.rows import row

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules/oauth4webapi").exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("oauth4webapi")) as server:
        yield server


class Script:
    """The client as a program of its own: a line goes in, a line comes out."""

    def __init__(self, name: str = "flow.mjs") -> None:
        self._process = subprocess.Popen(
            [str(NODE), name],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tell(self, document: dict[str, Any]) -> dict[str, Any]:
        """Tells it something; its answer. Fails with what it wrote to stderr."""
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(document) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(self._process.stderr.read())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    yield script
    script.end()


@pytest.mark.parametrize(
    "client_id, auth_method, redirect_uri, scope",
    [
        row("2.3.1", "basic", "web", "client_secret_basic", WEB, "openid email chirps"),
        row(
            "2.3.1",
            "post",
            "post",
            "client_secret_post",
            "https://post.example/callback",
            "openid email chirps.read",
        ),
        row(
            "2.1",
            "public, on loopback",
            "stefapp",
            "none",
            CALLBACK,
            "openid email chirps offline_access",
        ),
    ],
)
def test_the_whole_way(
    script: Script,
    server: Live,
    client_id: str,
    auth_method: str,
    redirect_uri: str,
    scope: str,
) -> None:
    setup = {
        "issuer": server.issuer,
        "client_id": client_id,
        "secret": SECRETS.get(client_id),
        "auth_method": auth_method,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "resource_server": {"id": "chirp", "secret": SECRETS["chirp"], "resource": CHIRP},
    }
    address = script.tell(setup)["open"]
    assert "request_uri=urn" in address
    outcome = script.tell({"callback": agree(server.browser(), address)})
    miko = server.users["miko"].id
    for claims in (outcome["claims"], outcome["again"]):
        assert (claims["sub"], claims["email"]) == (miko, "miko@example.org")
    assert (outcome["jwt"]["sub"], outcome["jwt"]["client_id"]) == (miko, client_id)
    assert outcome["live"]["active"]
    assert "chirps.read" in outcome["live"]["scope"].split()
    assert outcome["same_documents"]
    assert outcome["another_access_token"]
    assert outcome["afterwards"] == {"active": False}
    assert outcome["refused"] == "invalid_grant"
