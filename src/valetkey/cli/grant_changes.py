"""`valetkey grant pause`, `resume`, `stop` and `narrow`: an administrator changes grants."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import click
import msgspec

from valetkey.cli.context import CommandContext, Failed, InvalidUsage, settle_and_notify
from valetkey.cli.grant_choice import CLIENT, USER, choose_grants
from valetkey.cli.options import YES, Command
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
