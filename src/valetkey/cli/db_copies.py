"""`valetkey db backup` and `valetkey db restore`: copies of the database, and what a restored one
must not bring back."""

import time
from pathlib import Path
from typing import Any, Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.master_key.file import existing_master_key
from valetkey.cli.options import PATH, YES, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.model.change import Stale
from valetkey.server.store import restore as copies
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Store, Unavailable, Unusable
from valetkey.server.store.restore import InUse, Restored
from valetkey.server.store.revocations.places import Place
from valetkey.server.store.revocations.restoring import Applied, Incomplete, apply, lose
from valetkey.server.store.revocations.shipping import key_of

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
@click.option("--apply", "apply_", is_flag=True, help="Apply what was kept of revocations.")
@click.option("--lost", is_flag=True, help="Go on where a part of that is lost.")
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
    setting revocations_folder or revocations_bucket, the command ends that again. If a part of
    what is kept there is lost or damaged, the command fails; with --lost, it ends what may have
    ended then, and users have to consent to that again.

    Without the setting, --finalize ends the epoch: it invalidates all codes, tokens and sessions,
    and every user has to consent again. Use --apply or --finalize alone after you restored a
    PostgreSQL database with its own tools.
    """
    settings = command.settings()
    place = settings.revocations
    if copy is None and not finalize and not apply_:
        raise InvalidUsage("give a BACKUP, or --apply or --finalize after a restore")
    if (apply_ or lost) and (place is None or finalize):
        raise InvalidUsage(
            "--apply and --lost need revocations_folder or revocations_bucket, and no --finalize"
        )
    database = settings.database
    applies = place is not None and not finalize
    master = existing_master_key(settings) if finalize or applies else b""
    if copy is not None:
        _replace_database(command, copy, _file(database), yes=yes)
    ended = _finalize(command, master, place) if finalize else None
    applied = None
    if applies and place is not None:
        applied = apply_revocations(command, place, master, lost=lost)
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


def _finalize(command: CommandContext, master: MasterKey, place: Place | None) -> Restored:
    async def work(store: Store) -> Restored:
        restored = await copies.finalize(store, master)
        if place is not None:
            await lose(store)
        return restored

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


# With a place that keeps revocations.


def apply_revocations(
    command: CommandContext, place: Place, master: MasterKey, *, lost: bool
) -> Applied:
    """Apply what was kept to the restored database. Raises Failed, also if that has faults and
    they are not `lost`: then no server starts on the database."""

    async def work(store: Store) -> Applied:
        return await apply(store, place, await key_of(store, master), lost=lost)

    try:
        return command.run(work, ship=False)
    except Incomplete as error:
        faults = "".join(f"\n  - {one}" for one in error.faults)
        raise Failed(
            f"what was revoked is not all known, so no server starts on this database:{faults}\n"
            "Bring the files back, and run `valetkey db restore --apply`; if they are lost, add "
            "--lost",
            type="revocations-incomplete",
        ) from error


def summarize_applied(applied: Applied) -> str:
    """What was applied, for people."""
    numbers = ", ".join(f"{count} {table}" for table, count in applied.narrowed.items())
    until = _second(applied.known_until)
    lines = [
        f"ended again: {numbers or 'nothing, as nothing had ended'}",
        f"known until {until}; if the server went on after that, run it again with --finalize",
    ]
    if applied.epoch is not None:
        spans = ", ".join(f"from {_second(start)} to {_second(end)}" for start, end in applied.lost)
        lines.append(
            f"nothing is known {spans}: epoch {applied.epoch} has begun, all sessions ended, and "
            f"{applied.asked_again} consents have to be given again"
        )
    return "\n".join(lines)


def _second(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at)) if at else "the beginning"
