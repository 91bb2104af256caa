"""openid-client, which others wrote, unchanged: devices, the back channel, programs, exchange."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.elsewhere import approve, enters
from tests.attacks.play import AS_WEB, claims, introspected, signed_in, tokens
from tests.attacks.test_a50_backchannel import questions
from tests.installation import CHIRP, SECRETS
from tests.live import Live, live

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules/openid-client").exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("openid-client")
    with live(folder, unthrottled=("127.0.0.0/8",)) as server:
        yield server


def run(
    server: Live,
    way: str,
    client: str,
    *,
    user: Callable[[dict[str, Any]], object] | None = None,
    **more: str,
) -> dict[str, Any]:
    """What the client comes to. `user` answers in between."""
    setup = {
        "issuer": server.issuer,
        "client_id": client,
        "secret": SECRETS.get(client, ""),
        "way": way,
        "scope": "openid chirps",
        **more,
    }
    process = subprocess.Popen(
        [str(NODE), "elsewhere.mjs"],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(setup) + "\n")
        process.stdin.flush()
        if user is not None:
            user(_read(process))
            process.stdin.write("{}\n")
            process.stdin.flush()
        return _read(process)
    finally:
        process.kill()
        process.communicate()


def _read(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    if not line:
        pytest.fail(process.stderr.read())
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_a_device(server: Live) -> None:
    def user(told: dict[str, Any]) -> None:
        assert told["address"].endswith(f"/device?user_code={told['user_code']}")
        approve(server, told["user_code"])

    got = run(server, "device", "tv", user=user)
    assert got["sub"] == server.users["miko"].id, got
    assert introspected(server, got["access_token"])["client_id"] == "tv"


def test_a_device_whose_user_says_no(server: Live) -> None:
    def user(told: dict[str, Any]) -> None:
        browser = server.browser()
        enters(browser, told["user_code"])
        browser.press("disown")

    assert run(server, "device", "tv", user=user)["error"] == "access_denied"


def test_the_back_channel(server: Live) -> None:
    def user(told: dict[str, Any]) -> None:
        assert told["expires_in"] == 600
        miko = signed_in(server)
        miko.open(questions(miko)[0])
        assert "W4SCT" in miko.page.text
        miko.press("approve")
        miko.press("allow")

    got = run(server, "ciba", "till", user=user)
    assert got["sub"] == server.users["miko"].id, got
    assert introspected(server, got["access_token"])["client_id"] == "till"


def test_a_program(server: Live) -> None:
    got = run(server, "machine", "machine", scope="chirps.read")
    assert got["scope"] == "chirps.read", got
    assert claims(got["access_token"])["sub"] == "client:machine"


def test_an_exchange(server: Live) -> None:
    held = tokens(server, AS_WEB)["access_token"]
    got = run(server, "exchange", "agent", token=held, audience=CHIRP, scope="chirps.read")
    assert got["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token", got
    assert introspected(server, got["access_token"])["act"] == {"sub": "client:agent"}
