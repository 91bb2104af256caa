"""`valetkey db backup` and `valetkey db restore`."""

import time
from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import CommandContext, Failed, InvalidUsage
from valetkey.cli.master_key import existing_master_key
from valetkey.cli.options import PATH, YES, Command
from valetkey.server.model.change import Stale
from valetkey.server.store import restore as copies
from valetkey.server.store.database import Database, PostgresURL
from valetkey.server.store.port import Unavailable, Unusable
from valetkey.server.store.restore import InUse, Restored

OWN_MEANS: Final = (
    "Back up and restore PostgreSQL with its own tools: pg_dump, or pg_basebackup with an archive "
    "of its write-ahead log. After a restore, run: valetkey db restore --finalize"
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
@click.option(
    "--finalize",
    is_flag=True,
    help="End the epoch: nothing that was revoked works again.",
)
@YES
@click.pass_obj
def restore(command: CommandContext, copy: Path | None, *, finalize: bool, yes: bool) -> None:
    """Replace an SQLite database that no server has open by BACKUP.

    The backup does not know what was revoked, removed or stopped after it was made. --finalize ends
    the epoch: it invalidates all codes, tokens and sessions, and every user has to consent again.
    Use --finalize alone after you restored a PostgreSQL database with its own tools.
    """
    if copy is None and not finalize:
        raise InvalidUsage("give a BACKUP, or --finalize after a restore")
    settings = command.settings()
    database = settings.database
    master = existing_master_key(settings) if finalize else b""
    if copy is not None:
        _replace_database(command, copy, _file(database), yes=yes)
    ended = _finalize(command, master) if finalize else None
    document = {"database": str(database), "backup": copy and str(copy), "ended": ended}
    text = "" if copy is None else f"restored {database} from {copy}\n"
    if ended is not None:
        text += _summarize(ended)
    command.show(document, text.rstrip())
    if ended is None:
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


def _finalize(command: CommandContext, master: bytes) -> Restored:
    try:
        return command.run(lambda store: copies.finalize(store, master))
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
