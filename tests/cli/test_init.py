"""`valetkey init`, and the commands that a container runs."""

import json
import os
import pty
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.cli.test_serve import environ, serving
from tests.live import free_port
from tests.postgres import MISSING, cluster

from valetkey.cli import init_files
from valetkey.server.accounts.password import hash_password
from valetkey.server.model.client import Client
from valetkey.server.model.keys import Secret
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.user import User
from valetkey.server.settings import load
from valetkey.server.settings.checks import why_not_private

PASSWORD = "kestrel lantern orchard"

YES = ("init", "--yes", "--password-stdin")


def modes(folder: Path) -> dict[str, str]:
    return {one.name: f"{one.stat().st_mode & 0o777:03o}" for one in sorted(folder.iterdir())}


def test_five_questions_to_a_server_with_an_owner(line: Line) -> None:
    """At a terminal; the server starts with what was written, and is ready."""
    port = free_port()
    answers = ("here", f"http://127.0.0.1:{port}", "Chirp", "", "miko", PASSWORD, PASSWORD)
    ours, theirs = pty.openpty()
    words = (sys.executable, "-m", "valetkey", "init")
    with subprocess.Popen(
        words,
        env=environ({}),
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        screen = "".join(_answer(ours, one) for one in answers)
        out, _ = process.communicate()
        watchdog.cancel()
    os.close(ours)
    assert process.returncode == 0, screen
    assert screen.count("?") == 5
    assert PASSWORD not in screen
    assert "sign in as miko" in out
    assert modes(line.folder) == {
        "master.key": "600",
        "valetkey.db": "600",
        "valetkey.toml": "644",
    }
    (miko,) = line.every(User)
    assert miko.username == "miko"
    assert f"http://127.0.0.1:{port}/console" in out
    # An owner who can administer, from elsewhere too.
    (binding,) = line.every(RoleBinding)
    assert (binding.user, binding.roles) == (miko.id, ("owner",))
    assert [one.id for one in line.every(Client)] == ["valetkey-cli"]
    with serving() as (_, ready):
        assert ready.startswith(f"valetkey listens on http://127.0.0.1:{port}, issuer http://127")
        assert line.ok("health") == "ready\n"
    assert "does not answer" in line.fails("health", status=1)


def _answer(terminal: int, answer: str) -> str:
    """Types the answer once there is a question; what was on the screen."""
    screen = ""
    while not screen.endswith(": "):
        screen += os.read(terminal, 4096).decode()
    os.write(terminal, f"{answer}\n".encode())
    return screen


def test_nothing_is_overwritten(line: Line) -> None:
    line.ok(*YES, stdin=PASSWORD)
    before = {one.name: one.read_bytes() for one in line.folder.iterdir()}
    assert "valetkey.toml, master.key: there already" in line.fails(*YES, status=1, stdin=PASSWORD)
    (line.folder / "valetkey.toml").unlink()
    (line.folder / "master.key").unlink()
    assert "valetkey.db is there already" in line.fails(*YES, status=1, stdin=PASSWORD)
    del before["valetkey.toml"], before["master.key"]
    assert {one.name: one.read_bytes() for one in line.folder.iterdir()} == before


@pytest.mark.parametrize(
    "words,stdin,said",
    [
        (("init",), "", "without a terminal"),
        ((*YES, "--issuer", "http://id.example"), PASSWORD, "uses http beyond this machine"),
        (YES, "short", "the password is not accepted"),
        ((*YES, "--owner", " "), PASSWORD, "username: is empty"),
        ((*YES, "--database", "no/such/folder.db"), PASSWORD, "there is no folder"),
        ((*YES, "--for", "compose", "--database", "a.db"), PASSWORD, "brings PostgreSQL"),
    ],
    ids=["no terminal", "issuer", "password", "owner", "database", "compose"],
)
def test_a_mistake_leaves_nothing_behind(
    line: Line, words: tuple[str, ...], stdin: str, said: str
) -> None:
    assert said in line.fails(*words, status=2, stdin=stdin)
    assert list(line.folder.iterdir()) == []


def test_the_unit_gets_its_secrets_from_systemd(line: Line) -> None:
    database = line.folder / "state/valetkey.db"
    words = ("--for", "systemd", "--folder", "etc", "--issuer", "https://id.chirp.example")
    said = line.ok(*YES, *words, "--database", str(database), "--json", stdin=PASSWORD)
    assert json.loads(said)["next"][0].startswith("systemctl enable --now ")
    assert modes(line.folder / "etc") == {
        "master.key": "600",
        "valetkey.service": "644",
        "valetkey.toml": "644",
    }
    unit = (line.folder / "etc/valetkey.service").read_text()
    assert f"LoadCredential=master.key:{line.folder}/etc/master.key" in unit
    settings = load({}, {}, line.folder / "etc/valetkey.toml")
    assert settings.issuer == "https://id.chirp.example"
    assert settings.trusted_proxies == ("127.0.0.1",)
    assert settings.port == 8000


def test_the_compose_file_holds_no_secret(line: Line) -> None:
    line.ok(*YES, "--for", "compose", "--owner", "mi$ko", stdin=PASSWORD)
    secrets = ("master.key", "postgres.password", "database.url", "owner.hash")
    found = modes(line.folder)
    assert {found[name] for name in secrets} == {"600"}
    for name in ("docker-compose.yaml", "valetkey.toml"):
        text = (line.folder / name).read_text()
        for secret in secrets:
            assert (line.folder / secret).read_text().strip() not in text
    assert '"mi$$ko"' in (line.folder / "docker-compose.yaml").read_text()
    assert PASSWORD not in "".join(one.read_text() for one in line.folder.iterdir())


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "PostgreSQL is there")
def test_postgresql(line: Line) -> None:
    """The URL with its password is a file of its own; a database in use is not touched."""
    with cluster() as one:
        url = one.url.replace("valetkey@", "valetkey:secret@", 1)
        line.ok(*YES, "--database", url, stdin=PASSWORD)
        assert "secret" not in (line.folder / "valetkey.toml").read_text()
        assert [row["username"] for row in line.json("user", "list")] == ["owner"]
        again = line.fails(*YES, "--database", url, "--folder", "b", status=1, stdin=PASSWORD)
        assert "is in use already" in again
        assert not (line.folder / "b").exists()


def test_an_owner_is_added_once(line: Line) -> None:
    """As the compose file does at each start: a role that somebody has taken since stays away."""
    phc = hash_password(Secret(PASSWORD), salt=bytes(16))
    (line.folder / "hash").write_text(phc + "\n")
    words = ("admin", "create", "miko", "--if-missing", "--password-hash-file", "hash")
    assert "miko is an owner" in line.ok(*words)
    assert line.every(User)[0].password == phc
    line.ok("admin", "create", "noor", "--password-stdin", stdin=PASSWORD)
    line.ok("admin", "revoke-role", "miko", "owner")
    assert "there is an account miko" in line.ok(*words)
    assert {one["username"]: one["roles"] for one in line.json("admin", "roles")} == {
        "noor": ["owner"]
    }


def test_an_account_is_added_once(line: Line) -> None:
    phc = hash_password(Secret(PASSWORD), salt=bytes(16))
    (line.folder / "hash").write_text(phc + "\n")
    words = ("user", "add", "miko", "--if-missing", "--password-hash-file", "hash")
    assert "added miko" in line.ok(*words)
    assert "there is an account miko" in line.ok(*words)
    assert [one.password for one in line.every(User)] == [phc]
    (line.folder / "hash").write_text(PASSWORD)
    wrong = line.fails("user", "add", "other", "--password-hash-file", "hash", status=2)
    assert "hash" in wrong
    assert PASSWORD not in wrong


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    "mode,owner,private",
    [
        (0o600, 0, True),
        (0o440, 0, True),
        (0o640, 0, True),
        (0o660, 0, False),
        (0o644, 0, False),
        (0o440, 65532, False),
        (0o400, 65532, True),
    ],
)
def test_who_may_read_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mode: int, owner: int, private: bool
) -> None:
    """ATTACKS A83: for a server that is not root, which gets a file of root's through its group."""
    file = tmp_path / "secret"
    file.touch()
    file.chmod(mode)
    os.chown(file, owner, 65532)
    monkeypatch.setattr(os, "geteuid", lambda: 65532)
    assert (why_not_private(file) == "") is private


def test_root_shares_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch()
    file.chmod(0o440)
    assert "chmod 600" in why_not_private(file)


def test_a_unit_without_a_database_url_loads_none() -> None:
    make = partial(init_files.unit_file, "/etc/valetkey", program="/usr/bin/valetkey")
    assert "database.url" not in make(has_url=False)
    assert "%d/database.url" in make(has_url=True)
