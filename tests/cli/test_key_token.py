"""Signing keys in a PKCS#11 token, on the command line and in servers that start."""

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
from tests.live import free_port
from tests.softhsm import PIN, SoftHsm, softhsm

from valetkey.cli.key_token import inventory
from valetkey.cli.master_key.file import key_token
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.keys import SigningKey, StoreKind
from valetkey.server.settings import load


@pytest.fixture
def device(line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    with softhsm(line.folder / "hsm") as found:
        for name, value in found.settings.items():
            monkeypatch.setenv(name, value)
        key_token.cache_clear()
        yield found
    key_token.cache_clear()


def where(line: Line) -> dict[tuple[str, str], str]:
    """Where the keys are, by use and status."""
    return {(one.use, one.status): one.store for one in line.every(SigningKey)}


def rows(line: Line) -> dict[str, dict[str, str]]:
    result = line.run("doctor", "--json")
    return {row["what"]: row for row in msgspec.json.decode(result.stdout)}


def test_keys_of_another_store_are_not_missing() -> None:
    stores: list[tuple[StoreKind, str]] = [
        ("", ""), ("pkcs11", "a"), ("pkcs11", "gone"), ("aws-kms", "far"),
    ]  # fmt: skip
    keys = [
        SigningKey(kid=label, use="ES256", sealed=b"", status="current", created=1, since=1,
                   store=store, label=label)
        for store, label in stores
    ]  # fmt: skip
    found = inventory(keys, "pkcs11", ["a", "b"])
    assert found == {"keys": ["a"], "other_keys": ["b"], "missing_keys": ["gone"]}


def test_keys_move_to_the_token_by_rotation(
    line: Line, device: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("VALETKEY_PKCS11__MODULE")
        line.ok("key", "rotate")
    assert set(where(line).values()) == {""}
    assert (
        "the PKCS#11 token holds no key that signs yet: rotate twice" in rows(line)["token"]["says"]
    )
    line.ok("key", "rotate")
    line.ok("key", "rotate")
    found = where(line)
    for algorithm in ALGORITHMS:
        assert found[algorithm, "current"] == found[algorithm, "coming"] == "pkcs11"
    assert found["seal", "current"] == found["mac", "current"] == ""
    assert rows(line)["token"]["verdict"] == "ok"
    assert "2 keys sign, each in " in rows(line)["token"]["says"]
    assert "valetkey-ES256-" in line.ok("key", "list")
    # The master key seals the public halves, too.
    assert line.json("key", "rotate-master")["status"] == "resealed"
    line.ok("key", "rotate")


def test_a_key_is_revoked_and_back_in_the_process(line: Line, device: SoftHsm) -> None:
    line.ok("key", "rotate")
    (current,) = [
        one for one in line.every(SigningKey) if (one.use, one.status) == ("ES256", "current")
    ]
    line.ok("key", "revoke", current.kid)
    assert current.kid not in {one.kid for one in line.every(SigningKey)}
    assert line.json("key", "check-token", "--seconds", "0.01")["other_keys"] == [current.label]
    for _ in range(2):
        line.ok("key", "rotate", VALETKEY_PKCS11__ALGORITHMS="")
    assert where(line)["ES256", "current"] == ""


def test_a_token_that_is_gone_for_good(line: Line, device: SoftHsm) -> None:
    line.ok("key", "rotate")
    token = key_token(line_settings())
    assert token is not None
    token.close()
    device.take_away()
    while lost := [one for one in line.every(SigningKey) if one.store and one.use == "ES256"]:
        line.ok("key", "revoke", lost[0].kid, VALETKEY_PKCS11__ALGORITHMS="")
    found = where(line)
    assert found["ES256", "current"] == found["ES256", "coming"] == ""


def test_the_token_is_measured(line: Line, device: SoftHsm) -> None:
    found = line.json("key", "check-token", "--seconds", "0.01")
    assert all(found["microseconds"][one] > 0 for one in ALGORITHMS)
    assert (found["keys"], found["other_keys"], found["missing_keys"]) == ([], [], [])
    text = line.ok("key", "check-token", "--seconds", "0.01")
    assert "in the token" in text
    told = line.fails("key", "check-token", status=2, VALETKEY_PKCS11__MODULE="")
    assert "expected some text" in told or "no token is set" in told


MISTAKES: list[Any] = [
    pytest.param({"MODULE": "nowhere.so"}, "is no file", id="no module"),
    pytest.param({"PIN_FILE": "nowhere"}, "cannot be read", id="no file"),
    pytest.param({"ALGORITHMS": "EdDSA"}, "invalid enum value", id="an algorithm"),
]


@pytest.mark.parametrize("more, told", MISTAKES)
def test_mistakes_in_the_settings(
    line: Line, device: SoftHsm, more: dict[str, str], told: str
) -> None:
    environ = {f"VALETKEY_PKCS11__{name}": value for name, value in more.items()}
    assert told in line.fails("key", "list", status=2, **environ)


def test_no_pin(line: Line, device: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VALETKEY_PKCS11__PIN")
    assert "VALETKEY_PKCS11__PIN, or a file" in line.fails("key", "list", status=2)


def test_a_lost_token_fails_in_a_line(line: Line, device: SoftHsm) -> None:
    line.ok("key", "rotate")
    token = key_token(line_settings())
    assert token is not None
    token.close()
    device.take_away()
    told = line.fails("key", "rotate", status=1)
    assert told.startswith("Error: the PKCS#11 token valetkey (/usr/lib/softhsm/libsofthsm2.so) ")
    assert len(told.splitlines()) == 1
    assert rows(line)["token"]["verdict"] == "fail"
    errors = fails_to_serve(status=1)
    assert errors.startswith("Error: the PKCS#11 token valetkey ")


def fails_to_serve(*, status: int, **environ: str) -> str:
    """The server does not start; what it says."""
    program = [sys.executable, "-m", "valetkey", "serve", "--port", str(free_port())]
    environment = os.environ | environ
    ended = subprocess.run(
        program, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (status, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr


def line_settings() -> Any:
    return load({}, os.environ, None).pkcs11


@pytest.mark.parametrize("pin", ["wrong-pin", ""])
def test_a_server_with_a_wrong_pin_does_not_start(line: Line, device: SoftHsm, pin: str) -> None:
    line.ok("key", "rotate")
    errors = fails_to_serve(status=1 if pin else 2, VALETKEY_PKCS11__PIN=pin)
    assert ("refuses the PIN" if pin else "pkcs11.pin") in errors
    assert PIN not in errors


@pytest.mark.parametrize("workers", ["1", "2"])
def test_servers_sign_in_the_token(line: Line, device: SoftHsm, workers: str) -> None:
    """Workers are forked from a process that has used the token."""
    port = str(free_port())
    program = [sys.executable, "-m", "valetkey", "serve", "--port", port, "--workers", workers]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "listens on" in server.stdout.readline()
        assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert {one.store for one in line.every(SigningKey) if one.use in ALGORITHMS} == {"pkcs11"}
