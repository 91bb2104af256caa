"""The command line with PostgreSQL: the password stays secret, and problems are reported."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Final

import httpx2
import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_serve import once, serving
from tests.live import free_port
from tests.postgres import MISSING, Cluster, binaries, cluster

from valetkey.jose import base64url
from valetkey.server.store.migrate import migrations

pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

PASSWORD: Final = "tr0ub4dor"
KEY: Final = base64url.encode(bytes(range(32)))
APP: Final = "app"
"""A role that has to bring the password."""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        sql(running.url, f"CREATE ROLE {APP} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        rules = running.data / "pg_hba.conf"
        rules.write_text(f"host all {APP} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        sql(running.url, "SELECT pg_reload_conf()")
        yield running


def sql(url: str, statement: str) -> None:
    folder = binaries()
    assert folder is not None
    command = [str(folder / "psql"), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", url, "-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def url(server: Cluster, line: Line, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database; the environment names it and brings the master key."""
    for name in ("PGPASSWORD", "PGPASSFILE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    address = server.fresh()
    monkeypatch.setenv("VALETKEY_DATABASE", address)
    monkeypatch.setenv("VALETKEY_MASTER_KEY", KEY)
    return address


def with_password(url: str, password: str = PASSWORD) -> str:
    return url.replace("valetkey@", f"{APP}:{password}@")


def without(url: str) -> str:
    return url.replace("valetkey@", f"{APP}@")


def test_the_schema(line: Line, url: str) -> None:
    assert "there is no database" in line.fails("user", "list", status=1)
    assert {step["state"] for step in line.json("db", "status")["steps"]} == {"to run"}
    planned = line.json("db", "plan")
    assert "CREATE TABLE grants" in planned[0]["sql"]
    steps = [{"number": one.number, "name": one.name} for one in migrations("postgres")]
    assert [{"number": one["number"], "name": one["name"]} for one in planned] == steps
    assert line.json("db", "migrate") == {"ran": steps}
    assert line.json("db", "migrate") == {"ran": []}
    answer = line.json("db", "status")
    assert answer["database"] == url
    assert answer["steps"][0]["state"] == "run"
    assert line.json("user", "list") == []


def test_a_newer_schema(line: Line, url: str) -> None:
    line.ok("db", "migrate")
    sql(url, "INSERT INTO migrations VALUES (998, 'adds', '0', 1, 0)")
    assert line.json("user", "list") == []
    sql(url, "INSERT INTO migrations VALUES (999, 'takes_away', '0', 999, 0)")
    serve = ("serve", "--port", str(free_port()))
    for words in (("db", "status"), ("db", "migrate"), ("user", "list"), serve):
        result = line.run(*words)
        assert result.exit_code == 1
        assert "step 999 (takes_away) of a newer valetkey" in result.stderr


def test_a_dry_run_makes_nothing(line: Line, url: str) -> None:
    (line.folder / "state.toml").write_text('[[policy]]\nname = "own"\n')
    assert line.json("apply", "-f", "state.toml", "--dry-run")["steps"][0]["verdict"] == "added"
    assert line.json("db", "status")["steps"][0]["state"] == "to run"
    line.ok("apply", "-f", "state.toml")
    assert line.json("apply", "-f", "state.toml")["steps"][0]["verdict"] == "unchanged"


def test_backups_are_its_own(line: Line, url: str) -> None:
    line.ok("key", "rotate")
    for words in (("backup", "copy.db"), ("restore", "copy.db", "--yes")):
        told = line.fails("db", *words, status=1)
        assert "pg_dump, or pg_basebackup" in told
        assert "valetkey db restore --apply (or --finalize)" in told
    assert line.json("db", "restore", "--finalize")["ended"]["epoch"] == 1
    assert line.json("db", "status")["epoch"] == 1
    assert list(line.folder.iterdir()) == []


def test_a_master_key_is_made_once_by_hand(
    line: Line, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes that start together would each make their own."""
    monkeypatch.delenv("VALETKEY_MASTER_KEY")
    told = line.fails("serve", status=2)
    why = "the master key cannot be a file beside"
    assert f"database = '{url}' (from VALETKEY_DATABASE): {why}" in told
    file = line.folder / "master"
    told = line.fails("serve", "--set", "master_key_file=master", status=2)
    assert (
        "the master key master is missing: all nodes of a PostgreSQL database need the same" in told
    )
    command = told.partition("copy it to each: ")[2].strip()
    made = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    file.write_text(made)
    file.chmod(0o600)
    line.ok("key", "rotate", "--set", "master_key_file=master")


# --- the password ---------------------------------------------------------------------------------


PLACES = ("the environment", "a file of its own", "PGPASSWORD", "PGPASSFILE")


@pytest.mark.parametrize("place", PLACES)
def test_where_a_password_may_stand(
    line: Line, url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = line.folder / "secret"
    monkeypatch.setenv("VALETKEY_DATABASE", without(url))
    match place:
        case "the environment":
            monkeypatch.setenv("VALETKEY_DATABASE", with_password(url))
        case "a file of its own":
            monkeypatch.delenv("VALETKEY_DATABASE")
            secret.write_text(with_password(url) + "\n")
            (line.folder / "valetkey.toml").write_text('database_file = "secret"\n')
        case "PGPASSWORD":
            monkeypatch.setenv("PGPASSWORD", PASSWORD)
        case _:
            secret.write_text(f"*:*:*:{APP}:{PASSWORD}\n")
            monkeypatch.setenv("PGPASSFILE", str(secret))
    if secret.exists():
        secret.chmod(0o600)
    said = line.ok("db", "migrate") + line.ok("db", "status") + line.ok("config", "show")
    said += line.ok("config", "show", "--json", "--origin") + line.ok("user", "list")
    assert f"postgresql://{APP}" in said
    assert PASSWORD not in said


def test_without_the_password_there_is_no_way_in(
    line: Line, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would show nothing; and a wrong one is not repeated."""
    for wrong in (without(url), with_password(url, "n0tit")):
        monkeypatch.setenv("VALETKEY_DATABASE", wrong)
        for words in (("db", "status"), ("db", "migrate"), ("user", "list")):
            told = line.fails(*words, status=1)
            assert "password authentication failed" in told
            assert "n0tit" not in told
            assert APP in told


@pytest.mark.parametrize("where", ["valetkey.toml", "the command line"])
def test_where_it_may_not(line: Line, url: str, where: str) -> None:
    address = with_password(url)
    words = ["config", "show"]
    if where == "valetkey.toml":
        (line.folder / where).write_text(f'database = "{address}"\n')
    else:
        words += ["--database", address]
    told = line.fails(*words, status=2)
    assert f"database = 'postgresql://…' (from {where}): holds a password" in told
    assert "VALETKEY_DATABASE, or in the file that VALETKEY_DATABASE_FILE names" in told
    assert PASSWORD not in told


# --- serve ----------------------------------------------------------------------------------------


def test_serve(line: Line, url: str) -> None:
    """It makes the schema and the keys, says nothing of the password, and stops when told to."""
    port = free_port()
    more = {"VALETKEY_DATABASE": with_password(url), "VALETKEY_MASTER_KEY": KEY}
    issuer = f"http://127.0.0.1:{port}"
    with serving("--port", str(port), "--issuer", issuer, **more) as (process, ready):
        assert ready.startswith("valetkey listens on")
        assert httpx2.get(f"{issuer}/readyz").status_code == 200
        found = httpx2.get(f"{issuer}/jwks").json()["keys"]
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(log.splitlines()[-1])["message"] == "stopped"
    assert PASSWORD not in out + log
    assert {key["kid"] for key in found} <= {key["kid"] for key in line.json("key", "list")}
    assert list(line.folder.iterdir()) == []


def test_serve_where_nothing_answers(line: Line) -> None:
    address = f"postgresql://{APP}:{PASSWORD}@127.0.0.1:{free_port()}/n"
    result = once("--port", str(free_port()), VALETKEY_DATABASE=address, VALETKEY_MASTER_KEY=KEY)
    assert result.returncode == 1
    assert "cannot be opened: the database cannot be reached: " in result.stderr
    assert PASSWORD not in result.stderr
    assert "Traceback" not in result.stderr


def test_serve_on_a_database_that_would_forget(line: Line) -> None:
    with cluster(synchronous_commit="off") as forgetful:
        more = {"VALETKEY_DATABASE": forgetful.url, "VALETKEY_MASTER_KEY": KEY}
        result = once("--port", str(free_port()), **more)
        assert result.returncode == 1
        assert "the database has synchronous_commit = off: it would lose" in result.stderr
        assert "Traceback" not in result.stderr
        found = look(line, status=1, **more)
        assert found["database settings"]["verdict"] == "fail"
        assert "synchronous_commit = off" in found["database settings"]["says"]


# --- doctor ---------------------------------------------------------------------------------------


def look(line: Line, status: int = 0, **environ: str) -> dict[str, dict[str, str]]:
    here = ("--set", f"issuer=http://127.0.0.1:{free_port()}")
    result = line.run("doctor", "--json", *here, **environ)
    assert result.exit_code == status, result.output
    assert PASSWORD not in result.output
    return {row["what"]: row for row in msgspec.json.decode(result.stdout)}


def test_doctor(line: Line, url: str) -> None:
    found = look(line)
    assert found["database"]["verdict"] == "warn"
    assert "does not exist yet" in found["database"]["says"]
    line.ok("key", "rotate")
    found = look(line, VALETKEY_DATABASE=with_password(url))
    assert {what: row["verdict"] for what, row in found.items() if "database" in what} == {
        "database": "ok",
        "database settings": "ok",
        "database clock": "ok",
    }
    newest = migrations("postgres")[-1].number
    assert f"is at step {newest}, the newest" in found["database"]["says"]
    assert found["master key"]["says"] == "VALETKEY_MASTER_KEY opens 12 keys"
    found = look(line, status=1, VALETKEY_MASTER_KEY="A" * 43)
    assert "does not open key" in found["master key"]["says"]
    sql(url, "UPDATE migrations SET checksum = '0'")
    assert look(line, status=1)["database"]["verdict"] == "fail"


def test_doctor_where_nothing_answers(line: Line) -> None:
    address = f"postgresql://{APP}:{PASSWORD}@127.0.0.1:{free_port()}/n"
    found = look(line, status=1, VALETKEY_DATABASE=address, VALETKEY_MASTER_KEY=KEY)
    assert found["database"]["verdict"] == "fail"
    assert "cannot be reached" in found["database"]["says"]


def test_doctor_without_a_master_key(line: Line, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VALETKEY_MASTER_KEY")
    monkeypatch.setenv("VALETKEY_MASTER_KEY_FILE", "master")
    row = look(line, status=1)["master key"]
    assert "all nodes of a PostgreSQL database need the same one" in row["says"]


SKEWS = {"a second": (0.5, "ok"), "some seconds": (5.0, "warn"), "far": (3600.0, "fail")}


@pytest.mark.parametrize("seconds,verdict", SKEWS.values(), ids=SKEWS)
@pytest.mark.parametrize("side", [1, -1], ids=["behind", "ahead"])
def test_clocks_that_differ(
    line: Line, url: str, seconds: float, verdict: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + side * seconds)
    row = look(line, status=int(verdict == "fail"))["database clock"]
    assert row["verdict"] == verdict
    if verdict != "ok":
        assert ("behind" if side > 0 else "ahead of") in row["says"]
