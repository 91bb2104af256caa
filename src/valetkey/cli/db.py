"""`valetkey db`: the database, its schema and its backups."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from valetkey.cli.context import (
    CommandContext,
    Failed,
    InvalidUsage,
    columns,
    format_time,
    open_database,
)
from valetkey.cli.db_revocations import apply_revocations, summarize_applied
from valetkey.cli.master_key.file import existing_master_key
from valetkey.cli.options import PATH, YES, Command, Group
from valetkey.server.http import search_index
from valetkey.server.model.change import Stale
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.store import restore as copies
from valetkey.server.store.database import (
    Database,
    PostgresURL,
    refuse_older_versions,
    survey,
)
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.migrate import Migration, MigrationError, Ran, pending
from valetkey.server.store.port import RECORDS, Store, Unavailable, Unusable
from valetkey.server.store.restore import InUse, Restored
from valetkey.server.store.revocations.restoring import lose
from valetkey.server.store.survey import Survey

# `valetkey db show`: stored rows in readable form, without secrets.

R = TypeVar("R", bound=Record)

PAGE: Final = 200
"""The number of records that are read in one step."""

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


async def every_record(store: Store, kind: type[R]) -> AsyncIterator[Sequence[R]]:
    """Read all records of a kind, some at a time, in the store's own order."""
    before = ""
    while True:
        page = await store.page(PageQuery(record=kind, before=before, limit=PAGE, walk=True))
        yield page.records
        before = page.next
        if not before:
            return


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


# `valetkey db backup` and `valetkey db restore`.

OWN_MEANS: Final = (
    "Back up and restore PostgreSQL with its own tools: pg_dump, or pg_basebackup with an archive "
    "of its write-ahead log. After a restore, run: valetkey db restore --apply (or --finalize)"
)


@click.command(cls=Command)
@click.argument("target", type=PATH)
@click.pass_obj
def backup(command: CommandContext, target: Path) -> None:
    """Copy an SQLite database to TARGET while servers use it.

    The copy shows one moment. It does not contain the master key: back that up separately.
    """
    database = _file(command.settings().database)
    try:
        pages = copies.backup(database, target)
    except FileExistsError as error:
        raise Failed(f"{target} already exists") from error
    except OSError as error:
        raise Failed(f"{target} cannot be created: {error.strerror}") from error
    except Unavailable as error:
        raise Failed(str(error)) from error
    document = {"database": str(database), "target": str(target), "pages": pages}
    command.show(document, f"copied {database} to {target}, {pages} pages")


@click.command(cls=Command)
@click.argument("copy", metavar="[BACKUP]", type=PATH, required=False)
@click.option("--apply", "apply_", is_flag=True, help="Apply what is in revocations_folder.")
@click.option("--lost", is_flag=True, help="Go on where a part of revocations_folder is lost.")
@click.option(
    "--finalize",
    is_flag=True,
    help="End the epoch: nothing that was revoked works again.",
)
@YES
@click.pass_obj
def restore(
    command: CommandContext,
    copy: Path | None,
    *,
    apply_: bool,
    lost: bool,
    finalize: bool,
    yes: bool,
) -> None:
    """Replace an SQLite database that no server has open by BACKUP.

    The backup does not know what was revoked, removed or stopped after it was made. With the
    setting revocations_folder, the command ends that again. If a part of the folder is lost or
    damaged, the command fails; with --lost, it ends what may have ended then, and users have to
    consent to that again.

    Without the setting, --finalize ends the epoch: it invalidates all codes, tokens and sessions,
    and every user has to consent again. Use --apply or --finalize alone after you restored a
    PostgreSQL database with its own tools.
    """
    settings = command.settings()
    folder = settings.revocations_folder
    if copy is None and not finalize and not apply_:
        raise InvalidUsage("give a BACKUP, or --apply or --finalize after a restore")
    if (apply_ or lost) and (folder is None or finalize):
        raise InvalidUsage("--apply and --lost need revocations_folder, and no --finalize")
    database = settings.database
    applies = folder is not None and not finalize
    master = existing_master_key(settings) if finalize or applies else b""
    if copy is not None:
        _replace_database(command, copy, _file(database), yes=yes)
    ended = _finalize(command, master, folder) if finalize else None
    applied = None
    if applies and folder is not None:
        applied = apply_revocations(command, folder, master, lost=lost)
    document: dict[str, Any] = {"database": str(database), "backup": copy and str(copy)}
    document["ended"] = ended
    text = "" if copy is None else f"restored {database} from {copy}\n"
    if ended is not None:
        text += _summarize(ended)
    if applied is not None:
        document["applied"] = applied
        text += summarize_applied(applied)
    command.show(document, text.rstrip())
    if ended is None and applied is None:
        command.note(
            "Access that was revoked since the backup works again. Before you serve, run: "
            "valetkey db restore --finalize"
        )


def _file(database: Database) -> Path:
    if isinstance(database.at, PostgresURL):
        raise Failed(OWN_MEANS)
    return database.at


def _replace_database(command: CommandContext, copy: Path, database: Path, *, yes: bool) -> None:
    if database.exists():
        command.confirm(f"Replace {database} by {copy}? Its present content will be lost.", yes=yes)
    try:
        copies.restore(copy, database)
    except (InUse, Unusable, Unavailable) as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{database} cannot be written: {error.strerror}") from error


def _finalize(command: CommandContext, master: MasterKey, folder: Path | None) -> Restored:
    async def work(store: Store) -> Restored:
        done = await copies.finalize(store, master)
        if folder is not None:
            await lose(store)
        return done

    try:
        return command.run(work)
    except Stale as error:
        raise Failed("another process is ending the epoch") from error


def _summarize(ended: Restored) -> str:
    since = _second(ended.known_until) if ended.known_until else "its beginning"
    return (
        f"epoch {ended.epoch} has begun: every key was replaced, and every user has to consent "
        f"again\nunknown is what happened from {since} to {_second(ended.at)}"
    )


def _second(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


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
