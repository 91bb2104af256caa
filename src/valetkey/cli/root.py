"""The root of the command line, and what hangs on it."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

import click

from valetkey import __version__
from valetkey.cli.options import Group

MODULES: Final = {
    "serve": "serve",
    "guard": "guard",
    "demo": "demo",
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
"""The module in which each command is."""


class Commands(Mapping[str, click.Command]):
    """The commands. Each is imported when it is asked for: a server that starts shall not wait for
    the tools of its operator."""

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

    Exit status: 0 done; 1 it could not be done; 2 it was asked wrongly (options, settings, a file).
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
