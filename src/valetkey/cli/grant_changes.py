"""`valetkey grant pause`, `resume`, `stop` and `narrow`: an administrator's hand on the keys."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import click
import msgspec

from valetkey.cli.context import Desk, Failed, Wrong
from valetkey.cli.grant_choice import CLIENT, USER, chosen
from valetkey.cli.options import YES, Command
from valetkey.cli.settle import settled
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.grants.changes import (
    GrantOutcome,
    NotFound,
    StatusChange,
    change_status,
    narrow,
)
from valetkey.server.store.port import Store

LONGEST: Final = 200
"""Characters of a reason."""

REASON = click.option("--reason", default="", help="Why; the user reads it in the app's history.")

STATES: Final[dict[StatusChange, tuple[str, str]]] = {
    "pause": ("active", "paused"),
    "resume": ("paused", "resumed"),
    "stop": ("active paused", "stopped"),
}
"""From which states each leads, and what it is called."""


def _turning(how: StatusChange, says: str) -> click.Command:
    states, done = STATES[how]

    def act(desk: Desk, ids: tuple[str, ...], **options: Any) -> None:
        username, client = options["username"], options["client"]
        if not (ids or username or client):
            raise Wrong("which ones? Give ids, --user or --client")
        reason = checked_reason(options["reason"])

        async def live(store: Store) -> list[Grant]:
            found = await chosen(store, username=username, client=client, ids=ids)
            return [one for one in found if one.status in states.split()]

        grants = desk.run(live)
        if grants:
            desk.sure(f"{how.title()} {len(grants)} of the grants?", yes=options["yes"])
        desk.run(lambda store: _turn(store, grants, how, desk=desk, reason=reason))
        desk.show({done: [one.id for one in grants]}, f"{done} {len(grants)}")

    act.__doc__ = says
    with_options: Callable[..., Any] = click.pass_obj(act)
    for option in (YES, REASON, CLIENT, USER):
        with_options = option(with_options)
    with_options = click.argument("ids", metavar="[ID]...", nargs=-1)(with_options)
    return click.command(name=how, cls=Command, help=says)(with_options)


async def _turn(
    store: Store, grants: Sequence[Grant], how: StatusChange, *, desk: Desk, reason: str
) -> None:
    context = desk.context()
    for one in grants:
        await _turn_one(store, one, how, context=context, reason=reason)


async def _turn_one(
    store: Store, one: Grant, how: StatusChange, *, context: Context, reason: str
) -> None:
    await settled(
        store,
        lambda: change_status(
            one.id, how, user=one.user, by="administrator", context=context, reason=reason
        ),
        context,
    )


pause = _turning(
    "pause",
    "Pause grants, by their ids or all of a user or an app: they open nothing until resumed.",
)
resume = _turning("resume", "Let paused grants go on.")
stop = _turning(
    "stop",
    "Stop grants, by their ids or all of a user or an app: every token of them is worthless at "
    "once.",
)


@click.command(name="narrow", cls=Command)
@click.argument("name", metavar="ID")
@click.option("--take", "taken", multiple=True, required=True, help="A permission to take away.")
@REASON
@YES
@click.pass_obj
def narrow_grant(desk: Desk, name: str, *, taken: tuple[str, ...], reason: str, yes: bool) -> None:
    """Take permissions away from a grant, with those that need them; the rest goes on."""
    why = checked_reason(reason)
    one = desk.run(lambda store: only(store, name))
    missing = [permission for permission in taken if permission not in one.permissions]
    if missing:
        raise Failed(f"the grant does not hold {', '.join(missing)}")
    desk.sure(f"Take {', '.join(taken)} away?", yes=yes)
    keep = [permission for permission in one.permissions if permission not in taken]

    async def narrowing(store: Store) -> GrantOutcome:
        context = await with_offer(store, desk.context())
        return await settled(
            store,
            lambda: narrow(
                name, keep, user=one.user, by="administrator", context=context, reason=why
            ),
            context,
        )

    outcome = desk.run(narrowing)
    if isinstance(outcome, NotFound):
        raise Failed(f"the grant {name} is stopped")
    left = outcome.grant.permissions
    desk.show({"id": name, "permissions": left}, f"left: {' '.join(left) or 'nothing'}")


async def only(store: Store, name: str) -> Grant:
    """The grant of that name. Raises Failed."""
    (found,) = await chosen(store, username="", client="", ids=(name,))
    return found


async def with_offer(store: Store, context: Context) -> Context:
    """The context with the catalogs that are registered."""
    wanted = Many(ResourceServer)
    servers = (await store.read(wanted)).many(wanted)
    at = msgspec.structs.replace(
        context.installation, offer=Offer(context.installation.issuer, servers)
    )
    return Context(at, context.env)


def checked_reason(reason: str) -> str:
    """The reason, one line of it. Raises Wrong."""
    if len(reason) > LONGEST or not reason.isprintable():
        raise Wrong(f"--reason is not one line of at most {LONGEST} characters")
    return reason.strip()
