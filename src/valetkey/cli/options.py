"""Options that every command takes, wherever they stand in the line."""

from pathlib import Path
from typing import Any, Final

import click

from valetkey.cli.context import Desk

PATH: Final = click.Path(path_type=Path)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    desk = context.ensure_object(Desk)
    if not value:
        return
    match parameter.name:
        case "config":
            desk.config = value
        case "database":
            desk.flags["database"] = value
        case "set":
            desk.flags |= dict(_pair(one) for one in value)
        case _:
            desk.as_json = True


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
    return name, value


def common() -> list[click.Parameter]:
    """The options themselves, fresh for each command."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(["--config"], type=PATH, help="The settings file (valetkey.toml).", **shared),
        click.Option(
            ["--database"], help="An SQLite file, or postgresql://user@host/name.", **shared
        ),
        click.Option(
            ["--set"], multiple=True, metavar="NAME=VALUE", help="Any other setting.", **shared
        ),
        click.Option(["--json"], is_flag=True, help="Answer in JSON.", **shared),
    ]


class Command(click.Command):
    """A command with the common options."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += common()


class Group(click.Group):
    """A group with the common options, whose commands have them too."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += common()


YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")
