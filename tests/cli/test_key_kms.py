"""Signing keys in AWS KMS, on the command line and in servers that start."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_key_token import fails_to_serve, rows, where
from tests.custody import CREDENTIALS, REGION, Kms, Wire, kms, signing
from tests.live import free_port

from valetkey.cli.master_key.file import kms_keys
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.keys import SigningKey
from valetkey.server.settings import load


@pytest.fixture(scope="module")
def aws() -> Iterator[Kms]:
    with kms() as service:
        yield service


@pytest.fixture
def wire(line: Line, aws: Kms, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with signing(aws) as found:
        settings = {"REGION": REGION, "URL": found.url, "CONNECTIONS": "4"}
        for name, value in settings.items():
            monkeypatch.setenv(f"VALETKEY_KMS__{name}", value)
        yield found
        used = kms_keys(load({}, os.environ, None).kms)
        assert used is not None
        used.close()


def without(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database gets its first keys before AWS KMS is set."""
    with monkeypatch.context() as patch:
        patch.delenv("VALETKEY_KMS__REGION")
        line.ok("key", "rotate")


def test_keys_move_there_by_rotation_and_back(
    line: Line, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(line, monkeypatch)
    assert set(where(line).values()) == {""}
    assert "AWS KMS holds no key that signs yet: rotate twice" in rows(line)["token"]["says"]
    assert "no key of this database" in line.fails("key", "check-kms", status=1)
    line.ok("key", "rotate")
    line.ok("key", "rotate")
    found = where(line)
    for algorithm in ALGORITHMS:
        assert found[algorithm, "current"] == found[algorithm, "coming"] == "aws-kms"
    assert found["seal", "current"] == found["mac", "current"] == ""
    assert rows(line)["token"]["verdict"] == "ok"
    measured = line.json("key", "check-kms", "--seconds", "0.05")
    assert set(measured["per_second"]) == set(ALGORITHMS)
    assert len(measured["keys"]) == len(ALGORITHMS) * 2
    assert measured["missing_keys"] == []
    assert "a second, 4 at once" in line.ok("key", "check-kms", "--seconds", "0.05")
    assert line.json("key", "rotate-master")["status"] == "resealed"
    for _ in range(2):
        line.ok("key", "rotate", VALETKEY_KMS__ALGORITHMS="")
    assert where(line)["ES256", "current"] == ""


def test_a_lost_service_fails_in_a_line(line: Line, wire: Wire) -> None:
    line.ok("key", "rotate")
    wire.cut()
    told = line.fails("key", "rotate", status=1)
    assert told.startswith(f"Error: AWS KMS {REGION} cannot be reached: ")
    assert len(told.splitlines()) == 1
    row = rows(line)["token"]
    assert row["verdict"] == "fail"
    assert "cannot be reached" in row["says"]
    errors = fails_to_serve(status=1)
    assert errors.startswith(f"Error: AWS KMS {REGION}, key ")
    wire.mend()
    assert "credentials" in fails_to_serve(status=1, AWS_ACCESS_KEY_ID="")
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in errors


def test_a_service_that_is_gone_for_good(line: Line, wire: Wire) -> None:
    line.ok("key", "rotate")
    wire.cut()
    while lost := [one for one in line.every(SigningKey) if one.store and one.use == "ES256"]:
        line.ok("key", "revoke", lost[0].kid, VALETKEY_KMS__ALGORITHMS="")
    found = where(line)
    assert found["ES256", "current"] == found["ES256", "coming"] == ""


MISTAKES: list[Any] = [
    pytest.param({"URL": "http://kms.example"}, "use https", id="in the clear"),
    pytest.param({"REGION": "eu central"}, "is no region", id="no region"),
    pytest.param({"CONNECTIONS": "0"}, "connections", id="no connection"),
    pytest.param({"ALGORITHMS": "EdDSA"}, "invalid enum value", id="an algorithm"),
]


@pytest.mark.parametrize("more, told", MISTAKES)
def test_mistakes_in_the_settings(line: Line, wire: Wire, more: dict[str, str], told: str) -> None:
    environ = {f"VALETKEY_KMS__{name}": value for name, value in more.items()}
    assert told in line.fails("key", "list", status=2, **environ)


def test_each_algorithm_has_one_place(line: Line, wire: Wire) -> None:
    environ = {"VALETKEY_PKCS11__MODULE": sys.executable, "VALETKEY_PKCS11__PIN": "1234"}
    told = line.fails("key", "list", status=2, **environ)
    assert "pkcs11.algorithms has ES256 and RS256, too: each has one place" in told


def test_workers_sign_there(line: Line, wire: Wire) -> None:
    """They are forked from a process that has used it."""
    port = str(free_port())
    program = [sys.executable, "-m", "valetkey", "serve", "--port", port, "--workers", "2"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "listens on" in server.stdout.readline()
        assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    keys = msgspec.json.decode(line.ok("key", "list", "--json"))
    assert keys
    assert {one.store for one in line.every(SigningKey) if one.use in ALGORITHMS} == {"aws-kms"}
