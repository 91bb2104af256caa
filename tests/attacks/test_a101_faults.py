"""A101: damaged storage under a running server.

Attack: Somebody deletes, replaces or overwrites the database file, or a row is damaged, while the
server runs.
Defense: The server reports that it is not ready, acknowledges nothing that would be lost, and names
the reason.
"""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import httpx2
import pytest
from tests.attacks.play import AS_WEB, tokens
from tests.installation import SECRETS
from tests.live import Live, live
from tests.postgres import MISSING, cluster
from tests.rows import row

from valetkey.server.http import log
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.sqlite import files

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

SOON: Final = 30.0
"""Seconds in which it is noticed; one, where the machine does nothing else."""

NO_WRITES: Final = "the database takes no writes"
NO_KEYS: Final = "keys and settings cannot be read from the database"


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a server starts: it looks into its files at each commit."""
    monkeypatch.setattr(files, "PAUSE", 0.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "place"
    folder.mkdir()
    with live(folder, unthrottled=("127.0.0.0/8",)) as one:
        yield one


def _push(server: Live) -> httpx2.Response:
    return server.http.post("/par", data=AS_WEB.parameters(), auth=("web", SECRETS["web"]))


def _ready(server: Live) -> tuple[int, str]:
    answer = server.http.get("/readyz")
    return answer.status_code, answer.json().get("error_description", "")


def _logged(caplog: pytest.LogCaptureFixture, said: str) -> None:
    """That stands in the log, and no traceback."""
    ours = [record for record in caplog.records if record.name == log.NAME]
    lines = [str(vars(record)) for record in ours]
    assert [line for line in lines if said in line], lines[-3:]
    assert not [record for record in ours if record.exc_info]


def _until(server: Live, wanted: tuple[int, str]) -> None:
    until = time.monotonic() + SOON
    while (found := _ready(server)) != wanted:
        assert time.monotonic() < until, found
        time.sleep(0.05)


def _delete(file: Path) -> None:
    file.unlink()


def _delete_log(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


def _delete_index(file: Path) -> None:
    file.with_name(f"{file.name}-shm").unlink()


def _move_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def _replace(file: Path) -> None:
    """By a copy of itself, as who restores a backup beneath the running server does."""
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


def _empty(file: Path) -> None:
    _copy_back(file)
    os.truncate(file, 0)


def _cut(file: Path) -> None:
    os.truncate(file, _copy_back(file) // 2)


def _overwrite(file: Path) -> None:
    size = _copy_back(file)
    with file.open("r+b") as open_file:
        open_file.write(os.urandom(size))


def _copy_back(file: Path) -> int:
    """All of the log into the file, so that what is there is read; its size."""
    with contextlib.closing(apsw.Connection(str(file))) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


FAULTS: Final = [
    row("ATTACKS A101", "the file is deleted", _delete, NO_WRITES, ".db was deleted"),
    row("ATTACKS A101", "its log is deleted", _delete_log, NO_WRITES, "-wal was deleted"),
    row("ATTACKS A101", "its log's index is deleted", _delete_index, NO_WRITES, "-shm was deleted"),
    row("ATTACKS A101", "the folder is moved", _move_folder, NO_WRITES, ".db was deleted"),
    row(
        "ATTACKS A101",
        "the file is replaced",
        _replace,
        NO_WRITES,
        ".db was replaced by another file",
    ),
    row("ATTACKS A101", "the file is emptied", _empty, NO_KEYS, "malformed"),
    row("ATTACKS A101", "the file is cut short", _cut, NO_KEYS, "malformed"),
    row("ATTACKS A101", "the file is written over", _overwrite, NO_KEYS, "malformed"),
]


@pytest.mark.parametrize("fault,why,said", FAULTS)
def test_nothing_is_acknowledged_that_will_be_gone(
    server: Live,
    fault: Callable[[Path], None],
    why: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    given = tokens(server, AS_WEB)
    assert _push(server).status_code == 201
    assert _ready(server) == (200, "")
    fault(server.database)
    answer = _push(server)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    _until(server, (503, why))
    _logged(caplog, said)
    assert server.http.get("/healthz").status_code == 200
    revoked = server.http.post(
        "/revoke", data={"token": given["refresh_token"]}, auth=("web", SECRETS["web"])
    )
    assert revoked.status_code == 503
    assert _push(server).status_code == 503


def test_a_file_that_was_moved_away_and_back_is_the_same(server: Live) -> None:
    assert _push(server).status_code == 201
    away = server.database.with_name("away")
    server.database.rename(away)
    assert _push(server).status_code == 503
    away.rename(server.database)
    assert _push(server).status_code == 201
    _until(server, (200, ""))


KEYS: Final = [
    row("ATTACKS A101", "no JSON", lambda _: "[", "table signing_keys is damaged"),
    row(
        "ATTACKS A101",
        "an unknown use",
        lambda body: body.replace('"use":"', '"use":"x'),
        "table signing_keys is damaged",
    ),
    row(
        "ATTACKS A101",
        "another seal",
        lambda body: body.replace('"sealed":"', '"sealed":"AAAA'),
        "but opens others: that one is damaged",
    ),
]


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """A server on either database."""
    with contextlib.ExitStack() as stack:
        more: dict[str, Any] = {}
        if request.param == "postgres":
            if MISSING:
                pytest.skip(MISSING)
            more["at"] = PostgresURL(stack.enter_context(cluster()).url)
        yield stack.enter_context(live(tmp_path, unthrottled=("127.0.0.0/8",), **more))


def _sql(server: Live, statement: str, *given: str) -> list[Any]:
    """Looks at the database, or changes it, behind the server's back."""
    at = server.settings.database.at
    if isinstance(at, PostgresURL):

        async def run() -> list[Any]:
            connection = await asyncpg.connect(at.reveal())
            found = [row[0] for row in await connection.fetch(statement, *given)]
            await connection.close()
            return found

        rows: list[Any] = server.run(run())
        return rows
    with contextlib.closing(apsw.Connection(str(at))) as other:
        other.setbusytimeout(10_000)  # the server seals its audit log beside
        raw = [one.encode() for one in given]
        return [row[0] for row in other.execute(statement.replace("$", "?"), raw)]


_WRITE: Final = "UPDATE signing_keys SET body = $1 WHERE key = (SELECT min(key) FROM signing_keys)"


@pytest.mark.parametrize("spoil,said", KEYS)
def test_a_damaged_key(
    either: Live, spoil: Callable[[str], str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert _ready(either) == (200, "")
    name, kept = _sql(either, "SELECT min(key) FROM signing_keys")[0], _first(either)
    _sql(either, _WRITE, spoil(kept))
    _until(either, (503, NO_KEYS))
    assert _push(either).status_code == 503
    assert either.http.get("/jwks").status_code == 200, "what is published goes on"
    _logged(caplog, said)
    _logged(caplog, name)
    _sql(either, _WRITE, kept)
    _until(either, (200, ""))
    assert _push(either).status_code == 201


def _first(server: Live) -> str:
    body: str | bytes = _sql(server, "SELECT body FROM signing_keys ORDER BY key LIMIT 1")[0]
    return body.decode() if isinstance(body, bytes) else body


def test_readiness_writes_at_most_once_in_a_second(either: Live) -> None:
    before = time.monotonic()
    assert {either.http.get("/readyz").status_code for _ in range(50)} == {200}
    longest = 2 + int(time.monotonic() - before)
    count = _sql(either, "SELECT count(*) FROM once WHERE key LIKE 'readiness %'")[0]
    assert 1 <= count <= longest
