"""The help: groups in plain words, examples that can be typed, and completion."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.line import Line
from tests.cli.test_root import COMMANDS

from valetkey.cli.help.examples import EXAMPLES
from valetkey.cli.options import Command
from valetkey.cli.root import ENTRIES, HEADINGS

OLD_NAMES = {"grant hands", "grant cut"}


def test_every_command_has_an_example_and_no_example_is_of_another() -> None:
    assert EXAMPLES.keys() <= COMMANDS.keys()
    assert COMMANDS.keys() - OLD_NAMES - {"demo"} == {name for name, _ in LINES}


LINES = [(name, line) for name, lines in EXAMPLES.items() for line in lines]
LINES += [
    (name, one.example)
    for name, one in COMMANDS.items()
    if isinstance(one, Command) and one.example and name not in EXAMPLES
]


MOVED = ("site.jsonl", "site.sqlite3", "hydra.json", "chirp-realm.json", "auth0.json")


@pytest.mark.parametrize("name, line", LINES, ids=[line for _, line in LINES])
def test_an_example_can_be_typed(name: str, line: str, tmp_path: Path) -> None:
    program, *words = shlex.split(line)
    words = words[: next((at for at, word in enumerate(words) if word in {"|", ">", ">>"}), None)]
    assert program == "valetkey"
    path = name.split()
    assert words[: len(path)] == path
    for file in ("users.ndjson", "export.csv", *MOVED):
        (tmp_path / file).touch()
    words = [str(tmp_path / one) if (tmp_path / one).is_file() else one for one in words]
    command = COMMANDS[name]
    # Parses and checks all options, and runs nothing.
    with command.make_context(name, words[len(path) :]) as context:
        assert context.args == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_help_shows_the_examples(name: str, line: Line) -> None:
    shown = line.ok(*name.split(), "--help")
    for example in EXAMPLES[name]:
        assert f"\n  {example}\n" in shown
    assert "Options of every command:" in shown


def test_the_help_has_groups_in_plain_words(line: Line) -> None:
    shown = line.ok("--help")
    places = [shown.index(f"\n{heading}:\n") for heading in HEADINGS if f"\n{heading}:" in shown]
    assert places == sorted(places)
    for name, entry in ENTRIES.items():
        assert entry.heading in HEADINGS
        assert f"\n  {name} " in shown
        assert entry.summary.endswith(".")
    assert max(map(len, shown.splitlines())) <= 80


def test_the_help_imports_no_command() -> None:
    """It is as quick as the root alone."""
    code = (
        "import sys\n"
        "from valetkey.cli.root import ENTRIES, valetkey\n"
        "valetkey.main(['--help'], standalone_mode=False)\n"
        "own = {f'valetkey.cli.{one.module}' for one in ENTRIES.values()} - {'valetkey.cli.root'}\n"
        "assert not own & set(sys.modules), own & set(sys.modules)\n"
        "assert 'jq' not in sys.modules and 'yaml' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_is_one(shell: str, line: Line) -> None:
    script = line.ok("completion", shell)
    assert "_VALETKEY_COMPLETE" in script
    assert line.json("completion", shell) == {"shell": shell, "script": script[:-1]}
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run(
        [program, "-n"], check=False, input=script, text=True, capture_output=True
    )
    assert checked.returncode == 0, checked.stderr


TYPED = [
    (("us",), {"user"}),
    (("user", "dis"), {"disable"}),
    (("user", "list", "--js"), {"--json"}),
    (("user", "list", "-o", "j"), {"json", "jsonl"}),
    (("key", "rotate", "--use", "E"), {"ES256"}),
    (("serve", "--wor"), {"--workers"}),
]


@pytest.mark.parametrize("typed, offered", TYPED, ids=[" ".join(words) for words, _ in TYPED])
def test_bash_completes(typed: tuple[str, ...], offered: set[str], line: Line) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (line.folder / "script").write_text(line.ok("completion", "bash"))
    (line.folder / "valetkey").write_text(f'#!/bin/sh\nexec {sys.executable} -m valetkey "$@"\n')
    (line.folder / "valetkey").chmod(0o755)
    words = " ".join(map(shlex.quote, ("valetkey", *typed)))
    asked = (
        f". ./script; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; "
        '_valetkey_completion valetkey; echo "${COMPREPLY[@]}"'
    )
    environ = os.environ | {"PATH": f"{line.folder}:{os.environ['PATH']}"}
    told = subprocess.run(
        [bash, "-c", asked], env=environ, capture_output=True, text=True, check=True
    )
    assert set(told.stdout.split()) == offered, told.stderr


def test_a_group_without_a_verb_shows_its_verbs(line: Line) -> None:
    assert "disable" in line.run("user").output
