"""What the operator reads where a file or a row is damaged, or the disk is full: at the start, from
`doctor`, from any command. In words, without a traceback (ATTACKS A101)."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
import pytest
from tests.cli.line import Line
from tests.live import free_port
from tests.promises.test_full import full, mounted
from tests.rows import row

Spoil = Callable[[Line], None]


def _copy_back(line: Line) -> None:
    with contextlib.closing(apsw.Connection(str(line.database))) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _body(line: Line, change: Callable[[str], str]) -> None:
    with contextlib.closing(apsw.Connection(str(line.database))) as other:
        rows: Any = other.execute("SELECT key, body FROM signing_keys ORDER BY key").fetchall()
        key, body = rows[0]
        raw = change(bytes(body).decode()).encode()
        other.execute("UPDATE signing_keys SET body = ? WHERE key = ?", (raw, key))


def _no_json(line: Line) -> None:
    _body(line, lambda _: "[")


def _unknown_use(line: Line) -> None:
    _body(line, lambda body: body.replace('"use":"', '"use":"x'))


def _other_seal(line: Line) -> None:
    _body(line, lambda body: body.replace('"sealed":"', '"sealed":"AAAA'))


def _overwrite(line: Line) -> None:
    _copy_back(line)
    line.database.write_bytes(os.urandom(line.database.stat().st_size))


def _overwrite_a_page(line: Line) -> None:
    """That of the keys."""
    _copy_back(line)
    with contextlib.closing(apsw.Connection(str(line.database))) as other:
        rows = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'signing_keys'")
        page: Any = rows.fetchall()[0][0]
    with line.database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))


def _cut(line: Line) -> None:
    _copy_back(line)
    os.truncate(line.database, line.database.stat().st_size // 2)


FAULTS: Final = [
    row("A101", "a key is no JSON", _no_json, "keys", "table signing_keys is damaged"),
    row("A101", "a key of no known use", _unknown_use, "keys", "table signing_keys is damaged"),
    row("A101", "a key under another seal", _other_seal, "keys", "that one is damaged"),
    row("A101", "the file is no database", _overwrite, "database", "file is not a database"),
    row("A101", "a page is written over", _overwrite_a_page, "database", "is malformed"),
    row("A101", "the file is cut short", _cut, "database", "malformed"),
]


@pytest.fixture
def made(line: Line) -> Line:
    line.ok("key", "rotate")
    return line


@pytest.fixture
def here() -> tuple[str, ...]:
    port = free_port()
    return ("--set", f"issuer=http://127.0.0.1:{port}", "--set", f"port={port}")


def _failures(line: Line, *words: str) -> dict[str, str]:
    result = line.run("doctor", "--json", *words)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    rows = msgspec.json.decode(result.stdout)
    assert rows[-1]["what"] == "issuer", "all else is looked at as well"
    return {row["what"]: row["says"] for row in rows if row["verdict"] == "fail"}


@pytest.mark.parametrize("spoil,what,said", FAULTS)
def test_doctor_names_it(
    made: Line, here: tuple[str, ...], spoil: Spoil, what: str, said: str
) -> None:
    spoil(made)
    found = _failures(made, *here)
    assert said in found[what]
    assert "valetkey db restore" in found[what]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("spoil,what,said", FAULTS)
def test_the_start_says_it(
    made: Line, here: tuple[str, ...], workers: str, spoil: Spoil, what: str, said: str
) -> None:
    spoil(made)
    told = made.fails("serve", *here, "--workers", workers, status=1)
    assert said.replace("is malformed", "malformed") in told
    assert told.startswith("Error: ")


@pytest.mark.parametrize("spoil,what,said", FAULTS)
def test_what_is_advised_works(
    made: Line, here: tuple[str, ...], spoil: Spoil, what: str, said: str
) -> None:
    made.ok("db", "backup", "copy.db")
    spoil(made)
    assert said in _failures(made, *here)[what]
    made.ok("db", "restore", "copy.db", "--yes")
    assert made.run("doctor", *here).exit_code == 0


@pytest.mark.parametrize("words", [("key", "list"), ("user", "list"), ("db", "status")])
@pytest.mark.parametrize("spoil", [row("A101", one.__name__, one) for one in (_no_json, _cut)])
def test_no_command_shows_a_traceback(made: Line, spoil: Spoil, words: tuple[str, ...]) -> None:
    spoil(made)
    result = made.run(*words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output


@pytest.fixture
def small(line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small file system, in which all is kept."""
    with mounted(line.folder / "small", "2m") as place:
        yield place
        monkeypatch.chdir(line.folder)


def test_a_disk_that_is_full_before_the_first_start(
    line: Line, small: Path, here: tuple[str, ...]
) -> None:
    at = ("--database", str(small / "valetkey.db"))
    with full(small):
        told = line.fails("serve", *here, *at, status=1)
        looked = line.run("doctor", *here, *at)
    assert "cannot be opened" in told
    assert "database or disk is full" in told
    assert looked.exit_code == 0, "there is nothing yet"
    assert "valetkey.db does not exist yet" in looked.output


def test_a_disk_that_is_full_for_the_master_key(
    line: Line, small: Path, here: tuple[str, ...]
) -> None:
    key = small / "key"
    with full(small):
        told = line.fails("serve", *here, "--set", f"master_key_file={key}", status=1)
    assert f"the master key {key} cannot be" in told
    assert not key.exists(), "half a key would be in the way of a whole one"
