"""`valetkey grant limit`: an administrator sets the limits of a grant."""

from collections.abc import Callable, Sequence
from typing import Final

import click
import msgspec

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import format_time
from valetkey.server.model.grant import Grant
from valetkey.server.model.limits import Bounds
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.grants.changes import GrantOutcome, NotFound
from valetkey.server.oauth.grants.limits import set_bounds, set_end
from valetkey.server.pages.limit_fields import PERS, read_bounds
from valetkey.server.store.port import Store
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission

DAY: Final = 86400
LONGEST: Final = 200
"""The maximum length of a reason, in characters."""


@click.command(name="limit", cls=Command)
@click.argument("name", metavar="ID")
@click.option("--permission", default="", help="The permission to limit.")
@click.option("--often", multiple=True, metavar="N/PER", help="Uses per hour, day, month or total.")
@click.option("--much", multiple=True, metavar="AMOUNT/PER", help="An amount, such as 12.50/month.")
@click.option("--ask-above", default="", metavar="AMOUNT", help="Ask the user above it.")
@click.option("--hours", default="", metavar="HH:MM-HH:MM", help="The allowed hours.")
@click.option("--zone", default="UTC", help="The time zone of the hours, such as Europe/Berlin.")
@click.option("--free", is_flag=True, help="Remove the permission's limits.")
@click.option("--days", type=int, default=None, help="Days until the grant ends; 0: never.")
@click.option("--reason", default="", help="Why. It is stored with the change.")
@click.pass_obj
def limit(
    command: CommandContext,
    name: str,
    *,
    permission: str,
    often: tuple[str, ...],
    much: tuple[str, ...],
    ask_above: str,
    hours: str,
    zone: str,
    free: bool,
    days: int | None,
    reason: str,
) -> None:
    """Replace the limits of a permission, or set an end of the grant.

    Limits may be tighter than what the app proposes, not looser.
    """
    if len(reason) > LONGEST or not reason.isprintable():
        raise InvalidUsage(f"--reason is not one line of at most {LONGEST} characters")
    fields = _fields("often", often) | _fields("much", much) | {"ask": ask_above, "zone": zone}
    fields["opens"], _, fields["closes"] = hours.partition("-")
    has_limits = bool(often or much or ask_above or hours)
    if (
        bool(permission) != (has_limits or free)
        or (has_limits and free)
        or (not permission and days is None)
    ):
        raise InvalidUsage(
            "use --permission with its limits or --free, or --days for the whole grant"
        )

    async def limiting(store: Store) -> Grant:
        context = await _with_offer(store, command.context())
        one = await _one(store, name)
        for rule in _rules(one, permission, fields, days=days, reason=reason, context=context):
            one = await _settled(store, rule, context)
        return one

    try:
        _show(command, command.run(limiting), name)
    except InvalidRequest as error:
        raise Failed(f"{error.description}{f': {error.detail}' if error.detail else ''}") from error


def _show(command: CommandContext, after: Grant, name: str) -> None:
    document = msgspec.to_builtins(after.limits)
    until = format_time(after.limits.until) or "until it is stopped"
    command.show({"id": name, "limits": document}, f"{name}: {until}; {_text(after)}")


GrantRule = Callable[[], Rule[GrantOutcome]]


def _rules(
    one: Grant,
    permission: str,
    fields: dict[str, str],
    *,
    days: int | None,
    reason: str,
    context: Context,
) -> list[GrantRule]:
    rules: list[GrantRule] = []
    if permission:
        bounds = _bounds(fields, permission, context)
        rules.append(
            lambda: set_bounds(
                one.id,
                permission,
                bounds,
                user=one.user,
                by="administrator",
                context=context,
                reason=reason,
            )
        )
    if days is not None:
        rules.append(
            lambda: set_end(
                one.id,
                days * DAY,
                user=one.user,
                by="administrator",
                context=context,
                reason=reason,
            )
        )
    return rules


def _bounds(fields: dict[str, str], permission: str, context: Context) -> Bounds:
    definition: Permission | None = context.installation.offer.permissions.get(permission)
    if definition is None:
        raise InvalidRequest(f"{permission[:60]} is in no catalog")
    return read_bounds({name: text for name, text in fields.items() if text}, definition)


def _fields(kind: str, values: Sequence[str]) -> dict[str, str]:
    """`5/day` as the fields of the page's form. Raises InvalidUsage for an unknown period."""
    fields = {}
    for one in values:
        number, _, per = one.partition("/")
        if per not in PERS or not number:
            raise InvalidUsage(
                f"--{kind} {one!r} is not NUMBER/PER, with PER one of {', '.join(PERS)}"
            )
        fields[f"{kind}-{per}"] = number
    return fields


async def _one(store: Store, name: str) -> Grant:
    wanted = One(Grant, name)
    grant = (await store.read(wanted)).one(wanted)
    if grant is None:
        raise Failed(f"there is no such grant: {name}", type="not-found")
    return grant


async def _with_offer(store: Store, context: Context) -> Context:
    wanted = Many(ResourceServer)
    servers = (await store.read(wanted)).many(wanted)
    at = msgspec.structs.replace(
        context.installation, offer=Offer(context.installation.issuer, servers)
    )
    return msgspec.structs.replace(context, installation=at)


async def _settled(store: Store, rule: GrantRule, context: Context) -> Grant:
    outcome = await settle_and_notify(store, rule, context)
    if isinstance(outcome, NotFound):
        raise Failed("the grant is stopped, or does not have this permission")
    return outcome.grant


def _text(grant: Grant) -> str:
    """The limits in one line."""
    return (
        "; ".join(
            f"{name} {msgspec.json.encode(one).decode()}"
            for name, one in grant.limits.permissions.items()
        )
        or "nothing is limited"
    )
