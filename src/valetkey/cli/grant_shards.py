"""`valetkey grant shards` and `lose`: grants whose refresh token is split into shards."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.grant_changes import REASON, checked_reason
from valetkey.cli.grant_selection import CLIENT, USER, choose_grants
from valetkey.cli.options import YES, Command
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns, format_time
from valetkey.server.model.grant import Shard, TokenFamily
from valetkey.server.model.query import Many, Query
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.shards.reissue import Replacing, replace_shard
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle
from valetkey.wire.key_shards import HOLDERS


class HeldShard(NamedTuple):
    """A shard and its token family."""

    family: TokenFamily
    shard: Shard


@click.command(name="shards", cls=Command)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@USER
@CLIENT
@click.pass_obj
def shards(command: CommandContext, ids: tuple[str, ...], *, username: str, client: str) -> None:
    """List the shards and their holders, and which token families are suspended."""

    async def listed(store: Store) -> list[HeldShard]:
        grants = await choose_grants(store, username=username, client=client, ids=ids)
        return await _read_shards(store, [one.id for one in grants])

    rows_of = command.run(listed)
    rows = [
        (
            one.family.grant,
            one.family.id,
            one.family.client,
            one.shard.holder,
            _state(one.shard),
            format_time(one.shard.used) if one.shard.used else "-",
            one.family.status,
        )
        for one in rows_of
    ]
    heads = ("grant", "key", "client", "holder", "held", "last seen", "status")
    command.show([_document(one) for one in rows_of], columns(heads, rows))


@click.command(name="lose", cls=Command)
@click.argument("name", metavar="GRANT")
@click.argument("key", metavar="KEY")
@click.argument("holder", type=click.Choice(HOLDERS))
@REASON
@YES
@click.pass_obj
def lose(
    command: CommandContext, name: str, key: str, *, holder: str, reason: str, yes: bool
) -> None:
    """Invalidate one holder's shard. The holder fetches its successor itself, or it is displayed to
    the user: it is never displayed here."""
    why = checked_reason(reason)

    async def one(store: Store) -> HeldShard | None:
        grants = await choose_grants(store, username="", client="", ids=(name,))
        all_shards = await _read_shards(store, [one.id for one in grants])
        return next(
            (one for one in all_shards if (one.family.id, one.shard.holder) == (key, holder)), None
        )

    shard = command.run(one)
    if shard is None:
        raise Failed(f"the grant has no key {key} with a shard of that holder")
    command.confirm(f"Invalidate the shard of {holder}?", yes=yes)

    async def losing(store: Store) -> Replacing:
        context = command.context()
        return await settle(
            store,
            lambda: replace_shard(
                key,
                holder,
                user=shard.family.user,
                by="administrator",
                context=context,
                reason=why,
            ),
        )

    if isinstance(command.run(losing), NotFound):
        raise Failed(f"the key {key} is closed")
    command.show({"key": key, "holder": holder}, f"invalidated: {holder}")


async def _read_shards(store: Store, grants: Sequence[str]) -> list[HeldShard]:
    queries = [Many(TokenFamily, "grant", one) for one in grants]
    wants: tuple[Query, ...] = tuple(queries)
    found = await store.read(*wants)
    families = [family for want in queries for family in found.many(want)]
    return [
        HeldShard(family, shard)
        for family in families
        if family.shards is not None and family.status != "closed"
        for shard in family.shards.of
    ]


def _state(shard: Shard) -> str:
    if shard.is_spent:
        return "spent"
    return "held" if shard.is_claimed else "unclaimed"


def _document(one: HeldShard) -> dict[str, object]:
    return {
        "grant": one.family.grant,
        "key": one.family.id,
        "client": one.family.client,
        "holder": one.shard.holder,
        "held": _state(one.shard),
        "last_seen": one.shard.used,
        "status": one.family.status,
    }
