"""The options that every command accepts, at any position."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from valetkey.cli.output.formats import FORMATS

if TYPE_CHECKING:
    from valetkey.cli.context import CommandContext


PATH: Final = click.Path(path_type=Path)


def command_context(context: click.Context) -> "CommandContext":
    """What the whole command line shares."""
    # A server that restarts imports the root of the command line twice, so that stays small.
    from valetkey.cli.context import CommandContext  # noqa: PLC0415

    return context.ensure_object(CommandContext)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if not value:
        return
    command = command_context(context)
    match parameter.name:
        case "config":
            command.config = value
        case "database":
            command.flags["database"] = value
        case "set":
            command.flags |= dict(_pair(one) for one in value)
        case "json":
            command.as_json = True
        case "server" | "context":
            pass  # read from the whole line, before the command is known (see `remote.selection`)
        case "output_format":
            command.set_output(value)
        case _:
            command.set_output(command.output, jq=value)


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
        click.Option(["--json"], is_flag=True, help="Print JSON, errors too.", **shared),
        click.Option(
            ["-o", "--output-format"],
            type=click.Choice(FORMATS),
            help="How to print: wide has every field, jsonl one record a line.",
            **shared,
        ),
        click.Option(
            ["--jq"], metavar="FILTER", help="Print what a jq filter makes of the JSON.", **shared
        ),
        click.Option(
            ["--server"], metavar="URL", help="Go to this server: see valetkey login.", **shared
        ),
        click.Option(
            ["--context"], metavar="NAME", help="Go to the server of this context.", **shared
        ),
    ]


COMMON: Final = frozenset(
    {"config", "database", "set", "json", "output_format", "jq", "server", "context"}
)
"""The names of the common options. The help lists them after a command's own."""


class Command(click.Command):
    """A command with the common options, and examples in its help. `example` is one of its own."""

    example = ""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += common()

    def invoke(self, ctx: click.Context) -> Any:
        command_context(ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, and then the common ones."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            # Arguments have a section of their own.
            is_option = isinstance(parameter, click.Option)
            if record := parameter.get_help_record(ctx) if is_option else None:
                (shared if parameter.name in COMMON else own).append(record)
        for title, records in (("Options", own), ("Options of every command", shared)):
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples, as they can be typed."""
        # Imported here: only the help needs it.
        from valetkey.cli.help.examples import examples_of  # noqa: PLC0415

        if lines := examples_of(ctx.command_path) or tuple(filter(None, [self.example])):
            with formatter.section("Examples" if len(lines) > 1 else "Example"):
                for line in lines:
                    formatter.write(f"{' ' * formatter.current_indent}{line}\n")


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
