"""`valetkey serve` as a separate process."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace
from tests.cli.line import Line
from tests.installation import SECRETS
from tests.live import free_port
from tests.tls import write_pair

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.role import PATH, PREFIX

COMMAND = (sys.executable, "-m", "valetkey", "serve")


def environ(more: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if "VALETKEY" not in name} | {**more}


@contextlib.contextmanager
def serving(
    *words: str, log: Any = subprocess.PIPE, **more: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that has said that it is ready, and what it said. `log` takes its stderr."""
    process = subprocess.Popen(
        (*COMMAND, *words),
        env=environ(more),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert process.stdout is not None
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        yield process, process.stdout.readline()
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def once(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A server that does not start."""
    return subprocess.run(
        (*COMMAND, *words),
        env=environ(more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_wrong_configuration_is_said_in_one_message(line: Line) -> None:
    """Everything that is wrong, each with its place and how to mend it; and nothing is made."""
    (line.folder / "valetkey.toml").write_text(
        'isuer = "https://id.example"\nhost = 1\n[lifetimes]\ncode = 600\n'
    )
    result = once(
        "--port",
        "99999",
        VALETKEY_ISSUER="http://id.example",
        VALETKEY_MASTER_KEY="c2hvcnQ",
        VALETKEY_DATABASE="no/such/folder.db",
        VALETKEY_TLS_KEY="key.pem",
        VALETKEY_NOPE="1",
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    first, *mistakes = result.stderr.splitlines()
    assert first == "Error: 9 mistakes in the settings:"
    for mistake, (place, mend) in zip(mistakes, SAID, strict=True):
        assert mistake.startswith(f"  - {place}")
        assert mend in mistake
    assert "c2hvcnQ" not in result.stderr
    assert [one.name for one in line.folder.iterdir()] == ["valetkey.toml"]


SAID = (
    ("isuer (from valetkey.toml)", "did you mean issuer?"),
    ("host = 1 (from valetkey.toml)", "it should be the address to listen on"),
    ("database = 'no/such/folder.db' (from VALETKEY_DATABASE)", "in an existing folder"),
    ("issuer = 'http://id.example' (from VALETKEY_ISSUER)", "it should be the https address"),
    ("master_key = … (from VALETKEY_MASTER_KEY)", "it should be 32 bytes in base64url"),
    ("nope (from VALETKEY_NOPE)", "`valetkey config schema` lists them"),
    ("port = 99999 (from the command line)", "from 1 to 65535"),
    ("lifetimes.code = 600 (from valetkey.toml)", "at most 60"),
    ("tls_key = 'key.pem' (from VALETKEY_TLS_KEY)", "needs tls_certificate beside it"),
)


def test_from_an_empty_folder_to_sigterm(line: Line) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    words = ("--port", str(port), "--issuer", issuer)
    with serving(*words) as (process, ready):
        assert ready == f"valetkey listens on {issuer}, issuer {issuer}\n"
        reply = httpx2.get(f"{issuer}/.well-known/oauth-authorization-server")
        assert reply.json()["issuer"] == issuer
        assert "date" in reply.headers
        assert "server" not in reply.headers
        assert httpx2.get(f"{issuer}/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=20)
        assert process.returncode == 0
        assert out == ""
        assert json.loads(log.splitlines()[-1])["message"] == "stopped"
    files = {one.name: one.stat().st_mode & 0o777 for one in line.folder.iterdir()}
    assert files == {"valetkey.db": 0o600, "valetkey.db.key": 0o600}
    first = line.every(SigningKey)
    # A file: the list is longer than a pipe that nobody reads holds.
    with tempfile.TemporaryFile("w+") as imports:
        with serving(*words, log=imports, PYTHONPROFILEIMPORTTIME="1") as (process, _):
            assert httpx2.get(f"{issuer}/readyz").status_code == 200
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
        imports.seek(0)
        log = imports.read()
    assert line.every(SigningKey) == first
    imported = {text.rpartition("|")[2].strip() for text in log.splitlines()}
    assert "valetkey.server.app" in imported
    assert imported & NEEDLESS.keys() == set()


NEEDLESS = {
    "valetkey.cli.apply": "other commands",
    "valetkey.cli.declaration": "what they read",
    "valetkey.client": "the SDK",
    "valetkey.demo": "the story",
    "valetkey.resource": "the kit",
    "valetkey.server.store.postgres": "the other database",
    "httpx2": "what the kit and the SDK ask with",
    "jinja2": "the pages, while nobody has looked at one",
    "starlette": "the same",
    "valetkey.server.pages": "the same",
    "rich": "drawing on terminals",
}
"""What serving has no use for: each module costs every start its time, and every process memory."""


def test_ctrl_c_stops_it_as_well_and_json_says_when_it_is_ready(line: Line) -> None:
    port = free_port()
    with serving("--port", str(port), "--json", "--set", "name=Own") as (process, ready):
        here = f"http://127.0.0.1:{port}"
        assert json.loads(ready) == {"address": here, "issuer": here}
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_a_running_server_sees_what_the_line_changes(line: Line) -> None:
    """The database is shared: a key that is turned is published by the server that runs."""
    port = free_port()
    jwks = f"http://127.0.0.1:{port}/jwks"
    with serving("--port", str(port)):
        before = {key["kid"] for key in httpx2.get(jwks).json()["keys"]}
        line.ok("key", "rotate", "--use", "ES256")
        made = {one.kid for one in line.every(SigningKey) if one.use in {"ES256", "RS256"}}
        after = before
        for _ in range(50):
            after = {key["kid"] for key in httpx2.get(jwks).json()["keys"]}
            if after != before:
                break
            threading.Event().wait(0.1)
    assert after == made
    assert len(made - before) == 1


def test_tls(line: Line) -> None:
    certificate, key = write_pair(line.folder, "own")
    port = free_port()
    words = ("--port", str(port), "--issuer", f"https://127.0.0.1:{port}")
    pair = {"VALETKEY_TLS_CERTIFICATE": str(certificate), "VALETKEY_TLS_KEY": str(key)}
    with serving(*words, **pair) as (_, ready):
        assert ready.startswith(f"valetkey listens on https://127.0.0.1:{port}, ")
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain) as secure,
        ):
            secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert secure.recv(12) == b"HTTP/1.1 200"
        issuer = ("--set", words[2][2:] + "=" + words[3])
        refused = line.run("doctor", "--json", *issuer, **pair)
        assert refused.exit_code == 1
        said = checked(refused.stdout)["issuer"]
        assert said["verdict"] == "fail"
        assert "its certificate is refused: self-signed certificate; " in said["says"]
        assert "--ca" in said["says"]
        known = line.run("doctor", "--json", "--ca", str(certificate), *issuer, **pair)
        assert checked(known.stdout)["issuer"]["says"] == f"{words[3]} answers"
        none = line.run("doctor", "--json", "--ca", str(key), *issuer, **pair)
        assert "holds no certificates" in checked(none.stdout)["issuer"]["says"]


def checked(text: str) -> dict[str, dict[str, str]]:
    return {row["what"]: row for row in json.loads(text)}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_reads_a_renewed_certificate_and_ends_nothing(workers: str, line: Line) -> None:
    certificate, key = write_pair(line.folder, "own")
    port = free_port()
    issuer = f"https://127.0.0.1:{port}"
    words = ("--port", str(port), "--issuer", issuer, "--workers", workers)
    pair = {"VALETKEY_TLS_CERTIFICATE": str(certificate), "VALETKEY_TLS_KEY": str(key)}
    with serving(*words, **pair) as (process, _):
        renewed, its_key = write_pair(line.folder, "new")
        its_key.replace(key)
        renewed.replace(certificate)
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        # On a busy machine, the log has other lines too.
        said: list[dict[str, Any]] = []
        left = Counter(
            dict.fromkeys(("certificate renewed", "files reloaded (SIGHUP)"), int(workers))
        )
        while left.total():
            said.append(json.loads(process.stderr.readline()))
            left -= Counter([said[-1]["message"]])
        told = [one["message"] for one in said]
        assert told.count("files reloaded (SIGHUP)") == int(workers)
        assert {one.get("certificate_renewed", True) for one in said} == {True}
        trust = ssl.create_default_context(cafile=str(certificate))
        for _ in range(5):
            assert httpx2.get(f"{issuer}/readyz", verify=trust).status_code == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_sighup_at_any_time(line: Line) -> None:
    """Also while it starts, and with nothing that could be read again."""
    port = free_port()
    with serving("--port", str(port), "--issuer", f"http://127.0.0.1:{port}") as (process, _):
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
        assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200


def test_a_port_that_the_issuer_does_not_name_is_said(line: Line) -> None:
    """Only where somebody named the issuer: otherwise it follows the port."""
    port = free_port()
    named = "http://127.0.0.1:8000"
    with serving("--port", str(port), "--issuer", named) as (process, _):
        assert process.stderr is not None
        said = json.loads(process.stderr.readline())
    assert said["level"] == "warning"
    assert said["message"] == "the issuer has another port than the server"
    assert (said["issuer"], said["port"]) == (named, port)


def test_a_port_that_is_taken(line: Line) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = once("--port", str(port))
    assert result.returncode == 1
    assert f"Error: cannot listen on 127.0.0.1 port {port}: Address already in use" in result.stderr
    assert not line.database.exists()


def test_a_master_key_of_another_database(line: Line) -> None:
    """ATTACKS A83."""
    line.ok("key", "rotate")
    Path("valetkey.db.key").unlink()
    result = once("--port", str(free_port()))
    assert result.returncode == 2
    assert "the master key valetkey.db.key is missing" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_of_a_newer_version(line: Line) -> None:
    line.ok("key", "rotate")
    line.sql("INSERT INTO migrations VALUES (999, 'later', '0', 999, 0)")
    result = once("--port", str(free_port()))
    assert result.returncode == 1
    assert "step 999 (later) of a newer valetkey" in result.stderr


def test_workers_count_the_calls_of_an_administrator_together(line: Line) -> None:
    line.furnish()
    (machine,) = [one for one in line.every(Client) if one.id == "machine"]
    scope = f"{PREFIX}users.read"
    listed = replace(machine, admin=(scope,), scope=(*machine.scope, scope))
    line.store(lambda store: store.commit([Update(listed)]))
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    words = ("--port", str(port), "--issuer", issuer, "--workers", "2")
    with serving(*words):
        form = {"grant_type": "client_credentials", "scope": scope, "resource": issuer + PATH}
        answer = httpx2.post(f"{issuer}/token", data=form, auth=("machine", SECRETS["machine"]))
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        left = []
        for _ in range(30):
            # A connection for each, so that either worker gets some.
            answer = httpx2.get(f"{issuer}{PATH}/users", headers=headers)
            assert answer.status_code == 200, answer.text
            state = re.fullmatch(r'"calls";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
            assert state
            left.append(int(state[1]))
    # A new minute begins with all of them, once at most.
    assert sum(before - after != 1 for before, after in itertools.pairwise(left)) <= 1
