"""`valetkey events status` and `rotate-key`: how far the audit log is sealed, and by which key."""

import calendar
import time
from typing import Any, Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.master_key.file import existing_master_key
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed
from valetkey.server.audit.keys import current_key, make_key, read_audit_keys
from valetkey.server.audit.sealer import last_segment
from valetkey.server.audit.streams import stream_states
from valetkey.server.model.audit import UnsealedRecord
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.query import PageQuery
from valetkey.server.store.port import Store, milliseconds

LIMIT: Final = 200
"""Unsealed records that are counted."""


def read_moment(text: str) -> int:
    """A time as people write it, in milliseconds since 1970: 2026-12-02, 2026-12-02T10:30 (UTC),
    or how long ago, such as 15m, 2h or 7d. Raises BadParameter."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if text[-1:] in units and text[:-1].isdecimal():
        return milliseconds() - int(text[:-1]) * units[text[-1]] * 1000
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return calendar.timegm(time.strptime(text.removesuffix("Z"), form)) * 1000
        except ValueError:
            continue
    raise click.BadParameter(f"{text!r} is no time: 2026-12-02, 2026-12-02T10:30, 15m, 2h, 7d")


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that is a time. Raises BadParameter."""
    return None if value is None else read_moment(value)


def clock(at: int) -> str:
    """A time (milliseconds since 1970) for people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at // 1000))


@click.command(cls=Command)
@click.pass_obj
def status(command: CommandContext) -> None:
    """Show how far the log is sealed, its keys, and how far each stream has come."""
    command.check_local("events status")

    async def reading(store: Store) -> dict[str, Any]:
        newest = await last_segment(store)
        waiting = await store.page(PageQuery(record=UnsealedRecord, limit=LIMIT, walk=True))
        streams = await stream_states(store)
        number = 0 if newest is None else newest.number
        return {
            "segment": number,
            "epoch": 0 if newest is None else newest.epoch,
            "sealed_at": 0 if newest is None else newest.at,
            "unsealed": len(waiting.records),
            "more_unsealed": bool(waiting.next),
            "keys": [
                {"id": one.id, "status": one.status, "verifier": one.verifier}
                for one in await read_audit_keys(store)
            ],
            "streams": [
                {
                    "name": name,
                    "segment": one.position,
                    "lag_segments": max(0, number - one.position),
                    "delivered_at": one.at,
                    "error": one.error,
                }
                for name, one in streams.items()
            ],
        }

    state = command.run(reading)
    sealed_at = clock(state["sealed_at"]) if state["segment"] else "never"
    lines = [
        f"sealed up to segment {state['segment']} of epoch {state['epoch']}, {sealed_at}",
        f"unsealed {state['unsealed']}{'+' if state['more_unsealed'] else ''}",
        *(f"key {one['verifier']} ({one['status']})" for one in state["keys"]),
        *(
            f"stream {one['name']}: segment {one['segment']}, {one['lag_segments']} behind"
            + (f": {one['error']}" if one["error"] else "")
            for one in state["streams"]
        ),
    ]
    command.show(state, "\n".join(lines))


@click.command(name="rotate-key", cls=Command)
@click.pass_obj
def rotate_key(command: CommandContext) -> None:
    """Replace the key that signs the log. A running server does it with the next segment, whose
    head is signed by both keys."""
    command.check_local("events rotate-key")
    settings = command.settings()
    master = existing_master_key(settings)

    async def rotating(store: Store) -> str:
        keys = await read_audit_keys(store)
        if current_key(keys) is None:
            raise Failed("the log has no key yet: a server makes it when it starts")
        if any(one.status == "coming" for one in keys):
            raise Failed("a new key waits already for the next segment")
        made = make_key(settings.issuer, master, status="coming", now=milliseconds() // 1000)
        await store.commit([Create(made)])
        return made.verifier

    try:
        verifier = command.run(rotating)
    except Stale as error:
        raise Failed("another process changed the keys: try again") from error
    command.show({"verifier": verifier}, f"the next segment introduces {verifier}")
