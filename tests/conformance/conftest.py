"""The real server over TLS, as the certification's suite meets it."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.live import free_port
from tests.tls import write_pair


class Served(msgspec.Struct):
    """A server, its issuer, and a client that trusts its certificate."""

    issuer: str
    http: httpx2.Client


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("conformance")
    certificate, key = write_pair(folder, "server")
    issuer = f"https://127.0.0.1:{free_port()}"
    process = _serve(folder, issuer, certificate=certificate, key=key)
    trusted = ssl.create_default_context(cafile=str(certificate))
    trusted.check_hostname = False  # The test's certificate names its address the old way.
    with httpx2.Client(base_url=issuer, verify=trusted) as http:
        yield Served(issuer, http)
    process.send_signal(signal.SIGTERM)
    process.communicate()


def _serve(folder: Path, issuer: str, *, certificate: Path, key: Path) -> subprocess.Popen[str]:
    words = ["serve", "--issuer", issuer, "--port", issuer.rpartition(":")[2]]
    words += ["--set", f"tls_certificate={certificate}", "--set", f"tls_key={key}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "valetkey", *words],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    assert "listens" in process.stdout.readline(), (folder / "log").read_text()
    return process
