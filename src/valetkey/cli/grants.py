"""`valetkey grant`: the grants that users gave to apps."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.grant_changes import (
    list_delegates,
    narrow_grant,
    pause,
    readmit,
    resume,
    revoke_delegate,
    stop,
)
from valetkey.cli.grant_limit import limit
from valetkey.cli.grant_selection import CLIENT, USER, choose_grants
from valetkey.cli.grant_shards import lose, shards
from valetkey.cli.options import Command, old_name
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns, fields, format_time
from valetkey.cli.remote.groups import OperationGroup
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, PageQuery, Query
from valetkey.server.model.receipt import Line, Place, Receipt
from valetkey.server.model.user import User
from valetkey.server.store.port import Store

# `valetkey grant receipt`: the consent receipts of a grant.

MOST: Final = 100
"""The largest number of receipts that are displayed, newest first."""

TITLES: Final[dict[Place, str]] = {
    "asked": "was asked for",
    "kept": "had already",
    "cannot": "cannot",
}


@click.command(cls=Command)
@click.argument("name", metavar="ID")
@click.pass_obj
def receipt(command: CommandContext, name: str) -> None:
    """Show what each consent page displayed to the user, and what they selected."""

    async def read(store: Store) -> tuple[Receipt, ...]:
        wanted = One(Grant, name)
        if (await store.read(wanted)).one(wanted) is None:
            raise Failed(f"there is no such grant: {name}", type="not-found")
        query = PageQuery(record=Receipt, index="grant", value=name, limit=MOST)
        return (await store.page(query)).records

    receipts = command.run(read)
    command.show([_document(one) for one in receipts], "\n\n".join(map(_text, receipts)))


def _document(one: Receipt) -> dict[str, Any]:
    return fields(one) | {"lines": [fields(line) for line in one.lines]}


def _text(one: Receipt) -> str:
    editions = " ".join(f"{resource}#{number}" for resource, number in one.revisions.items())
    head = (
        f"{format_time(one.at)}  {one.app} ({one.client}), to {one.destination}, in {one.language}",
        f"  request {one.request}, because: {one.why}; catalogs: {editions or '-'}",
    )
    lines = [line for place in TITLES for line in _part(one, place)]
    shut = [f"  no access to: {', '.join(one.shut)}"] if one.shut else []
    return "\n".join((*head, *lines, *shut))


def _part(one: Receipt, place: Place) -> list[str]:
    lines = [line for line in one.lines if line.place == place]
    return [f"  {TITLES[place]}:", *map(_line, lines)] if lines else []


def _line(line: Line) -> str:
    box = ("[x]" if line.ticked else "[ ]") if line.place == "asked" else "   "
    notes = [
        *(["required"] if line.required else []),
        *(["given"] if line.granted and line.place == "asked" else []),
    ]
    text = f"    {box} {line.words} ({', '.join((line.id, *notes))})"
    return f"{text}\n        in the app's words: {line.reason}" if line.reason else text


@click.group(cls=OperationGroup)
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
