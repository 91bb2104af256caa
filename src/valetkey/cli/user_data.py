"""`valetkey user erase`, `restore` and `export`: the rights of people to their data."""

import os
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.options import YES, Command
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import format_time
from valetkey.server.http.personal_export import export as personal_export
from valetkey.server.model.query import One, OneByAlias
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.admin.erasure import Deletion, cancel_deletion, request_deletion
from valetkey.server.store.port import Store


async def find_account(store: Store, name: str) -> User:
    """The account with this username or id. Raises Failed if there is none."""
    by_name, by_id = OneByAlias(User, sign_in_name(name)), One(User, name)
    results = await store.read(by_name, by_id)
    account = results.one(by_name) or results.one(by_id)
    if account is None:
        raise Failed(f"there is no user {name!r}", type="not-found")
    return account


async def id_of(store: Store, name: str) -> str:
    """The id of the account with this username or id. Raises Failed if there is none."""
    return (await find_account(store, name)).id


@click.command(cls=Command)
@click.argument("username")
@click.option("--at-once", is_flag=True, help="Erase it now. This cannot be undone.")
@YES
@click.pass_obj
def erase(command: CommandContext, username: str, *, at_once: bool, yes: bool) -> None:
    """Delete an account with its personal data: after the grace, or at once.

    Sign-in ends at once, and so does all access that the account gave. Receipts and events stay,
    under an id that names nobody."""
    command.confirm(f"Delete the account {username!r} and its personal data?", yes=yes)

    async def erasing(store: Store) -> Deletion:
        name, context = await id_of(store, username), command.context()
        rule = partial(request_deletion, name, by="administrator", at_once=at_once, context=context)
        return await settle_and_notify(store, rule, context)

    outcome = command.run(erasing)
    document = {
        "username": username,
        "user": outcome.user,
        "result": outcome.result,
        "due": outcome.due,
    }
    if outcome.result == "erased":
        command.show(document, f"erased {username}")
    else:
        until = format_time(outcome.due)
        command.show(document, f"disabled {username}: it is erased on {until}, unless restored")


@click.command(cls=Command)
@click.argument("username")
@click.pass_obj
def restore(command: CommandContext, username: str) -> None:
    """Cancel the deletion of an account, with all access that it gave."""

    async def restoring(store: Store) -> Deletion:
        name, context = await id_of(store, username), command.context()
        rule = partial(cancel_deletion, user=name, by="administrator", context=context)
        return await settle_and_notify(store, rule, context)

    if command.run(restoring).result == "unknown":
        raise Failed(f"{username} is not going to be deleted")
    command.show({"username": username, "result": "restored"}, f"restored {username}")


@click.command(cls=Command)
@click.argument("username")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file, of mode 0600. By default, the data goes to stdout.",
)
@click.pass_obj
def export(command: CommandContext, username: str, *, output: Path | None) -> None:
    """Write all that is stored about a user as JSON: what their own download has."""

    async def exporting(store: Store) -> None:
        name = await id_of(store, username)
        with _opened(output) as file:
            async for chunk in personal_export(store, name, now=int(time.time())):
                file.write(chunk)

    command.run(exporting)
    if output is not None:
        command.note(f"wrote {output}")


def _opened(output: Path | None) -> "nullcontext[BinaryIO] | BinaryIO":
    if output is None:
        return nullcontext(sys.stdout.buffer)
    try:
        return os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise Failed(f"{output}: {error.strerror}") from error
