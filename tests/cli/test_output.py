"""How answers and errors are printed."""

import os
import pty
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from tests.cli.line import Line

from valetkey.cli.output import formats
from valetkey.cli.output.json_errors import wants_json

WORD = "correct horse battery"
USER = ("user", "add", "miko", "--email", "miko@chirp.example", "--password-stdin")


@pytest.fixture
def people(line: Line) -> Line:
    line.ok(*USER, stdin=WORD)
    line.ok("user", "add", "noor", "--claim", "locale=nl", "--password-stdin", stdin=WORD)
    return line


def test_a_wide_table_has_every_field(people: Line) -> None:
    header, *rows = people.ok("user", "list", "-o", "wide").splitlines()
    assert {"id", "username", "email_verified", "disabled_by"} <= set(header.split())
    assert len(rows) == 2
    assert "password" not in header.split()


def test_json_lines_are_a_record_a_line(people: Line) -> None:
    lines = people.ok("user", "list", "-o", "jsonl").splitlines()
    assert [msgspec.json.decode(one)["username"] for one in lines] == ["miko", "noor"]
    assert len(people.ok("client", "list", "-o", "jsonl")) == 0


def test_yaml_says_the_same_as_json(people: Line) -> None:
    text = people.ok("user", "list", "-o", "yaml")
    assert text.startswith("- id: ")
    assert msgspec.yaml.decode(text) == people.json("user", "list")


FILTERS = [
    (".[].username", "miko\nnoor\n"),
    ("length", "2\n"),
    ('.[] | select(.username == "noor") | .claims', '{"locale":"nl"}\n'),
    ("[.[].email]", '["miko@chirp.example",""]\n'),
    ('.[] | select(.email == "nobody")', ""),
]


@pytest.mark.parametrize("expression, printed", FILTERS)
def test_jq(people: Line, expression: str, printed: str) -> None:
    assert people.ok("user", "list", "--jq", expression) == printed


@pytest.mark.parametrize("expression", [".[", ".[0].username.nothing"])
def test_a_filter_that_does_not_fit(people: Line, expression: str) -> None:
    said = msgspec.json.decode(people.fails("user", "list", "--jq", expression, status=2))
    assert said["type"] == "usage"
    assert f"--jq {expression}" in said["detail"]


@pytest.mark.parametrize("words, module", [(("--jq", "."), "jq"), (("-o", "yaml"), "yaml")])
def test_what_is_missing_is_said_before_anything_is_changed(
    line: Line, words: tuple[str, ...], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    said = msgspec.json.decode(line.fails(*USER, *words, status=2, stdin=WORD))
    assert "install valetkey[cli]" in said["detail"]
    assert not line.database.exists()


ERRORS = [
    (("user", "enable", "nobody"), 1, "not-found"),
    (("client", "show", "nobody"), 1, "not-found"),
    (("user", "lits"), 2, "usage"),
    (("user", "list", "--set", "port=x"), 2, "usage"),
    (("user", "remove", "miko"), 2, "usage"),
]


@pytest.mark.parametrize("words, status, kind", ERRORS, ids=[" ".join(one[0]) for one in ERRORS])
def test_errors_are_json_under_json(
    people: Line, words: tuple[str, ...], status: int, kind: str
) -> None:
    for asked in (("--json",), ("-o", "jsonl"), ("--output-format=yaml",)):
        said = msgspec.json.decode(people.fails(*words, *asked, status=status))
        assert said.keys() == {"type", "detail", "exit_status"}
        assert (said["type"], said["exit_status"]) == (kind, status)
        assert said["detail"]
    assert people.fails(*words, status=status).startswith(("Error: ", "Usage: "))


def test_no_database_has_a_type_of_its_own(line: Line) -> None:
    assert msgspec.json.decode(line.fails("user", "list", "--json", status=1))["type"] == (
        "no-database"
    )


ASKS: list[tuple[str, bool]] = [
    ("user list --json", True),
    ("--json user list", True),
    ("user list -o json", True),
    ("user list -ojsonl", True),
    ("user list -o table", False),
    ("user list --output-format yaml", True),
    ("user list --jq .", True),
    ("user list -o", False),
    ("demo -- --json", False),
    ("user list", False),
]


@pytest.mark.parametrize("line, wants", ASKS)
def test_who_wants_json(line: str, wants: bool) -> None:
    assert wants_json(line.split()) is wants


CELLS: list[tuple[Any, str]] = [
    (None, "-"),
    ("", "-"),
    ([], "-"),
    (True, "yes"),
    (0, "0"),
    (["a", "b"], "a b"),
    ([{"a": 1}, {"a": 2}], "a: 1, a: 2"),
    ("two\nlines", "two lines"),
    ("x" * 99, "x" * 59 + "…"),
]


@pytest.mark.parametrize("value, text", CELLS)
def test_cells_are_one_line(value: Any, text: str) -> None:
    assert formats.cell(value) == text


def run_at_a_terminal(*words: str, rows: int) -> str:
    """What a terminal of so many lines shows; `cat` takes the place of a pager."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"PAGER": "sed s/^/paged:/", "LINES": str(rows), "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "valetkey", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # Linux says so when the other end closes.
    finally:
        assert process.wait(20) == 0
        os.close(ours)
    return seen.decode()


def test_a_long_answer_is_paged_at_a_terminal_only(people: Line) -> None:
    assert "paged:" in run_at_a_terminal("config", "show", rows=5)
    assert "paged:" not in run_at_a_terminal("user", "list", rows=50)
    assert "paged:" not in people.ok("config", "show", PAGER="sed s/^/paged:/", LINES="5")
