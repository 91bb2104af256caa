"""The root of the command line, and its commands."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

import click

from valetkey import __version__
from valetkey.cli import memory
from valetkey.cli.options import Group

MODULES: Final = {
    "init": "init",
    "serve": "serve",
    "guard": "guard",
    "demo": "root",
    "doctor": "doctor",
    "health": "health",
    "apply": "apply",
    "brand": "brand",
    "locale": "locales",
    "import": "imports.users",
    "client": "clients",
    "user": "users",
    "resource": "resources",
    "grant": "grants",
    "key": "keys",
    "mail": "notices",
    "notices": "notices",
    "db": "db",
    "config": "config",
}
"""The module of each command."""


KEYWORDS: Final = {"import": "imports"}
"""Commands that are keywords of Python, and the names that their modules have for them."""

LONG_RUNNING: Final = frozenset({"serve", "guard"})
"""Commands that run until they are stopped."""


class Commands(Mapping[str, click.Command]):
    """The commands. Each is imported only when it is used, so that the server starts without
    loading the administration commands."""

    def __getitem__(self, name: str) -> click.Command:
        module = import_module(f"valetkey.cli.{MODULES[name]}")
        command: click.Command = getattr(module, KEYWORDS.get(name, name))
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class Root(Group):
    """The root of the command line. `may_restart`: the process runs nothing but this line."""

    may_restart = False

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # The options before the command are parsed, so this is the command. Its module is not
        # imported yet: a restart repeats as little as possible.
        if self.may_restart and args[0] in LONG_RUNNING:
            memory.restart_with_huge_pages()
        return super().resolve_command(ctx, args)


@click.group(cls=Root, commands=Commands())
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
        from valetkey.cli.context import Failed  # noqa: PLC0415 - not for the start of a server

        raise Failed(f"{error.name} is missing: install valetkey[demo]") from error

    raise SystemExit(main(list(args)))
