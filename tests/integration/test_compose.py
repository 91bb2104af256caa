"""The compose file that `valetkey init` writes. Podman runs each of its containers by what the file
says, in the order that it says; the program that starts them is this test, as compose programs need
systemd's timers for health checks. PostgreSQL is Debian's, under the name in the file."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cli.test_serve import environ
from tests.integration.containers import IMAGE, Podman, build_image
from tests.integration.test_image import LAYOUT, PASSWORD, sign_in, until_ready
from tests.integration.test_systemd import run
from tests.integration.tools import ROOT, tool
from tests.live import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

POSTGRES: Final = """\
#!/bin/bash
# What the image of PostgreSQL does with these variables at its first start.
set -e
bin=/usr/lib/postgresql/15/bin
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    install -d -o postgres -g postgres -m 700 "$PGDATA"
    install -o postgres -m 600 "$POSTGRES_PASSWORD_FILE" /tmp/password
    as $bin/initdb -U "$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 -D "$PGDATA"
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | as $bin/postgres --single -D "$PGDATA" postgres
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups $bin/postgres -D "$PGDATA" \
    -c listen_addresses='*' -c unix_socket_directories=/tmp
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    if not LAYOUT.exists():
        build_image()
    folder = tmp_path_factory.mktemp("compose")
    one = Podman(folder)
    one.load(LAYOUT, IMAGE)
    root = tool("postgres-root")
    one.run("import", "--quiet", str(root), "localhost/postgres-root", seconds=300)
    return one


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, int]:
    """What init writes, and the port that is published."""
    port = free_port()
    tmp_path.chmod(0o755)
    words = ("--for", "compose", "--folder", str(tmp_path / "chirp"), "--owner", "miko")
    issuer = ("--issuer", f"http://127.0.0.1:{port}")
    run(
        *("env", "-i", *(f"{name}={text}" for name, text in environ({}).items() if name == "PATH")),
        *(str(ROOT / ".venv/bin/valetkey"), "init", "--yes", "--password-stdin", *words, *issuer),
        stdin=PASSWORD + "\n",
    )
    return tmp_path / "chirp", port


def options(service: dict[str, Any], folder: Path) -> Iterator[str]:
    """The options of `podman run` for a service."""
    if "user" in service:
        yield f"--user={service['user']}"
    if service.get("read_only"):
        yield "--read-only"
    for name in service.get("cap_drop", ()):
        yield f"--cap-drop={name}"
    for one in service.get("security_opt", ()):
        yield f"--security-opt={one.replace(':true', '')}"
    for name, value in service["environment"].items():
        yield f"--env={name}={value}"
    for one in service["volumes"]:
        yield f"--volume={re.sub(r'^[.]/', f'{folder}/', one)}"
    for one in service.get("ports", ()):
        yield f"--publish={one}"


def test_one_command_to_a_first_owner(podman: Podman, project: tuple[Path, int]) -> None:
    yaml = pytest.importorskip("yaml")
    folder, port = project
    file = yaml.safe_load((folder / "docker-compose.yaml").read_text())
    services = file["services"]
    subnet = file["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    podman.run("network", "create", "--subnet", subnet, "inside")
    database = services["database"]
    start = folder.parent / "start"
    start.write_text(POSTGRES)
    start.chmod(0o755)
    path = "--env=PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin"
    data = "--env=PGDATA=/var/lib/postgresql/data"
    network = "--network=inside"
    try:
        with podman.container(
            *(network, "--network-alias=database", path, data, f"--volume={start}:/start:ro"),
            *(*options(database, folder), "localhost/postgres-root", "/start"),
        ) as name:
            _until_healthy(podman, name, database["healthcheck"]["test"])
            owner = services["owner"]
            add = ("run", "--rm", network, *options(owner, folder), owner["image"])
            assert "miko is an owner" in podman.run(*add, *owner["command"])
            assert "there is an account miko" in podman.run(*add, *owner["command"])
            server = services["valetkey"]
            words = (network, *options(server, folder), server["image"], *server["command"])
            with podman.container(*words) as serving:
                until_ready(f"http://127.0.0.1:{port}")
                sign_in(f"http://127.0.0.1:{port}", "miko")
                _, *health = server["healthcheck"]["test"]
                assert podman.run("exec", serving, *health) == "ready\n"
                shown = podman.run("inspect", serving)
                for secret in ("master.key", "postgres.password", "owner.hash"):
                    assert (folder / secret).read_text().strip() not in shown
    finally:
        podman.run("network", "rm", "--force", "inside")


def _until_healthy(podman: Podman, name: str, test: list[str]) -> None:
    _, *command = test
    for _ in range(60):
        try:
            podman.run("exec", name, *command)
        except AssertionError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(podman.run("logs", name))
