"""Groups of commands, some of which come from the table of operations."""

from typing import Any

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.options import Command, Group


class AnywhereCommand(Command):
    """A command that goes to a server elsewhere by itself."""


class OperationGroup(Group):
    """A group whose commands come from the operations of a noun, besides its own. With a server
    elsewhere, the operations go before the commands over the database."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own, remote = super().get_command(ctx, cmd_name), is_remote(ctx)
        if own is not None and (isinstance(own, AnywhereCommand) or not remote):
            return own
        # Imported here: a command over the database alone needs no table.
        from valetkey.cli.remote.commands import command_of, operations_of  # noqa: PLC0415

        operation = operations_of(self.name or "").get(cmd_name)
        if operation is not None:
            return command_of(operation, name=cmd_name)
        return None if own is None else _only_here(own)

    def list_commands(self, ctx: click.Context) -> list[str]:
        from valetkey.cli.remote.commands import operations_of  # noqa: PLC0415

        return sorted({*super().list_commands(ctx), *operations_of(self.name or "")})


def is_remote(ctx: click.Context) -> bool:
    """Whether the command line goes to a server elsewhere."""
    return ctx.ensure_object(CommandContext).remote_name() != ""


def _only_here(own: click.Command) -> click.Command:
    """The command, which only says that it works over the database alone."""

    def refuse(command: CommandContext, /, **values: Any) -> None:
        command.check_local(own.name or "")

    copied = Command(name=own.name, params=[], callback=click.pass_obj(refuse), help=own.help)
    copied.params = own.params
    return copied
