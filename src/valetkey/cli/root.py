"""The root of the command line, and what hangs on it."""

import os
from typing import Final

import click

from valetkey import __version__
from valetkey.cli.apply import apply
from valetkey.cli.clients import client
from valetkey.cli.config import config
from valetkey.cli.db import db
from valetkey.cli.demo import demo
from valetkey.cli.doctor import doctor
from valetkey.cli.grants import grant
from valetkey.cli.guard import guard
from valetkey.cli.keys import key
from valetkey.cli.options import Group
from valetkey.cli.resources import resource
from valetkey.cli.serve import serve
from valetkey.cli.users import user

COMMANDS: Final = (
    serve,
    guard,
    demo,
    doctor,
    apply,
    client,
    user,
    resource,
    grant,
    key,
    db,
    config,
)


@click.group(cls=Group)
@click.version_option(__version__, prog_name="valetkey")
@click.pass_context
def valetkey(context: click.Context) -> None:
    """Let an app use your API on a user's behalf, without ever seeing the password.

    Exit status: 0 done; 1 it could not be done; 2 it was asked wrongly (options, settings, a file).
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


for command in COMMANDS:
    valetkey.add_command(command)
