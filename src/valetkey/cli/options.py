"""The options that every command accepts, at any position."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from valetkey.cli.context import CommandContext

PATH: Final = click.Path(path_type=Path)


def _command_context(context: click.Context) -> "CommandContext":
    # A server that restarts imports the root of the command line twice, so that stays small.
    from valetkey.cli.context import CommandContext  # noqa: PLC0415

    return context.ensure_object(CommandContext)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if not value:
        return
    command = _command_context(context)
    match parameter.name:
        case "config":
            command.config = value
        case "database":
            command.flags["database"] = value
        case "set":
            command.flags |= dict(_pair(one) for one in value)
        case _:
            command.as_json = True


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
    return name, value


def common() -> list[click.Parameter]:
    """New instances of the common options, for one command."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(["--config"], type=PATH, help="The settings file (valetkey.toml).", **shared),
        click.Option(
            ["--database"], help="An SQLite file, or postgresql://user@host/name.", **shared
        ),
        click.Option(
            ["--set"], multiple=True, metavar="NAME=VALUE", help="Set any other setting.", **shared
        ),
        click.Option(["--json"], is_flag=True, help="Print JSON.", **shared),
    ]


class Command(click.Command):
    """A command with the common options."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += common()

    def invoke(self, ctx: click.Context) -> Any:
        _command_context(ctx)
        return super().invoke(ctx)


class Group(click.Group):
    """A group with the common options; its commands have them too."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += common()


YES: Final = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def old_name(command: click.Command, name: str) -> click.Command:
    """A hidden copy of a command under its old name, which warns on stderr. It stays for one
    version."""
    alias = copy.copy(command)
    alias.name, alias.hidden = name, True
    alias.deprecated = f"Use {command.name!r} instead; the next version removes the old name."
    return alias
