"""The real server over TLS, as the certification's suite meets it."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.browser import Browser
from tests.conformance.op import SECRETS, Op, issuer_at, port_of
from tests.conformance.results import Verdict
from tests.live import free_port
from tests.outside import outside
from tests.tls import write_pair

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def op(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Op]:
    """A server set up for certification by `op.toml`."""
    folder = tmp_path_factory.mktemp("conformance")
    certificate, key = write_pair(folder, "server")
    issuer = issuer_at(free_port())
    words = ["--set", f"tls_certificate={certificate}", "--set", f"tls_key={key}"]
    words += ["--set", "unthrottled=127.0.0.0/8", "--set", f"issuer={issuer}"]
    with outside(folder) as rp:
        state = (HERE / "op.toml").read_text("utf-8").replace("//RP/", f"//{rp.place}/")
        (folder / "op.toml").write_text(state, "utf-8")
        run(folder, "apply", "-f", "op.toml")
        words += ["--set", f"fetch_ca_file={rp.ca}", "--set", f"fetch_local={rp.place}"]
        process = serve(folder, *words, "--port", port_of(issuer))
        trust = ssl.create_default_context(cafile=str(certificate))
        op = Op(issuer, httpx2.Client(base_url=issuer, verify=trust), trust, folder, rp=rp)
        yield op
        op.close()
        process.send_signal(signal.SIGTERM)
        process.communicate()


@pytest.fixture
def browser(op: Op) -> Browser:
    """A fresh profile: nobody is signed in."""
    return op.browser()


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """Where a test says more than that it passed."""
    return Verdict(request.node)


def environment() -> dict[str, str]:
    """The variables of a command: none of ours but the clients' secrets."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    return others | {f"SECRET_{name.upper()}": value for name, value in SECRETS.items()}


def run(folder: Path, *words: str) -> str:
    """A command of the operator's; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "valetkey", *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def serve(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The server, once it listens."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "valetkey", "serve", *words],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    assert "listens" in process.stdout.readline(), (folder / "log").read_text()
    return process
