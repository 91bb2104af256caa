"""`valetkey grant`: the grants that users gave to apps."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from valetkey.cli.context import CommandContext, columns, fields, format_time
from valetkey.cli.grant_changes import narrow_grant, pause, resume, stop
from valetkey.cli.grant_choice import CLIENT, USER, choose_grants
from valetkey.cli.grant_delegates import list_delegates, readmit, revoke_delegate
from valetkey.cli.grant_limit import limit
from valetkey.cli.grant_shards import lose, shards
from valetkey.cli.options import Group, old_name
from valetkey.cli.receipts import receipt
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Query
from valetkey.server.model.user import User
from valetkey.server.store.port import Store


@click.group(cls=Group)
def grant() -> None:
    """The grants that users gave to apps."""


class NamedGrant(NamedTuple):
    """A grant, and its user's name."""

    grant: Grant
    username: str


@grant.command(name="list")
@USER
@CLIENT
@click.option("--all", "stopped_too", is_flag=True, help="Include stopped grants.")
@click.pass_obj
def list_grants(command: CommandContext, *, username: str, client: str, stopped_too: bool) -> None:
    """List grants: which user gave which app which permissions."""

    async def listed(store: Store) -> list[NamedGrant]:
        return await _with_usernames(
            store, await choose_grants(store, username=username, client=client)
        )

    grants = [one for one in command.run(listed) if stopped_too or one.grant.status != "stopped"]
    rows = [
        (
            one.grant.id,
            one.username,
            one.grant.client,
            " ".join(one.grant.permissions),
            one.grant.status,
            format_time(one.grant.changed),
        )
        for one in grants
    ]
    text = columns(("id", "user", "client", "permissions", "status", "changed"), rows)
    command.show([fields(one.grant) | {"username": one.username} for one in grants], text)


async def _with_usernames(store: Store, grants: Sequence[Grant]) -> list[NamedGrant]:
    users = {one.user: One(User, one.user) for one in grants}
    wants: tuple[Query, ...] = tuple(users.values())
    found = await store.read(*wants)
    people = {sub: found.one(wanted) for sub, wanted in users.items()}
    names = {sub: "" if user is None else user.username for sub, user in people.items()}
    return [NamedGrant(one, names[one.user]) for one in grants]


for command in (
    *(pause, resume, stop, narrow_grant, limit, receipt),
    *(shards, lose, list_delegates, revoke_delegate, readmit),
    *(old_name(list_delegates, "hands"), old_name(revoke_delegate, "cut")),
):
    grant.add_command(command)
