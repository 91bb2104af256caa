"""The root of the command line, and its commands."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

import click

from valetkey import __version__
from valetkey.cli.context import Failed
from valetkey.cli.options import Group

MODULES: Final = {
    "serve": "serve",
    "guard": "guard",
    "demo": "root",
    "doctor": "doctor",
    "apply": "apply",
    "client": "clients",
    "user": "users",
    "resource": "resources",
    "grant": "grants",
    "key": "keys",
    "db": "db",
    "config": "config",
}
"""The module of each command."""


class Commands(Mapping[str, click.Command]):
    """The commands. Each is imported only when it is used, so that the server starts without
    loading the administration commands."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"valetkey.cli.{MODULES[name]}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@click.group(cls=Group, commands=Commands())
@click.version_option(__version__, prog_name="valetkey")
@click.pass_context
def valetkey(context: click.Context) -> None:
    """Let an app use your API on a user's behalf, without ever seeing the password.

    Exit status: 0 done; 1 failed; 2 usage error (options, settings, a file).
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def demo(args: tuple[str, ...]) -> None:
    """Play the story: sign-in, consent, use, change, stop."""
    try:
        # Imported here, because no other command needs what it imports.
        from valetkey.demo import main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Failed(f"{error.name} is missing: install valetkey[demo]") from error

    raise SystemExit(main(list(args)))
