"""`valetkey grant pause`, `resume`, `stop` and `narrow`: an administrator changes grants."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import click
import msgspec

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.grant_selection import CLIENT, USER, choose_grants
from valetkey.cli.options import YES, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import columns, format_time
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.grants.changes import (
    GrantOutcome,
    NotFound,
    StatusChange,
    change_status,
    narrow,
)
from valetkey.server.oauth.grants.delegates import Branch
from valetkey.server.store.port import Store
from valetkey.server.store.settle import ask
from valetkey.wire.lease import DAY

LONGEST: Final = 200
"""The maximum length of a reason, in characters."""

REASON = click.option("--reason", default="", help="Why. The user can read it.")

STATES: Final[dict[StatusChange, tuple[str, str]]] = {
    "pause": ("active", "paused"),
    "resume": ("paused", "resumed"),
    "stop": ("active paused", "stopped"),
}
"""The statuses that each starts from, and the word for its result."""


def _turning(how: StatusChange, says: str) -> click.Command:
    states, result = STATES[how]

    def act(command: CommandContext, ids: tuple[str, ...], **options: Any) -> None:
        username, client = options["username"], options["client"]
        if not (ids or username or client):
            raise InvalidUsage("select grants by ids, --user or --client")
        reason = checked_reason(options["reason"])

        async def live(store: Store) -> list[Grant]:
            found = await choose_grants(store, username=username, client=client, ids=ids)
            return [one for one in found if one.status in states.split()]

        grants = command.run(live)
        if grants:
            command.confirm(f"{how.title()} {len(grants)} of the grants?", yes=options["yes"])
        command.run(lambda store: _turn(store, grants, how, command=command, reason=reason))
        command.show({result: [one.id for one in grants]}, f"{result} {len(grants)}")

    act.__doc__ = says
    with_options: Callable[..., Any] = click.pass_obj(act)
    for option in (YES, REASON, CLIENT, USER):
        with_options = option(with_options)
    with_options = click.argument("ids", metavar="[ID]...", nargs=-1)(with_options)
    return click.command(name=how, cls=Command, help=says)(with_options)


async def _turn(
    store: Store,
    grants: Sequence[Grant],
    how: StatusChange,
    *,
    command: CommandContext,
    reason: str,
) -> None:
    context = command.context()
    for one in grants:
        await _turn_one(store, one, how, context=context, reason=reason)


async def _turn_one(
    store: Store, one: Grant, how: StatusChange, *, context: Context, reason: str
) -> None:
    await settle_and_notify(
        store,
        lambda: change_status(
            one.id, how, user=one.user, by="administrator", context=context, reason=reason
        ),
        context,
    )


pause = _turning(
    "pause",
    "Pause grants, by ids or all of a user or an app: they give no access until you resume them.",
)
resume = _turning("resume", "Resume paused grants.")
stop = _turning(
    "stop",
    "Stop grants, by ids or all of a user or an app: all of their tokens become invalid at once.",
)


@click.command(name="narrow", cls=Command)
@click.argument("name", metavar="ID")
@click.option("--take", "removed", multiple=True, required=True, help="A permission to remove.")
@REASON
@YES
@click.pass_obj
def narrow_grant(
    command: CommandContext, name: str, *, removed: tuple[str, ...], reason: str, yes: bool
) -> None:
    """Remove permissions from a grant, and those that depend on them; the rest stays."""
    why = checked_reason(reason)
    one = command.run(lambda store: only(store, name))
    missing = [permission for permission in removed if permission not in one.permissions]
    if missing:
        raise Failed(f"the grant does not have {', '.join(missing)}")
    command.confirm(f"Remove {', '.join(removed)}?", yes=yes)
    keep = [permission for permission in one.permissions if permission not in removed]

    async def narrowing(store: Store) -> GrantOutcome:
        context = await with_offer(store, command.context())
        return await settle_and_notify(
            store,
            lambda: narrow(
                name, keep, user=one.user, by="administrator", context=context, reason=why
            ),
            context,
        )

    outcome = command.run(narrowing)
    if isinstance(outcome, NotFound):
        raise Failed(f"the grant {name} is stopped")
    remaining = outcome.grant.permissions
    command.show(
        {"id": name, "permissions": remaining}, f"remaining: {' '.join(remaining) or 'nothing'}"
    )


async def only(store: Store, name: str) -> Grant:
    """Read one grant. Raises Failed if there is none."""
    (found,) = await choose_grants(store, username="", client="", ids=(name,))
    return found


async def with_offer(store: Store, context: Context) -> Context:
    """The context, with the registered catalogs."""
    wanted = Many(ResourceServer)
    servers = (await store.read(wanted)).many(wanted)
    at = msgspec.structs.replace(
        context.installation, offer=Offer(context.installation.issuer, servers)
    )
    return Context(at, context.env)


def checked_reason(reason: str) -> str:
    """The reason, if it is one line. Raises InvalidUsage."""
    if len(reason) > LONGEST or not reason.isprintable():
        raise InvalidUsage(f"--reason is not one line of at most {LONGEST} characters")
    return reason.strip()


# `valetkey grant delegates`, `revoke-delegate` and `readmit`: the delegates of a grant.


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
