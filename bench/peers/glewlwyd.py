"""glewlwyd, as Debian packages it, on SQLite in WAL mode."""

import base64
import contextlib
import gzip
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.machine import SERVER_CORE, free_port, on_core
from bench.peers.asking import post
from bench.peers.peer import TIMEOUT, Running
from bench.subject import basic
from bench.wrk import ACTIVE, Chain, Load

PROGRAM: Final = shutil.which("glewlwyd")
SCHEMA: Final = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
SECRET: Final = "a-secret-of-the-bench-and-of-nobody-else"
LIVE: Final = 200
"""Tokens that are asked about in turn."""

SAMPLE: Final = Path("/usr/share/doc/glewlwyd/glewlwyd.conf.sample.gz")
"""What is not set here is as the package proposes it."""


class Glewlwyd:
    """One process. Its refresh tokens are for one use."""

    name = "glewlwyd"

    @property
    def operations(self) -> Sequence[str]:
        return tuple(OPERATIONS)

    def missing(self) -> str:
        there = PROGRAM is not None and SCHEMA.exists() and SAMPLE.exists()
        return "" if there else "glewlwyd is not installed (Debian: glewlwyd)"

    @contextlib.contextmanager
    def serving(self, operation: str, folder: Path) -> Iterator[Running]:
        """The server, set up by its own API."""
        port, database, config = free_port(), folder / "glewlwyd.db", folder / "glewlwyd.conf"
        connection = sqlite3.connect(database)
        connection.executescript(SCHEMA.read_text())
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        config.write_text(_config(port, database))
        with _running(config, port) as (pid, first):
            requests = Requests(port, database)
            yield Running(
                pid=pid, port=port, first=first, load=lambda: OPERATIONS[operation](requests)
            )


def _config(port: int, database: Path) -> str:
    text = gzip.decompress(SAMPLE.read_bytes()).decode()
    here = {
        r"^port=.*$": f'port={port}\nbind_address="127.0.0.1"',
        r"^external_url=.*$": f'external_url="http://127.0.0.1:{port}"',
        r"^log_level=.*$": 'log_level="ERROR"',
        r"^cookie_domain=.*$": 'cookie_domain="127.0.0.1"',
        r"^cookie_secure=.*$": "cookie_secure=0",
        r'^(\s*path = )".*$': rf'\g<1>"{database}"',
    }
    for old, new in here.items():
        text = re.sub(old, new, text, flags=re.MULTILINE)
    return text


@contextlib.contextmanager
def _running(config: Path, port: int) -> Iterator[tuple[int, float]]:
    """It does not end by a signal of its own accord, so it is not waited for in vain."""
    log = config.with_name("log")
    with log.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*on_core(SERVER_CORE), str(PROGRAM), "--config-file", str(config)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ,
        )
    try:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > TIMEOUT:
                raise RuntimeError(f"glewlwyd did not start: {log.read_text()[-2000:]}")
            time.sleep(0.002)
        yield process.pid, time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/api/", timeout=2).status_code < 500
    except httpx2.TransportError:
        return False


class Requests:
    """What is sent to it, once it knows an app and a user."""

    def __init__(self, port: int, database: Path) -> None:
        self._port = port
        self._database = database
        self._url = f"http://127.0.0.1:{port}/api"
        self._chain = Chain(
            port,
            "/api/oidc/token",
            "grant_type=refresh_token&refresh_token={}",
            draw=self._refresh_tokens,
            headers=[f"Authorization: Basic {basic('web', SECRET)}"],
        )
        self._live: list[str] = []
        self._set_up()

    def credentials(self) -> Load:
        """Client credentials."""
        form = {"grant_type": "client_credentials", "scope": "chirps"}
        return Load(requests=[self._post("/oidc/token", form, auth="machine")])

    def refresh(self) -> Load:
        """Refresh tokens, each of which gives the next."""
        return self._chain.load()

    def introspection(self) -> Load:
        """Tokens that are live, in turn."""
        if not self._live:
            form = {"grant_type": "client_credentials", "scope": "chirps"}
            with httpx2.Client(auth=("machine", SECRET), timeout=30) as client:
                for _ in range(LIVE):
                    response = client.post(f"{self._url}/oidc/token", data=form).raise_for_status()
                    self._live.append(response.json()["access_token"])
        forms = [{"token": one} for one in self._live]
        requests = [self._post("/oidc/introspect", form, auth="machine") for form in forms]
        return Load(requests=requests, holds=ACTIVE)

    def _refresh_tokens(self, count: int) -> list[str]:
        """Copies, in its own database, of one that it gave: each by a password would take it a
        tenth of a second."""
        self._by_password()
        tokens = [os.urandom(64).hex() for _ in range(count)]
        with contextlib.closing(sqlite3.connect(self._database)) as connection, connection:
            (last,) = connection.execute("SELECT max(gpor_id) FROM gpo_refresh_token").fetchone()
            names = [one[1] for one in connection.execute("PRAGMA table_info(gpo_refresh_token)")]
            ours = {"gpor_id": "NULL", "gpor_token_hash": "?", "gpor_jti": "?"}
            chosen = ", ".join(ours.get(name, name) for name in names)
            copied = f"INSERT INTO gpo_refresh_token SELECT {chosen} FROM gpo_refresh_token "
            for one in tokens:
                kept = base64.b64encode(hashlib.sha512(one.encode()).digest()).decode()
                inserted = connection.execute(
                    f"{copied} WHERE gpor_id = ?", (f"{{SHA512}}{kept}", one[:32], last)
                )
                connection.execute(
                    "INSERT INTO gpo_refresh_token_scope SELECT NULL, ?, gpors_scope "
                    "FROM gpo_refresh_token_scope WHERE gpor_id = ?",
                    (inserted.lastrowid, last),
                )
        return tokens

    def _by_password(self) -> None:
        form = {
            "grant_type": "password",
            "username": "somebody",
            "password": "one password will do",
            "scope": "openid chirps",
        }
        response = httpx2.post(
            f"{self._url}/oidc/token", data=form, auth=("web", SECRET), timeout=30
        )
        response.raise_for_status()

    def _post(self, path: str, form: dict[str, str], *, auth: str) -> bytes:
        return post(self._port, f"/api{path}", form, by=(auth, SECRET))

    def _set_up(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        with httpx2.Client(timeout=30) as client:
            sign_in = {"username": "admin", "password": "password"}
            response = client.post(f"{self._url}/auth/", json=sign_in).raise_for_status()
            for path, document in _documents(self._port, key):
                response = client.post(self._url + path, json=document)
                if response.is_error:
                    raise RuntimeError(f"glewlwyd: {path}: {response.status_code} {response.text}")


def _documents(port: int, key: ec.EllipticCurvePrivateKey) -> list[tuple[str, dict[str, Any]]]:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    plugin = {
        "module": "oidc",
        "name": "oidc",
        "display_name": "OIDC",
        "parameters": {
            "iss": f"http://127.0.0.1:{port}/api/oidc",
            "jwt-type": "ecdsa",
            "jwt-key-size": "256",
            "key": private.decode(),
            "cert": public.decode(),
            "access-token-duration": 3600,
            "refresh-token-duration": 1209600,
            "code-duration": 600,
            "refresh-token-rolling": True,
            "refresh-token-one-use": "always",
            "allow-non-oidc": True,
            "auth-type-code-enabled": True,
            "auth-type-password-enabled": True,
            "auth-type-client-enabled": True,
            "auth-type-refresh-enabled": True,
            "introspection-revocation-allowed": True,
            "introspection-revocation-allow-target-client": True,
            "scope": [],
        },
    }
    scope = {"name": "chirps", "display_name": "chirps", "password_required": False}
    user = {
        "username": "somebody",
        "password": "one password will do",
        "name": "Somebody",
        "scope": ["openid", "chirps"],
        "enabled": True,
    }
    app: dict[str, Any] = {
        "confidential": True,
        "client_secret": SECRET,
        "password": SECRET,
        "token_endpoint_auth_method": ["client_secret_basic"],
        "redirect_uri": ["https://web.example/callback"],
        "scope": ["chirps"],
        "enabled": True,
    }
    web = {"authorization_type": ["password", "refresh_token", "code"], "scope": []}
    return [
        ("/scope/", scope),
        ("/user/", user),
        (
            "/client/",
            app
            | {"client_id": "machine", "name": "Machine"}
            | {"authorization_type": ["client_credentials"]},
        ),
        ("/client/", app | {"client_id": "web", "name": "Web"} | web),
        ("/mod/plugin/", plugin),
    ]


OPERATIONS: Final[dict[str, Callable[[Requests], Load]]] = {
    "client credentials": Requests.credentials,
    "introspection": Requests.introspection,
    "refresh": Requests.refresh,
}
