"""`valetkey events`: the audit log."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from valetkey.cli.context import CommandContext
from valetkey.cli.events.export import export, verify
from valetkey.cli.events.remote import TAIL_WINDOW, remote_log, remote_row
from valetkey.cli.events.status import clock, moment, rotate_key, status
from valetkey.cli.options import Group
from valetkey.cli.output.errors import Failed
from valetkey.cli.output.formats import columns
from valetkey.server.audit.reading import (
    OpenRecord,
    before_moment,
    opened_records,
    read_page,
    search,
)
from valetkey.server.audit.sealer import BEGAN
from valetkey.server.model.audit import (
    AuditRecord,
    AuditState,
    UnsealedRecord,
)
from valetkey.server.model.event import Event
from valetkey.server.model.ids import created_at
from valetkey.server.model.query import One, OneByAlias, PageQuery
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.store.port import Store, milliseconds

LIMIT: Final = 200
"""Records of one page."""

TAIL_SECONDS: Final = 1.0
"""Milliseconds within which a record may become visible after one that is newer."""

HEADER: Final = ("time", "operation", "outcome", "actor", "target", "address", "request", "id")


@click.group(cls=Group)
def events() -> None:
    """The audit log: who did what to what, from where, with which outcome."""


_FILTERS: Final = (
    click.option("--user", help="A username or the id of a user."),
    click.option("--app", help="The id of an app."),
    click.option("--kind", help="What was done, such as granted or client.add."),
    click.option("--actor", help="Who acted: a username, an id, or local:1000."),
    click.option("--request", "request", help="The id of a request."),
    click.option("--since", callback=moment, help="A time, or how long ago (15m, 2h, 7d)."),
    click.option("--until", callback=moment, help="A time, or how long ago."),
)


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@events.command(name="list")
@_filtered
@click.option("--limit", type=click.IntRange(1, LIMIT), default=50, help="At most 200.")
@click.option("--before", default="", help="Where the next page begins, as the last one says.")
@click.pass_obj
def list_events(command: CommandContext, /, *, limit: int, before: str, **criteria: Any) -> None:
    """List records, newest first. What was recorded before the audit log existed follows."""
    there = remote_log(command)
    if there is not None:
        with contextlib.closing(there):
            items, following = there.page(there.criteria(criteria), limit=limit, cursor=before)
        text = columns(HEADER, map(remote_row, items))
        _show_page(command, items, text, following=following)
        return

    async def listing(store: Store) -> tuple[list[OpenRecord], str, list[Event]]:
        by = await _criteria(store, criteria)
        matching, following = await search(
            store, by, since=criteria["since"], until=criteria["until"], before=before, limit=limit
        )
        older: list[Event] = []
        if not following and len(matching) < limit and not set(by) - {"person"}:
            older = await _older(store, by.get("person", ""), limit - len(matching))
        return await opened_records(store, matching), following, older

    matching, following, older = command.run(listing)
    items = [one.document for one in matching] + [_old_document(one) for one in older]
    text = columns(HEADER, [*map(_row, matching), *map(_old_row, older)])
    _show_page(command, items, text, following=following)


def _show_page(command: CommandContext, items: list[Any], text: str, *, following: str) -> None:
    command.show({"items": items} | ({"next": following} if following else {}), text)
    if following and not command.as_json:
        command.note(f"more: --before {following}")


events.add_command(list_events, "search")
events.add_command(status)
events.add_command(export)
events.add_command(verify)
events.add_command(rotate_key)


async def _criteria(store: Store, options: dict[str, Any]) -> dict[str, str]:
    names = {"app": "client", "kind": "operation", "request": "request"}
    matching = {names[one]: options[one] for one in names if options.get(one)}
    for option, field in (("user", "person"), ("actor", "actor")):
        if options.get(option):
            matching[field] = await user_id(store, options[option])
    return matching


async def user_id(store: Store, text: str) -> str:
    """The id of the user with this name, or the text itself. Raises Unavailable."""
    by_name = OneByAlias(User, sign_in_name(text))
    row = (await store.read(by_name)).one(by_name)
    return text if row is None else row.id


async def _older(store: Store, user: str, limit: int) -> list[Event]:
    """Events of the time before the audit log."""
    first = await _began(store)
    if not first and (await read_page(store, limit=1)).records:
        return []  # No segment yet: what is there has a record.
    query = PageQuery(record=Event, index="user" if user else "", value=user, limit=limit)
    if not user and first:
        query = msgspec.structs.replace(query, before=before_moment(first))
    page = await store.page(query)
    return [one for one in page.records if not first or created_at(one.id) * 1000 < first]


async def _began(store: Store) -> int:
    """When the audit log began, 0 if it has not."""
    query = One(AuditState, BEGAN)
    row = (await store.read(query)).one(query)
    return 0 if row is None else row.at


def _row(one: OpenRecord) -> tuple[str, ...]:
    facts = one.facts
    target = facts.target
    return (
        clock(facts.at),
        facts.operation + (f" x{facts.count}" if facts.count > 1 else ""),
        facts.outcome,
        facts.actor.id or facts.actor.kind,
        " ".join(dict.fromkeys(filter(None, (target.user, target.client, target.id)))),
        one.personal("address"),
        facts.request,
        facts.id,
    )


def _old_row(one: Event) -> tuple[str, ...]:
    target = " ".join(filter(None, (one.user, one.client)))
    times = f" x{one.count}" if one.count > 1 else ""
    return clock(one.at * 1000), one.kind + times, "", one.by, target, "", "", one.id


def _old_document(one: Event) -> dict[str, Any]:
    """An event of before, in the form of a record."""
    matching: dict[str, Any] = {
        "id": one.id,
        "at": one.at * 1000,
        "operation": one.kind,
        "actor": {"kind": one.by},
        "target": {"user": one.user, "client": one.client, "grant": one.grant},
        "permissions": list(one.permissions),
        "count": one.count,
        "sealed": False,
    }
    texts = {"note": one.note, "reason": one.reason}
    return matching | {name: text for name, text in texts.items() if text}


@events.command()
@_filtered
@click.pass_obj
def tail(command: CommandContext, /, **criteria: Any) -> None:
    """Print records as they come, until Ctrl-C. With --json, one JSON object a line."""
    there = remote_log(command)
    if there is not None:
        with contextlib.closing(there), contextlib.suppress(KeyboardInterrupt):
            for one in there.follow(command, there.criteria(criteria)):
                _print(command, one, remote_row(one))
        return

    async def following(store: Store) -> None:
        by = await _criteria(store, criteria)
        since = criteria["since"] or milliseconds() - TAIL_WINDOW
        printed: dict[str, int] = {}
        while True:
            matching, _ = await search(store, by, since=since, limit=LIMIT)
            fresh = [one for one in reversed(matching) if one.id not in printed]
            for one in await opened_records(store, fresh):
                _print(command, one.document, _row(one))
                printed[one.facts.id] = one.facts.at
            # What is committed late has an older id, so the last seconds are read again.
            since = max(since, milliseconds() - TAIL_WINDOW)
            printed = {name: at for name, at in printed.items() if at >= since - TAIL_WINDOW}
            await asyncio.sleep(TAIL_SECONDS)

    try:
        command.run(following)
    except KeyboardInterrupt:
        return


def _print(command: CommandContext, document: Any, row: tuple[str, ...]) -> None:
    if command.as_json:
        click.echo(msgspec.json.encode(document, enc_hook=str).decode())
    else:
        click.echo("  ".join(filter(None, row)))


@events.command()
@click.argument("name", metavar="ID")
@click.pass_obj
def show(command: CommandContext, name: str) -> None:
    """Show one record."""
    there = remote_log(command)
    if there is not None:
        with contextlib.closing(there):
            _show_fields(command, there.show(name))
        return
    query, waits = One(AuditRecord, name), One(UnsealedRecord, name)

    async def reading(store: Store) -> tuple[OpenRecord | None, bool]:
        results = await store.read(query, waits)
        row = results.one(query)
        matching = await opened_records(store, () if row is None else (row,))
        return (matching[0] if matching else None), results.one(waits) is None

    matching, sealed = command.run(reading)
    if matching is None:
        raise Failed(f"there is no record {name}: it may have expired")
    _show_fields(command, matching.document | {"sealed": sealed})


def _show_fields(command: CommandContext, document: dict[str, Any]) -> None:
    rows = [(key, _text(value)) for key, value in document.items()]
    command.show(document, columns(("field", "value"), rows))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
