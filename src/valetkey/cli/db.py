"""`valetkey db`: the database, its schema and its backups."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
import msgspec

from valetkey.cli.context import CommandContext, open_database
from valetkey.cli.db_copies import backup, restore
from valetkey.cli.options import Command, Group
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import columns, format_time
from valetkey.server.http import search_index
from valetkey.server.model.query import One
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.store.database import refuse_older_versions, survey
from valetkey.server.store.database_url import Database
from valetkey.server.store.migrate import Migration, MigrationError, Ran, pending
from valetkey.server.store.port import RECORDS, Store, Unavailable, Unusable, every_record
from valetkey.server.store.survey import Survey

# `valetkey db show`: stored rows in readable form, without secrets.

HIDDEN: Final = "(hidden)"

_SECRET: Final = frozenset(
    [
        *("password", "mark"),  # users
        *("secrets", "registration_token"),  # clients and APIs
        *("digest", "browser", "session"),  # digests of cookies
        *("parameters", "contents"),  # requests and answers that wait
        *("sealed", "authorization"),
    ]
)
"""Fields that hold a secret, a digest of one, or what an app sent in confidence."""

_KINDS: Final = {kind.table: kind for kind in RECORDS}


def without_secrets(record: Record) -> dict[str, Any]:
    """All stored fields of a record; secrets, and whatever is stored as bytes, are masked."""
    return {
        field: HIDDEN if field in _SECRET or isinstance(value, bytes) else value
        for field, value in stored_fields(record).items()
    }


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(sorted(_KINDS)), required=False)
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Print every row of KIND, or of all kinds.")
@click.pass_obj
def show(command: CommandContext, kind: str | None, name: str | None, *, every: bool) -> None:
    """Print one stored row, or every row with --all, in readable form. Secrets are masked.

    Rows of users are packed in the database, so plain SQL does not read them. With --all, each row
    is one line; with --json, one JSON object a line, which names its table in `table`.
    """
    if every == (name is not None) or not (every or kind):
        raise InvalidUsage("give KIND and NAME for one row, or --all")
    if every:
        kinds = [_KINDS[kind]] if kind else list(RECORDS)
        command.run(lambda store: _print_all(store, kinds, command=command))
    else:
        _show_one(command, _KINDS[str(kind)], str(name))


async def _print_all(
    store: Store, kinds: Sequence[type[Record]], *, command: CommandContext
) -> None:
    for kind in kinds:
        async for records in every_record(store, kind):
            for record in records:
                document = {"table": kind.table, **without_secrets(record)}
                line = msgspec.json.encode(document, enc_hook=str).decode()
                click.echo(line if command.as_json else f"{kind.table}  {record.key}  {line}")


def _show_one(command: CommandContext, kind: type[Record], name: str) -> None:
    query: One[Any] = One(kind, name)

    async def read(store: Store) -> Record | None:
        return (await store.read(query)).one(query)

    record = command.run(read)
    if record is None:
        raise Failed(f"there is no such row in {kind.table}: {name}", type="not-found")
    document = without_secrets(record)
    rows = [(field, str(value)) for field, value in document.items()]
    command.show(document, columns(("field", "value"), rows))


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
@click.option("--refuse-older", is_flag=True, help="Older versions no longer start on it.")
@click.pass_obj
def migrate(command: CommandContext, *, refuse_older: bool) -> None:
    """Migrate the schema to this version, all steps or none. `serve` also does this when it starts.

    Creates a database that does not exist yet. With --refuse-older there is no way back: servers of
    older versions refuse to start on the database. Those that run already go on.
    """
    database = command.settings().database
    before = {one.number for one in _survey(database).ran}

    async def migrating() -> None:
        store = await open_database(database)
        await store.close()
        if refuse_older:
            await refuse_older_versions(database)

    asyncio.run(migrating())
    ran = [one for one in _survey(database).ran if one.number not in before]
    lines = [f"ran step {one.number}: {one.name}" for one in ran] or ["nothing to run"]
    document: dict[str, Any] = {"ran": [{"number": one.number, "name": one.name} for one in ran]}
    if refuse_older:
        document["refuses_older"] = True
        lines.append("servers of older versions no longer start on this database")
    command.show(document, "\n".join(lines))


@db.command()
@click.pass_obj
def reindex(command: CommandContext) -> None:
    """Have running servers index all records for the search once more, beside their requests.

    Needed if a server of version 0.1.0 wrote to the database more than a day after the update.
    """
    command.run(search_index.begin_again)
    command.show({"reindex": True}, "the servers index everything again, within an hour")


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
