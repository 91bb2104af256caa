"""The groups whose commands all come from the operations."""

import click

from valetkey.cli.remote.groups import OperationGroup

policy = OperationGroup(name="policy", help="The policies for apps.")
stream = OperationGroup(name="stream", help="The receivers of security events.")
job = OperationGroup(name="job", help="The messages that wait to be sent.")
role = OperationGroup(name="role", help="Who has which role.")
organization = OperationGroup(
    name="organization", help="Companies, and what they let their members connect."
)
bulk_stop = OperationGroup(name="bulk-stop", help="Stop many grants, with a preview.")
settings = OperationGroup(name="settings", help="The settings of the server, as it uses them.")


class ShowGroup(OperationGroup):
    """A group that without a command does `show`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--help" not in args and not {*args} & {*self.list_commands(ctx)}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


stats = ShowGroup(
    name="stats",
    help="Numbers by hour and by day: `valetkey stats` is `valetkey stats show`.",
)
