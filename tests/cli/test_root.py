"""Rules for every command."""

import builtins
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from tests.cli.line import Line

from valetkey.cli import main
from valetkey.cli.context import CommandContext
from valetkey.cli.remote.commands import ALSO, NOUNS, verb_of
from valetkey.cli.root import valetkey
from valetkey.server.admin.table import OPERATIONS


def leaves(context: click.Context, *path: str) -> Iterator[tuple[str, click.Command]]:
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            below = click.Context(command, info_name=name, parent=context)
            yield from leaves(below, *path, name)
        else:
            yield " ".join((*path, name)), command


def local() -> click.Context:
    """A command line that goes to the database of this machine."""
    context = click.Context(valetkey, info_name="valetkey")
    context.ensure_object(CommandContext).words = ("--context", "local")
    return context


MOVERS = ("auth0", "dot", "hydra", "keycloak")
"""The authorization servers that apps and grants are imported from."""

COMMANDS = dict(leaves(local()))
OF_OPERATIONS = {
    f"{NOUNS[one.noun]} {verb_of(one)}" for one in OPERATIONS if one.name != "me.show"
} | {" ".join(also) for also in ALSO}


def test_the_commands() -> None:
    assert set(COMMANDS) == OF_OPERATIONS | {
        "init",
        "serve",
        "health",
        "guard",
        "demo",
        "doctor",
        "top",
        "apply",
        *(f"{noun} {verb}" for noun in ("client", "user", "resource") for verb in ADD_LIST_REMOVE),
        "client show",
        "client invite",
        *(f"events {verb}" for verb in ("list", "search", "tail", "show", "status")),
        *(f"events {verb}" for verb in ("export", "verify", "rotate-key")),
        "grant list",
        *(f"grant {verb}" for verb in ("pause", "resume", "stop", "narrow", "limit", "receipt")),
        *(f"grant {verb}" for verb in ("delegates", "revoke-delegate", "readmit")),
        *(f"grant {verb}" for verb in ("hands", "cut", "shards", "lose")),
        *(f"user {verb}" for verb in ("sign-out", "disable", "enable", "reset-factors")),
        *(f"user {verb}" for verb in ("reset-link", "set-password", "throttled", "unlock")),
        *(f"user {verb}" for verb in ("erase", "export", "restore")),
        *(f"client {verb}" for verb in ("suspend", "restore", "edit")),
        *(f"client {verb}" for verb in ("rotate-secret", "secrets", "revoke-secret")),
        *("completion", "login", "logout", "whoami"),
        *(f"context {verb}" for verb in ("list", "set", "use")),
        *(f"admin {verb}" for verb in ("create", "grant-role", "revoke-role", "roles", "list-app")),
        *(f"locale {verb}" for verb in ("check", "new")),
        *(f"import {source}" for source in ("users", *MOVERS)),
        *(f"brand {verb}" for verb in ("check", "preview", "remove", "show")),
        "db show",
        *(f"resource {verb}" for verb in ("sync", "diff", "history", "check")),
        "key list",
        "mail test",
        "notices list",
        "notices resend",
        "notices test",
        "key rotate",
        *(f"key {verb}-master" for verb in ("rotate", "wrap", "unwrap")),
        "key check-kms",
        "key check-token",
        "key revoke",
        *(f"db {verb}" for verb in ("status", "plan", "migrate", "backup", "restore", "reindex")),
        "config show",
        "config schema",
    }


ADD_LIST_REMOVE = ("add", "list", "remove")


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"demo"}))
def test_every_command_takes_the_common_options_and_says_what_it_does(name: str) -> None:
    command = COMMANDS[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--config", "--database", "--set"} <= options
    assert command.help


PUBLIC = {
    **{f"import {source}": ("--secrets",) for source in MOVERS},  # a file
    "client add": (
        *("--key-shards", "--key-shard-backend"),
        *("--secret-env", "--secret-file", "--secret-sha256"),
    ),
    "client edit": (
        *("--key-shards", "--key-shard-backend"),
        *("--secret-env", "--secret-file", "--secret-sha256"),
    ),
    "client revoke-secret": ("secret",),
    "client create": ("--key-shard", "--key-shards", "--key-shard-backend"),
    "login": ("--secret-file",),
    "grant lose": ("key",),
    "events verify": ("--key",),
    "user add": ("--password-hash-file",),
    "admin create": ("--password-hash-file",),
}
"""What is no secret: how a key is cut and by whom its part is held, where one is read, the digest
of one, and the name of one or its last characters; the public key of the audit log."""


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"demo"}))
def test_no_option_takes_a_secret(name: str) -> None:
    """A secret on the command line is read by everybody on the machine."""
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    secret = {one for one in options if "password" in one or "secret" in one or "key" in one}
    assert secret <= {"--password-file", "--password-stdin", *PUBLIC.get(name, ())}


def test_the_common_options_stand_anywhere(line: Line) -> None:
    line.ok(
        "--database",
        "a.db",
        "user",
        "add",
        "miko",
        "--password-stdin",
        stdin="lanterns at dusk\n",
    )
    for words in (
        ("--json", "--database", "a.db", "user", "list"),
        ("user", "--json", "--database", "a.db", "list"),
        ("user", "list", "--json", "--database", "a.db"),
    ):
        assert '"username": "miko"' in line.ok(*words)
    assert not line.database.exists()


def test_a_settings_file_may_be_named(line: Line) -> None:
    (line.folder / "own.toml").write_text('name = "Own"\n')
    assert line.json("--config", "own.toml", "config", "show")["name"] == "Own"
    told = line.fails("config", "show", "--config", "no.toml", status=2)
    assert "no.toml: cannot be read" in told


def test_a_setting_needs_a_value(line: Line) -> None:
    assert "'port' is not NAME=VALUE" in line.fails("config", "show", "--set", "port", status=2)


def test_a_mistake_in_the_settings_stops_every_command(line: Line) -> None:
    told = line.fails("user", "list", status=2, VALETKEY_PORT="x", VALETKEY_NOPE="1")
    assert "2 mistakes in the settings" in told
    assert "nope (from VALETKEY_NOPE)" in told
    assert "port = 'x' (from VALETKEY_PORT)" in told


NEEDS_A_DATABASE = ("user list", "client list", "resource list", "grant list", "key list")


@pytest.mark.parametrize("name", NEEDS_A_DATABASE)
def test_looking_makes_no_database(line: Line, name: str) -> None:
    told = line.fails(*name.split(), status=1)
    assert "there is no database valetkey.db; `valetkey serve` creates it" in told
    assert not line.database.exists()


def test_a_database_is_nobody_elses_business(line: Line) -> None:
    line.ok("user", "add", "miko", "--password-stdin", stdin="lanterns at dusk\n")
    assert line.database.stat().st_mode & 0o777 == 0o600


def test_what_is_no_database_is_said(line: Line) -> None:
    line.database.write_text("something else entirely, and long enough to be looked at" * 100)
    told = line.fails("user", "list", status=1)
    assert "the database valetkey.db cannot be opened" in told


def test_colours_can_be_switched_off(line: Line) -> None:
    line.furnish()
    shown = {"color": True, "prog_name": "valetkey"}
    assert "\x1b[" in run_in_colour(line, shown)
    assert "\x1b[" not in run_in_colour(line, shown, NO_COLOR="1")


def run_in_colour(line: Line, extra: dict[str, Any], **environ: str) -> str:
    result = click.testing.CliRunner().invoke(valetkey, ["user", "list"], env=environ, **extra)
    return result.stdout


def test_it_loads_nothing_of_the_server_before_it_restarts() -> None:
    """A server imports the root twice, and what that takes is a part of each start."""
    code = """if True:
        import os, sys
        from valetkey.cli import main, memory

        def report():
            print(*(one for one in sys.modules if one.startswith("valetkey.")), flush=True)
            os._exit(0)

        memory.restart_with_huge_pages = report
        sys.argv[1:] = ["serve"]
        main()
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "valetkey.cli.root" in loaded
    assert [one for one in loaded if one.startswith("valetkey.server")] == []


def test_without_the_server_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without_click(name: str, *args: Any) -> Any:
        if name == "click":
            raise ModuleNotFoundError("No module named 'click'", name="click")
        return real(name, *args)

    for name in [one for one in sys.modules if one.startswith("valetkey.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_click)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err == "valetkey: click is missing: install valetkey[server]\n"


def test_the_demo_names_its_extra(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that left the demo out, or one of the modules that it needs."""
    monkeypatch.setitem(sys.modules, "valetkey.demo", None)
    assert "valetkey.demo is missing: install valetkey[demo]" in line.fails("demo", status=1)
