"""Which grants a command is about."""

from collections.abc import Sequence

import click

from valetkey.cli.context import Failed
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.store.port import Store

USER = click.option("--user", "username", default="", help="Only this user's.")
CLIENT = click.option("--client", default="", help="Only those to this app.")


async def chosen(
    store: Store, *, username: str, client: str, ids: Sequence[str] = ()
) -> list[Grant]:
    """The grants of the user, to the app, of these names; all that is "" does not matter. Raises
    Failed for a name among `ids` that none of them has."""
    found = await _found(store, username=username, client=client, ids=ids)
    there = [one for one in found if client in {"", one.client}]
    missing = sorted(set(ids) - {one.id for one in there})
    if missing:
        raise Failed(f"there is no such grant: {', '.join(missing)}")
    return there


async def _found(
    store: Store, *, username: str, client: str, ids: Sequence[str]
) -> Sequence[Grant]:
    owner = await _sub(store, username) if username else ""
    if ids:
        wanted = [One(Grant, name) for name in dict.fromkeys(ids)]
        read = await store.read(*wanted)
        found = [one for each in wanted if (one := read.one(each)) is not None]
        return [one for one in found if owner in {"", one.user}]
    many = Many(Grant, "client", client) if client else Many(Grant)
    if owner:
        many = Many(Grant, "user", owner)
    return (await store.read(many)).many(many)


async def _sub(store: Store, username: str) -> str:
    wanted = OneByAlias(User, sign_in_name(username))
    user = (await store.read(wanted)).one(wanted)
    if user is None:
        raise Failed(f"there is no user {username!r}")
    return user.id
