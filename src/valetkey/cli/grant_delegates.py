"""`valetkey grant hands`, `cut` and `readmit`: those to whom a key was handed on."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click

from valetkey.cli.context import Desk, Failed, columns, moment
from valetkey.cli.grant_changes import REASON, checked_reason, only
from valetkey.cli.grant_choice import CLIENT, USER, chosen
from valetkey.cli.options import YES, Command
from valetkey.cli.settle import settled
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Rule
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import GrantOutcome, NotFound
from valetkey.server.oauth.grants.delegates import Branch
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask
from valetkey.wire.usage import DAY


class Held(NamedTuple):
    """A place in the tree of a grant. `over`: the user has cut off that hand, or one above it."""

    grant: Grant
    branch: Branch
    over: bool


@click.command(name="hands", cls=Command)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@USER
@CLIENT
@click.pass_obj
def hands(desk: Desk, ids: tuple[str, ...], *, username: str, client: str) -> None:
    """List to whom keys were handed on, and who is cut off."""

    async def listed(store: Store) -> list[Held]:
        grants = await chosen(store, username=username, client=client, ids=ids)
        return [
            held
            for grant in grants
            for held in _walked(grant, await ask(store, delegates.delegate_tree(grant)), over=False)
        ]

    found = desk.run(listed)
    rows = [
        (
            one.grant.id,
            " > ".join((one.grant.client, *one.branch.delegate.chain)),
            " ".join(one.branch.delegate.permissions),
            moment(one.branch.delegate.first),
            moment(one.branch.delegate.last * DAY)[:10],
            "cut off" if one.over else "",
        )
        for one in found
    ]
    heads = ("grant", "hands", "permissions", "since", "last", "")
    desk.show([_document(one) for one in found], columns(heads, rows))


def _walked(grant: Grant, branches: tuple[Branch, ...], *, over: bool) -> Iterator[Held]:
    for one in branches:
        off = over or one.revoked
        yield Held(grant, one, off)
        yield from _walked(grant, one.below, over=off)


def _document(one: Held) -> dict[str, object]:
    hand = one.branch.delegate
    return {
        "grant": one.grant.id,
        "hands": hand.chain,
        "permissions": hand.permissions,
        "first": hand.first,
        "last": hand.last * DAY,
        "cut_off": one.over,
    }


Changing = Callable[..., Rule[GrantOutcome]]


def _changing(name: str, rule: Changing, says: str) -> click.Command:
    def act(desk: Desk, grant: str, hand: str, *, reason: str, yes: bool) -> None:
        why = checked_reason(reason)
        one = desk.run(lambda store: only(store, grant))
        desk.sure(f"{name.title()} {hand}?", yes=yes)

        async def changing(store: Store) -> GrantOutcome:
            context = desk.context()
            told = {"by": "administrator", "context": context, "reason": why}
            return await settled(store, lambda: rule(grant, hand, user=one.user, **told), context)

        if isinstance(desk.run(changing), NotFound):
            raise Failed(f"the grant is stopped, or {hand} has no key of it: see grant hands")
        desk.show({"id": grant, "hand": hand}, f"{name}: {hand}")

    with_options: Callable[..., Any] = click.pass_obj(act)
    for option in (
        YES,
        REASON,
        click.argument("hand", metavar="HAND"),
        click.argument("grant", metavar="ID"),
    ):
        with_options = option(with_options)
    return click.command(name=name, cls=Command, help=says)(with_options)


cut = _changing(
    "cut",
    delegates.revoke,
    "Cut off somebody to whom a key was handed on, such as client:agent, with all that have it "
    "from there; the app itself goes on.",
)
readmit = _changing(
    "readmit", delegates.readmit, "Let somebody have the key again who was cut off."
)
