"""Users of a real Keycloak come with their passwords, whatever it hashed them with."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.line import Line
from tests.integration.tools import tool

from valetkey.server.accounts import password
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

USERS = 5
POLICIES = {
    "argon": "hashAlgorithm(argon2)",
    "sha256": "hashAlgorithm(pbkdf2-sha256) and hashIterations(27500)",
    "sha512": "hashAlgorithm(pbkdf2-sha512)",
}


def realm(name: str) -> dict[str, Any]:
    users: list[dict[str, Any]] = [
        {
            "username": f"{name}{n}",
            "enabled": n != 3,
            "email": f"{name}{n}@chirp.example",
            "emailVerified": True,
            "firstName": "User",
            "lastName": str(n),
            "credentials": [{"type": "password", "value": f"correct horse {n}"}],
        }
        for n in range(USERS)
    ]
    robot = {"username": "service-account-bot", "enabled": True, "serviceAccountClientId": "bot"}
    return {
        "realm": name,
        "enabled": True,
        "passwordPolicy": POLICIES[name],
        "users": [*users, robot],
        "clients": [{"clientId": "bot", "serviceAccountsEnabled": True, "secret": "secret"}],
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder and a file that Keycloak exported."""
    folder = tmp_path_factory.mktemp("keycloak")
    home = folder / "home"
    shutil.copytree(tool("keycloak"), home)
    (folder / "in").mkdir()
    for name in POLICIES:
        (folder / "in" / f"{name}-realm.json").write_text(json.dumps(realm(name)))

    def run(*words: str) -> None:
        command = [str(home / "bin/kc.sh"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr

    run("import", "--dir", "in")
    run("export", "--dir", "out", "--users", "different_files", "--users-per-file", "2")
    run("export", "--file", "all.json", "--realm", "argon")
    return folder


def test_every_user_of_every_realm_comes_with_their_password(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = Line(tmp_path)
    assert "of 3 realms" in line.fails("import", "users", str(exported / "out"), status=2)
    for name in POLICIES:
        reports = [
            line.json("import", "users", str(file), "--source", "platform")
            for file in sorted((exported / "out").glob(f"{name}-users-*.json"))
        ]
        assert sum(one["added"] for one in reports) == USERS
        assert sum(one["refused"] for one in reports) == 0
        assert sum(one["skipped"].get("service accounts", 0) for one in reports) == 1
    users = {one.username: one for one in line.every(User)}
    for name in POLICIES:
        for n in range(USERS):
            user = users[f"{name}{n}"]
            assert password.fits(Secret(f"correct horse {n}"), user.password)
            assert not password.fits(Secret("correct horse"), user.password)
            assert user.status == ("disabled" if n == 3 else "active")
            assert user.claims["name"] == f"User {n}"
    again = line.json("import", "users", str(exported / "all.json"), "--source", "platform")
    assert (again["added"], again["unchanged"]) == (0, USERS)
