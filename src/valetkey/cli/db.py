"""`valetkey db`: the database, its schema and its backups."""

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from valetkey.cli.backups import backup, restore
from valetkey.cli.context import CommandContext, Failed, columns, format_time, open_database
from valetkey.cli.options import Group
from valetkey.cli.stored_rows import show
from valetkey.server.store.database import Database
from valetkey.server.store.migrate import Migration, MigrationError, Ran, pending
from valetkey.server.store.open import survey
from valetkey.server.store.port import Unavailable, Unusable
from valetkey.server.store.survey import Survey


@click.group(cls=Group)
def db() -> None:
    """The database: its schema, its backups."""


db.add_command(backup)
db.add_command(restore)
db.add_command(show)


@db.command()
@click.pass_obj
def status(command: CommandContext) -> None:
    """Show the epoch, and which migration steps have run. Changes nothing.

    Exit status 1 if this version does not work with the database.
    """
    database = command.settings().database
    result = _survey(database)
    number, since = (result.epoch.number, result.epoch.since) if result.epoch else (0, 0)
    steps = _steps(result)
    document = {"database": str(database), "epoch": number, "since": since, "steps": steps}
    rows = [
        (str(one["number"]), one["name"], one["state"], format_time(one["at"])) for one in steps
    ]
    begun = f", begun {format_time(since)}" if since else ""
    text = columns(("step", "name", "state", "at"), rows)
    command.show(document, f"{database}: epoch {number}{begun}\n{text}")
    _pending_steps(result)


def _steps(result: Survey) -> list[dict[str, Any]]:
    """Every step that this version or the database knows, in order."""
    shipped = {one.number: one for one in result.shipped}
    steps: list[dict[str, Any]] = [
        {"number": one.number, "name": one.name, "state": _state(one, shipped), "at": one.at}
        for one in result.ran
    ]
    for one in result.ran:
        shipped.pop(one.number, None)
    steps += [
        {"number": one.number, "name": one.name, "state": "to run", "at": 0}
        for one in shipped.values()
    ]
    return sorted(steps, key=lambda step: step["number"])


def _state(one: Ran, shipped: Mapping[int, Migration]) -> str:
    mine = shipped.get(one.number)
    if mine is None:
        return "newer"
    return "run" if mine.checksum == one.checksum else "changed"


@db.command()
@click.pass_obj
def plan(command: CommandContext) -> None:
    """Print the SQL that `db migrate` would run. Changes nothing."""
    steps = _pending_steps(_survey(command.settings().database))
    document = [
        {"number": one.number, "name": one.name, "oldest": one.oldest, "sql": one.sql}
        for one in steps
    ]
    text = "\n".join(f"-- step {one.number}: {one.name}\n{one.sql}" for one in steps)
    command.show(document, text or "-- nothing to run")


@db.command()
@click.pass_obj
def migrate(command: CommandContext) -> None:
    """Migrate the schema to this version, all steps or none. `serve` also does this when it starts.

    Creates a database that does not exist yet.
    """
    database = command.settings().database
    before = {one.number for one in _survey(database).ran}

    async def migrating() -> None:
        store = await open_database(database)
        await store.close()

    asyncio.run(migrating())
    ran = [one for one in _survey(database).ran if one.number not in before]
    text = "\n".join(f"ran step {one.number}: {one.name}" for one in ran)
    document = {"ran": [{"number": one.number, "name": one.name} for one in ran]}
    command.show(document, text or "nothing to run")


def _survey(database: Database) -> Survey:
    try:
        return asyncio.run(survey(database))
    except (Unusable, Unavailable) as error:
        raise Failed(f"the database {database}: {error}") from error


def _pending_steps(result: Survey) -> tuple[Migration, ...]:
    """The steps that still have to run. Raises Failed."""
    try:
        return pending(result.ran, result.shipped)
    except MigrationError as error:
        raise Failed(str(error)) from error
