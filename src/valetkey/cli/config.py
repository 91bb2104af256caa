"""`valetkey config`: the settings and their schema."""

from typing import Any

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Group
from valetkey.cli.output.formats import columns
from valetkey.server.settings.describe import masked, schema


@click.group(cls=Group)
def config() -> None:
    """The settings."""


@config.command()
@click.option("--origin", is_flag=True, help="Show where each value comes from.")
@click.pass_obj
def show(command: CommandContext, *, origin: bool) -> None:
    """Print every setting. Secrets are masked."""
    settings, origins = command.loaded()
    values = masked(settings)
    document: dict[str, Any] = values
    header: tuple[str, ...] = ("setting", "value")
    rows: list[tuple[str, ...]] = [(name, _text(value)) for name, value in values.items()]
    if origin:
        document = {name: {"value": values[name], "origin": origins[name]} for name in values}
        header = (*header, "origin")
        rows = [(*row, origins[row[0]]) for row in rows]
    command.show(document, columns(header, rows))


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in {None, ""} else str(value)


@config.command(name="schema")
@click.pass_obj
def print_schema(command: CommandContext) -> None:
    """Print the JSON Schema of valetkey.toml."""
    command.as_json = True
    command.show(schema(), "")
