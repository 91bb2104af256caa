"""Which grants a command is about."""

from collections.abc import Sequence

import click

from valetkey.cli.output.errors import Failed
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, OneByAlias
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.store.port import Store

USER = click.option("--user", "username", default="", help="Only grants of this user.")
CLIENT = click.option("--client", default="", help="Only grants to this app.")


async def choose_grants(
    store: Store, *, username: str, client: str, ids: Sequence[str] = ()
) -> list[Grant]:
    """Read the grants of a user, to a client, with these ids; "" selects any. Raises Failed for an
    id that none of them has."""
    found = await _read_grants(store, username=username, client=client, ids=ids)
    there = [one for one in found if client in {"", one.client}]
    missing = sorted(set(ids) - {one.id for one in there})
    if missing:
        raise Failed(f"there is no such grant: {', '.join(missing)}", type="not-found")
    return there


async def _read_grants(
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
        raise Failed(f"there is no user {username!r}", type="not-found")
    return user.id
