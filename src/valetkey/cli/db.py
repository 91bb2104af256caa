"""`valetkey db`: the database itself, its schema and its copies."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import click

from valetkey.cli.backups import backup, restore
from valetkey.cli.context import Desk, Failed, columns, moment, opened
from valetkey.cli.options import Group
from valetkey.server.model.query import One
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.store.database import Database
from valetkey.server.store.migrate import Migration, MigrationError, Ran, pending
from valetkey.server.store.open import survey
from valetkey.server.store.port import RECORDS, Store, Unavailable, Unusable
from valetkey.server.store.survey import Survey


@click.group(cls=Group)
def db() -> None:
    """The database: its schema, its backups."""


db.add_command(backup)
db.add_command(restore)


@db.command()
@click.pass_obj
def status(desk: Desk) -> None:
    """Show the epoch, and which steps of the schema were run. Changes nothing.

    Exit status 1 where this version and the database do not go together.
    """
    database = desk.settings().database
    found = _look(database)
    number, since = (found.epoch.number, found.epoch.since) if found.epoch else (0, 0)
    steps = _steps(found)
    document = {"database": str(database), "epoch": number, "since": since, "steps": steps}
    rows = [(str(one["number"]), one["name"], one["state"], moment(one["at"])) for one in steps]
    begun = f", begun {moment(since)}" if since else ""
    text = columns(("step", "name", "state", "at"), rows)
    desk.show(document, f"{database}: epoch {number}{begun}\n{text}")
    _left(found)


def _steps(found: Survey) -> list[dict[str, Any]]:
    """Every step that is known here or there, in order."""
    brought = {one.number: one for one in found.shipped}
    steps: list[dict[str, Any]] = [
        {"number": one.number, "name": one.name, "state": _state(one, brought), "at": one.at}
        for one in found.ran
    ]
    for one in found.ran:
        brought.pop(one.number, None)
    steps += [
        {"number": one.number, "name": one.name, "state": "to run", "at": 0}
        for one in brought.values()
    ]
    return sorted(steps, key=lambda step: step["number"])


def _state(one: Ran, brought: Mapping[int, Migration]) -> str:
    mine = brought.get(one.number)
    if mine is None:
        return "newer"
    return "run" if mine.checksum == one.checksum else "changed"


_KINDS: Final = {kind.table: kind for kind in RECORDS if kind.rank}
_HIDDEN: Final = frozenset({"password"})


@db.command()
@click.argument("kind", type=click.Choice(sorted(_KINDS)))
@click.argument("name")
@click.pass_obj
def show(desk: Desk, kind: str, name: str) -> None:
    """Spell out one row of what users own, which lies in the database in few bytes."""
    wanted: One[Any] = One(_KINDS[kind], name)

    async def found(store: Store) -> Record | None:
        return (await store.read(wanted)).one(wanted)

    record = desk.run(found)
    if record is None:
        raise Failed(f"there is no such row in {kind}: {name}")
    document = {
        field: "(hidden)" if field in _HIDDEN else value
        for field, value in stored_fields(record).items()
    }
    rows = [(field, str(value)) for field, value in document.items()]
    desk.show(document, columns(("field", "value"), rows))


@db.command()
@click.pass_obj
def plan(desk: Desk) -> None:
    """Print what `db migrate` would run, as SQL. Changes nothing."""
    left = _left(_look(desk.settings().database))
    document = [
        {"number": one.number, "name": one.name, "oldest": one.oldest, "sql": one.sql}
        for one in left
    ]
    text = "\n".join(f"-- step {one.number}: {one.name}\n{one.sql}" for one in left)
    desk.show(document, text or "-- nothing to run")


@db.command()
@click.pass_obj
def migrate(desk: Desk) -> None:
    """Bring the schema up to this version, all or nothing. `serve` does so too, when it starts.

    A database that is not there yet is made.
    """
    database = desk.settings().database
    before = {one.number for one in _look(database).ran}

    async def migrating() -> None:
        store = await opened(database)
        await store.close()

    asyncio.run(migrating())
    ran = [one for one in _look(database).ran if one.number not in before]
    text = "\n".join(f"ran step {one.number}: {one.name}" for one in ran)
    document = {"ran": [{"number": one.number, "name": one.name} for one in ran]}
    desk.show(document, text or "nothing to run")


def _look(database: Database) -> Survey:
    try:
        return asyncio.run(survey(database))
    except (Unusable, Unavailable) as error:
        raise Failed(f"the database {database}: {error}") from error


def _left(found: Survey) -> tuple[Migration, ...]:
    """The steps that are still to run. Raises Failed."""
    try:
        return pending(found.ran, found.shipped)
    except MigrationError as error:
        raise Failed(str(error)) from error
