"""An import that is killed goes on when it is run again: each user is there once, and whole."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.postgres import MISSING, cluster

from valetkey.server.model.query import Many
from valetkey.server.model.user import Identity, User
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database, PostgresURL

USERS = 4000
KILLS = 4


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield str(folder / "users.db")


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    with cluster() as one:
        yield one.fresh()


def importing(file: Path, database: str) -> "subprocess.Popen[bytes]":
    words = ("import", "users", str(file), "--source", "platform", "--database", database, "--json")
    environ = os.environ | {"VALETKEY_CONFIG": os.devnull, "VALETKEY_MASTER_KEY": "A" * 43}
    return subprocess.Popen(
        [sys.executable, "-m", "valetkey", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )


async def stored(database: str) -> tuple[tuple[User, ...], tuple[Identity, ...]]:
    at = PostgresURL(database) if "://" in database else Path(database)
    store = await open_store(Database(at))
    try:
        users, identities = Many(User), Many(Identity)
        results = await store.read(users, identities)
        return results.many(users), results.many(identities)
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [sqlite, pytest.param(postgres, marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))],
)
def test_killed_at_any_moment_it_goes_on(kind: object, tmp_path: Path) -> None:
    file = tmp_path / "users"
    with file.open("w") as text:
        for n in range(USERS):
            user = {"id": n, "username": f"user{n}", "email": f"user{n}@mail.example", "name": "N"}
            text.write(json.dumps(user) + "\n")
    random = Random(7)
    with kind(tmp_path) as database:  # type: ignore[operator]
        for _ in range(KILLS):
            process = importing(file, database)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(random.uniform(0.5, 2.5))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        last = importing(file, database)
        out, errors = last.communicate()
        assert last.returncode == 0, errors.decode()
        report = json.loads(out)
        users, identities = asyncio.run(stored(database))
    assert report["refused"] == report["kept"] == 0
    assert report["added"] + report["unchanged"] == USERS
    numbers = range(USERS)
    assert sorted(int(one.username[4:]) for one in users) == list(numbers)
    assert all(one.email.startswith(f"{one.username}@") for one in users)
    assert all(one.claims == {"name": "N"} for one in users)
    names = {one.id: one.username for one in users}
    assert sorted(int(one.subject) for one in identities) == list(numbers)
    assert all(names[one.user] == f"user{one.subject}" for one in identities)
