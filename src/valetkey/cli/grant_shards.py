"""`valetkey grant shards` and `lose`: keys that are held in several parts."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from valetkey.cli.context import Desk, Failed, columns, moment
from valetkey.cli.grant_changes import REASON, checked_reason
from valetkey.cli.grant_choice import CLIENT, USER, chosen
from valetkey.cli.options import YES, Command
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import Many, Query
from valetkey.server.model.shards import Shard
from valetkey.server.oauth.grants.changes import NotFound
from valetkey.server.oauth.shards.reissue import Replacing, replace_shard
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle
from valetkey.wire.key_shards import HOLDERS


class Held(NamedTuple):
    """A shard, and the key that it is of."""

    family: TokenFamily
    shard: Shard


@click.command(name="shards", cls=Command)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@USER
@CLIENT
@click.pass_obj
def shards(desk: Desk, ids: tuple[str, ...], *, username: str, client: str) -> None:
    """List who holds the parts of keys, and which keys are suspended."""

    async def listed(store: Store) -> list[Held]:
        grants = await chosen(store, username=username, client=client, ids=ids)
        return await _held(store, [one.id for one in grants])

    found = desk.run(listed)
    rows = [
        (
            one.family.grant,
            one.family.id,
            one.family.client,
            one.shard.holder,
            _state(one.shard),
            moment(one.shard.used) if one.shard.used else "-",
            one.family.status,
        )
        for one in found
    ]
    heads = ("grant", "key", "client", "holder", "held", "last seen", "status")
    desk.show([_document(one) for one in found], columns(heads, rows))


@click.command(name="lose", cls=Command)
@click.argument("name", metavar="GRANT")
@click.argument("key", metavar="KEY")
@click.argument("holder", type=click.Choice(HOLDERS))
@REASON
@YES
@click.pass_obj
def lose(desk: Desk, name: str, key: str, *, holder: str, reason: str, yes: bool) -> None:
    """Make one holder's part of a key worthless. Its successor is fetched by the holder itself, or
    shown to the user: nobody sees it here."""
    why = checked_reason(reason)

    async def one(store: Store) -> Held | None:
        grants = await chosen(store, username="", client="", ids=(name,))
        held = await _held(store, [one.id for one in grants])
        return next(
            (one for one in held if (one.family.id, one.shard.holder) == (key, holder)), None
        )

    found = desk.run(one)
    if found is None:
        raise Failed(f"the grant has no key {key} with a part of that holder")
    desk.sure(f"Make the part of {holder} worthless?", yes=yes)

    async def losing(store: Store) -> Replacing:
        context = desk.context()
        return await settle(
            store,
            lambda: replace_shard(
                key,
                holder,
                user=found.family.user,
                by="administrator",
                context=context,
                reason=why,
            ),
        )

    if isinstance(desk.run(losing), NotFound):
        raise Failed(f"the key {key} is over")
    desk.show({"key": key, "holder": holder}, f"worthless: {holder}")


async def _held(store: Store, grants: Sequence[str]) -> list[Held]:
    wanted = [Many(TokenFamily, "grant", one) for one in grants]
    wants: tuple[Query, ...] = tuple(wanted)
    found = await store.read(*wants)
    families = [family for want in wanted for family in found.many(want)]
    return [
        Held(family, shard)
        for family in families
        if family.shards is not None and family.status != "closed"
        for shard in family.shards.of
    ]


def _state(shard: Shard) -> str:
    if shard.is_spent:
        return "spent"
    return "held" if shard.is_claimed else "unclaimed"


def _document(one: Held) -> dict[str, object]:
    return {
        "grant": one.family.grant,
        "key": one.family.id,
        "client": one.family.client,
        "holder": one.shard.holder,
        "held": _state(one.shard),
        "last_seen": one.shard.used,
        "status": one.family.status,
    }
