"""`valetkey grant delegates`, `revoke-delegate` and `readmit`: the delegates of a grant."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click

from valetkey.cli.context import CommandContext, Failed, columns, format_time, settle_and_notify
from valetkey.cli.grant_changes import REASON, checked_reason, only
from valetkey.cli.grant_choice import CLIENT, USER, choose_grants
from valetkey.cli.options import YES, Command
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Rule
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import GrantOutcome, NotFound
from valetkey.server.oauth.grants.delegates import Branch
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask
from valetkey.wire.usage import DAY


class Delegation(NamedTuple):
    """A node in the delegation tree of a grant. `over`: this delegate, or one above it, is
    revoked."""

    grant: Grant
    branch: Branch
    over: bool


@click.command(name="delegates", cls=Command)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@USER
@CLIENT
@click.pass_obj
def list_delegates(
    command: CommandContext, ids: tuple[str, ...], *, username: str, client: str
) -> None:
    """List the delegates of grants, and which of them are revoked."""

    async def listed(store: Store) -> list[Delegation]:
        grants = await choose_grants(store, username=username, client=client, ids=ids)
        return [
            delegation
            for grant in grants
            for delegation in _walked(
                grant, await ask(store, delegates.delegate_tree(grant)), over=False
            )
        ]

    delegations = command.run(listed)
    rows = [
        (
            one.grant.id,
            " > ".join((one.grant.client, *one.branch.delegate.chain)),
            " ".join(one.branch.delegate.permissions),
            format_time(one.branch.delegate.first),
            format_time(one.branch.delegate.last * DAY)[:10],
            "revoked" if one.over else "",
        )
        for one in delegations
    ]
    heads = ("grant", "delegates", "permissions", "since", "last", "")
    command.show([_document(one) for one in delegations], columns(heads, rows))


def _walked(grant: Grant, branches: tuple[Branch, ...], *, over: bool) -> Iterator[Delegation]:
    for one in branches:
        off = over or one.revoked
        yield Delegation(grant, one, off)
        yield from _walked(grant, one.below, over=off)


def _document(one: Delegation) -> dict[str, object]:
    delegate = one.branch.delegate
    return {
        "grant": one.grant.id,
        "hands": delegate.chain,
        "permissions": delegate.permissions,
        "first": delegate.first,
        "last": delegate.last * DAY,
        "cut_off": one.over,
    }


Changing = Callable[..., Rule[GrantOutcome]]


def _changing(name: str, rule: Changing, says: str) -> click.Command:
    def act(command: CommandContext, grant: str, delegate: str, *, reason: str, yes: bool) -> None:
        why = checked_reason(reason)
        one = command.run(lambda store: only(store, grant))
        command.confirm(f"{name.title()} {delegate}?", yes=yes)

        async def changing(store: Store) -> GrantOutcome:
            context = command.context()
            details = {"by": "administrator", "context": context, "reason": why}
            return await settle_and_notify(
                store, lambda: rule(grant, delegate, user=one.user, **details), context
            )

        if isinstance(command.run(changing), NotFound):
            raise Failed(
                f"the grant is stopped, or {delegate} is not a delegate of it: see grant delegates"
            )
        command.show({"id": grant, "hand": delegate}, f"{name}: {delegate}")

    with_options: Callable[..., Any] = click.pass_obj(act)
    for option in (
        YES,
        REASON,
        click.argument("delegate", metavar="DELEGATE"),
        click.argument("grant", metavar="ID"),
    ):
        with_options = option(with_options)
    return click.command(name=name, cls=Command, help=says)(with_options)


revoke_delegate = _changing(
    "revoke-delegate",
    delegates.revoke,
    "Revoke a delegate, such as client:agent, and everyone it delegated to. The app itself keeps "
    "its access.",
)
readmit = _changing("readmit", delegates.readmit, "Readmit a delegate that was revoked.")
