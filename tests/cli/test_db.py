"""`valetkey db`: the schema, backups, and what a restore must not bring back."""

import hashlib
import os
import re
import stat
import subprocess
import sys
from contextlib import closing

import apsw
import msgspec
import pytest
from tests.cli.line import Line
from tests.promises.trouble import locked
from tests.server.store.samples import NOW, told

from valetkey.jose import seal
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.user import User
from valetkey.server.store.migrate import migrations

OURS = migrations("sqlite")
NEWEST = OURS[-1]

LATER = "INSERT INTO migrations VALUES (999, 'later', '0', {oldest}, 0)"


def files(line: Line) -> set[str]:
    return {one.name for one in line.folder.iterdir()}


def test_status_of_an_empty_folder(line: Line) -> None:
    answer = line.json("db", "status")
    assert answer == {
        "database": "valetkey.db",
        "epoch": 0,
        "since": 0,
        "steps": [
            {"number": one.number, "name": one.name, "state": "to run", "at": 0} for one in OURS
        ],
    }
    assert files(line) == set()


def test_status_once_it_is_made(line: Line) -> None:
    line.ok("db", "migrate")
    answer = line.json("db", "status")
    assert {step["state"] for step in answer["steps"]} == {"run"}
    assert all(step["at"] > 1_700_000_000 for step in answer["steps"])
    assert re.search(r"valetkey.db: epoch 0\n.*\n1 +first +run +20", line.ok("db", "status"))


def test_status_of_a_newer_schema_on_which_this_version_works(line: Line) -> None:
    line.ok("db", "migrate")
    line.sql(LATER.format(oldest=NEWEST.number))
    assert line.json("db", "status")["steps"][-1]["state"] == "newer"
    line.ok("key", "rotate")


WRONG = {
    "newer": (LATER.format(oldest=999), "newer", "step 999 (later) of a newer valetkey"),
    "changed": ("UPDATE migrations SET checksum = '0'", "changed", "was changed after it was run"),
}


@pytest.mark.parametrize("spoil,state,said", WRONG.values(), ids=WRONG)
def test_a_schema_that_does_not_fit(line: Line, spoil: str, state: str, said: str) -> None:
    """It is shown, and said to be wrong; nothing else is done with it."""
    line.ok("db", "migrate")
    line.sql(spoil)
    result = line.run("db", "status")
    assert result.exit_code == 1
    assert re.search(rf"\b{state}\b", result.stdout)
    assert said in result.stderr
    for verb in ("plan", "migrate"):
        assert said in line.fails("db", verb, status=1)


def test_plan_is_the_sql_that_migrate_runs(line: Line) -> None:
    text = line.ok("db", "plan")
    assert text.startswith(f"-- step 1: {OURS[0].name}\n")
    assert all(one.sql in text for one in OURS)
    assert [one["sql"] for one in line.json("db", "plan")] == [one.sql for one in OURS]
    assert files(line) == set()
    with closing(apsw.Connection(str(line.folder / "by-hand.db"))) as connection:
        connection.execute(text)
    line.ok("db", "migrate")
    assert line.ok("db", "plan") == "-- nothing to run\n"
    assert line.json("db", "plan") == []


def test_migrate(line: Line) -> None:
    ran = [{"number": one.number, "name": one.name} for one in OURS]
    assert line.json("db", "migrate") == {"ran": ran}
    assert line.json("db", "migrate") == {"ran": []}
    assert line.ok("db", "migrate") == "nothing to run\n"
    assert stat.S_IMODE(line.database.stat().st_mode) == 0o600


def test_a_file_that_is_no_database(line: Line) -> None:
    line.database.write_text("no database" * 100)
    for verb in ("status", "plan", "migrate"):
        assert "is not a database" in line.fails("db", verb, status=1)


def full(line: Line) -> None:
    """A database with keys and users, in which something happened."""
    line.ok("key", "rotate")
    line.furnish()
    line.store(lambda store: store.commit((), (told(),)))


def test_backup_while_somebody_writes(line: Line) -> None:
    full(line)
    with locked(line.database):
        answer = line.json("db", "backup", "copy.db")
    assert answer["target"] == "copy.db"
    assert answer["pages"] > 10
    assert files(line) == {"valetkey.db", "valetkey.db.key", "copy.db"}
    assert stat.S_IMODE((line.folder / "copy.db").stat().st_mode) == 0o600
    users = line.json("user", "list")
    assert line.json("user", "list", "--database", "copy.db") == users


BACKUP_FAILS = {
    "a name that is taken": ("taken.db", "taken.db already exists"),
    "no such folder": ("no/such/copy.db", "cannot be created: No such file"),
}


@pytest.mark.parametrize("target,said", BACKUP_FAILS.values(), ids=BACKUP_FAILS)
def test_a_backup_that_cannot_be_made(line: Line, target: str, said: str) -> None:
    full(line)
    (line.folder / "taken.db").write_text("mine")
    assert said in line.fails("db", "backup", target, status=1)
    assert (line.folder / "taken.db").read_text() == "mine"


def test_no_backup_of_nothing(line: Line) -> None:
    assert "there is no database" in line.fails("db", "backup", "copy.db", status=1)
    assert files(line) == set()


def removed(line: Line) -> set[str]:
    """After the backup somebody goes; who is left."""
    line.ok("db", "backup", "copy.db")
    line.ok("user", "remove", "miko", "--yes")
    return {user.username for user in line.every(User)}


def test_restore_puts_the_backup_back(line: Line) -> None:
    full(line)
    assert removed(line) == {"noor"}
    result = line.run("db", "restore", "copy.db", "--yes")
    assert result.exit_code == 0
    assert result.stdout == "restored valetkey.db from copy.db\n"
    assert "Before you serve, run: valetkey db restore --finalize" in result.stderr
    assert {user.username for user in line.every(User)} == {"miko", "noor"}
    assert line.every(Epoch) == ()
    assert files(line) == {"valetkey.db", "valetkey.db.key", "copy.db"}


def test_restore_and_finalize_at_once(line: Line) -> None:
    full(line)
    keys = {one.kid for one in line.every(SigningKey)}
    removed(line)
    answer = line.json("db", "restore", "copy.db", "--yes", "--finalize")
    assert (answer["backup"], answer["ended"]["epoch"]) == ("copy.db", 1)
    assert answer["ended"]["known_until"] == NOW
    assert answer["ended"]["at"] > NOW
    left = {one.use for one in line.every(SigningKey) if one.kid in keys}
    assert left == {"salt"}
    assert line.json("db", "status")["epoch"] == 1


def test_finalize_alone_says_what_is_not_known(line: Line) -> None:
    full(line)
    text = line.ok("db", "restore", "--finalize")
    assert text.startswith(
        "epoch 1 has begun: every key was replaced, and every user has to consent"
    )
    assert re.search(r"from 2023-11-14 22:13:20 UTC to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$", text)
    assert line.json("db", "restore", "--finalize")["ended"]["epoch"] == 2
    line.ok("key", "rotate")


def test_finalize_where_nothing_had_happened(line: Line) -> None:
    line.ok("key", "rotate")
    assert "from its beginning to 20" in line.ok("db", "restore", "--finalize")


def test_restore_makes_a_database(line: Line) -> None:
    full(line)
    line.ok("db", "backup", "copy.db")
    line.ok("db", "restore", "copy.db", "--database", "new.db")
    assert line.json("user", "list", "--database", "new.db") == line.json("user", "list")


def digest(line: Line) -> str:
    return hashlib.sha256(line.database.read_bytes()).hexdigest()


def test_a_restore_that_is_refused_changes_nothing(line: Line) -> None:
    full(line)
    line.ok("db", "backup", "copy.db")
    (line.folder / "text.db").write_text("no database" * 100)
    (line.folder / "empty.db").write_text("")
    (line.folder / "damaged.db").write_bytes((line.folder / "copy.db").read_bytes()[:20_000])
    line.ok("db", "migrate", "--database", "later.db")
    with closing(apsw.Connection(str(line.folder / "later.db"))) as connection:
        connection.execute(LATER.format(oldest=999))
    before = digest(line)
    yes = ("db", "restore", "--yes")
    refused = {
        ("db", "restore", "copy.db"): (
            2,
            "Its present content will be lost. Without a terminal, confirm with --yes",
        ),
        ("db", "restore"): (2, "give a BACKUP, or --apply or --finalize"),
        (*yes, "none.db"): (1, "there is no file none.db"),
        (*yes, "text.db"): (1, "is not a database"),
        (*yes, "empty.db"): (1, "empty.db is no database of valetkey"),
        (*yes, "damaged.db"): (1, "damaged.db"),
        (*yes, "later.db"): (1, "step 999 (later) of a newer valetkey"),
    }
    for words, (status, said) in refused.items():
        assert said in line.fails(*words, status=status), words
        assert digest(line) == before, words
    (line.folder / "valetkey.db.key").unlink()
    told = line.fails(*yes, "copy.db", "--finalize", status=2)
    assert "the master key valetkey.db.key is missing" in told
    assert digest(line) == before


def test_a_database_that_a_server_has_open_is_not_replaced(line: Line) -> None:
    full(line)
    line.ok("db", "backup", "copy.db")
    with closing(apsw.Connection(str(line.database))) as other:
        other.execute("PRAGMA journal_mode = WAL; SELECT count(*) FROM users")
        told = line.fails("db", "restore", "copy.db", "--yes", status=1)
        assert "valetkey.db is open elsewhere: stop the server first" in told
    line.ok("db", "restore", "copy.db", "--yes")


HOLDS = """
import apsw, sys
connection = apsw.Connection("valetkey.db")
connection.execute("PRAGMA journal_mode = WAL; SELECT count(*) FROM users")
print("holds", flush=True)
sys.stdin.read()
"""


def test_nor_is_a_ruined_one(line: Line) -> None:
    full(line)
    line.ok("db", "backup", "copy.db")
    holding = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(holding, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        with line.database.open("r+b") as file:
            file.write(b"no database")
        told = line.fails("db", "restore", "copy.db", "--yes", status=1)
        assert "valetkey.db is open elsewhere" in told
        process.communicate("")
    line.ok("db", "restore", "copy.db", "--yes")
    assert len(line.every(User)) == 2


def test_a_ruined_database_is_replaced(line: Line) -> None:
    full(line)
    line.ok("db", "backup", "copy.db")
    for ruin in (b"no database" * 100, line.database.read_bytes()[:10_000]):
        line.database.write_bytes(ruin)
        line.ok("db", "restore", "copy.db", "--yes")
        assert {user.username for user in line.every(User)} == {"miko", "noor"}


WITHOUT = """
import sys
sys.modules["asyncpg"] = None
from valetkey.cli import main
sys.argv[0] = "valetkey"
main()
"""


def test_without_the_driver(line: Line) -> None:
    """Who keeps to SQLite needs no asyncpg; who names a PostgreSQL is told what to install."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", WITHOUT, *words]
        environ = os.environ | {"VALETKEY_MASTER_KEY": "A" * 43}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    assert run("db", "migrate").returncode == 0
    for words in (("db", "status"), ("db", "migrate"), ("user", "list"), ("serve",)):
        told = run(*words, "--database", "postgresql://valetkey@127.0.0.1/valetkey")
        assert told.returncode == 1
        assert "asyncpg is missing: install valetkey[postgres]" in told.stderr
        assert "Traceback" not in told.stderr


def test_a_row_is_spelled_out(line: Line) -> None:
    """But for the password, of which not even the digest is shown."""
    word = line.folder / "word"
    word.write_text("one word for each garden gate")
    line.ok("user", "add", "miko", "--password-file", str(word), "--email", "miko@example.org")
    (name,) = [one["id"] for one in line.json("user", "list")]
    told = line.json("db", "show", "users", name)
    assert (told["id"], told["username"], told["version"]) == (name, "miko", 1)
    assert told["password"] == "(hidden)"
    assert "miko@example.org" in line.ok("db", "show", "users", name)
    assert "there is no such row" in line.fails("db", "show", "users", "nobody", status=1)


def test_every_row_can_be_read(line: Line) -> None:
    """One JSON object a line, and no secret in any of them, nor the digest of one."""
    word = line.folder / "word"
    word.write_text("one word for each garden gate")
    line.ok("user", "add", "miko", "--password-file", str(word), "--email", "miko@example.org")
    words = ("--id", "daemon", "--redirect-uri", "https://daemon.example/cb", "--scope", "openid")
    secret = line.json("client", "add", *words)["client_secret"]
    line.ok("key", "rotate")
    lines = line.ok("db", "show", "--all", "--json").splitlines()
    rows = [msgspec.json.decode(text) for text in lines]
    assert {"users", "clients", "signing_keys"} <= {row["table"] for row in rows}
    (user,) = [row for row in rows if row["table"] == "users"]
    assert (user["username"], user["email"], user["password"]) == (
        "miko",
        "miko@example.org",
        "(hidden)",
    )
    assert all(row["sealed"] == "(hidden)" for row in rows if row["table"] == "signing_keys")
    text = "".join(lines)
    assert "argon2id" not in text
    for one in (secret, seal.digest(secret), line.every(User)[0].password):
        assert one not in text
    some = line.ok("db", "show", "clients", "--all", "--json").splitlines()
    assert [msgspec.json.decode(one)["id"] for one in some] == ["daemon"]
    assert "miko@example.org" in line.ok("db", "show", "users", "--all")


@pytest.mark.parametrize("words", [(), ("users",), ("users", "x", "--all")])
def test_one_row_or_all(line: Line, words: tuple[str, ...]) -> None:
    assert "or --all" in line.fails("db", "show", *words, status=2)
