"""oidc-agent, unchanged: a native app that registers itself and comes back to `http://localhost`."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
from tests.attacks.play import introspected
from tests.clients.person import agree
from tests.live import Live, free_port, live

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("oidc-gen") is None, reason="oidc-agent-cli is not installed (Debian)"
    ),
]

SCOPE = "openid profile offline_access chirps.read"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("oidc-agent"), enable=("registration",), registration="open"
    ) as server:
        yield server


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment in which oidc-gen and oidc-token find their agent."""
    told = os.environ | {"HOME": str(tmp_path), "OIDC_CONFIG_DIR": str(tmp_path / "config")}
    (tmp_path / "config").mkdir()
    said = subprocess.run(
        ["oidc-agent"], env=told, capture_output=True, text=True, check=True
    ).stdout
    named = dict(re.findall(r"(OIDC\w+)=([^;]+);", said))
    yield told | named
    subprocess.run(["oidc-agent", "--kill"], env=told | named, capture_output=True, check=False)


def test_the_agent_gets_tokens_and_renews_them(
    server: Live, agent: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    command = [
        *("oidc-gen", "miko", "--issuer", server.issuer),
        *("--scope", SCOPE, "--redirect-uri", f"http://localhost:{port}/", "--flow=code"),
        *("--no-url-call", "--prompt=none", "--confirm-default", "--pw-cmd=echo a-password"),
    ]
    with subprocess.Popen(
        command,
        env=agent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if (at := line.find(f"{server.issuer}/authorize?")) >= 0:
                callback = agree(server.browser(), line[at:].strip())
                assert callback.startswith(f"http://localhost:{port}/")
                httpx2.get(callback, timeout=60)
    assert process.returncode == 0, "".join(said)
    token = subprocess.run(
        ["oidc-token", "miko", "--time=301"], env=agent, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert introspected(server, token)["sub"] == server.users["miko"].id
