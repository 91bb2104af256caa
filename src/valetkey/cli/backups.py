"""`valetkey db backup` and `valetkey db restore`."""

import time
from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import Desk, Failed, Wrong
from valetkey.cli.master_key import given
from valetkey.cli.options import PATH, YES, Command
from valetkey.server.model.change import Stale
from valetkey.server.store import restore as copies
from valetkey.server.store.database import Database, PostgresURL
from valetkey.server.store.port import Unavailable, Unusable
from valetkey.server.store.restore import InUse, Restored

OWN_MEANS: Final = (
    "PostgreSQL is backed up and restored by its own means: pg_dump, or pg_basebackup with an "
    "archive of its write-ahead log for any moment. Afterwards: valetkey db restore --finalize"
)


@click.command(cls=Command)
@click.argument("target", type=PATH)
@click.pass_obj
def backup(desk: Desk, target: Path) -> None:
    """Copy an SQLite database to TARGET, while servers use it.

    The copy is of one moment. The master key is not in it: keep that apart.
    """
    database = _file(desk.settings().database)
    try:
        pages = copies.backup(database, target)
    except FileExistsError as error:
        raise Failed(f"{target} is there already") from error
    except OSError as error:
        raise Failed(f"{target} cannot be made: {error.strerror}") from error
    except Unavailable as error:
        raise Failed(str(error)) from error
    document = {"database": str(database), "target": str(target), "pages": pages}
    desk.show(document, f"copied {database} to {target}, {pages} pages")


@click.command(cls=Command)
@click.argument("copy", metavar="[BACKUP]", type=PATH, required=False)
@click.option(
    "--finalize", is_flag=True, help="End the epoch: nothing revoked since comes back to life."
)
@YES
@click.pass_obj
def restore(desk: Desk, copy: Path | None, *, finalize: bool, yes: bool) -> None:
    """Put BACKUP in the place of an SQLite database that no server has open.

    What was revoked, taken away or stopped after the backup is not in it. --finalize ends the
    epoch: every code, token and session of before is worthless, and every user has to say yes
    again. It may stand alone, such as after a PostgreSQL was restored by its own means.
    """
    if copy is None and not finalize:
        raise Wrong("name a BACKUP, or --finalize what was restored already")
    settings = desk.settings()
    database = settings.database
    master = given(settings) if finalize else b""
    if copy is not None:
        _put_back(desk, copy, _file(database), yes=yes)
    ended = _finalize(desk, master) if finalize else None
    document = {"database": str(database), "backup": copy and str(copy), "ended": ended}
    text = "" if copy is None else f"restored {database} from {copy}\n"
    if ended is not None:
        text += _told(ended)
    desk.show(document, text.rstrip())
    if ended is None:
        desk.say(
            "What was taken back since the backup is in force again. Before you serve: "
            "valetkey db restore --finalize"
        )


def _file(database: Database) -> Path:
    if isinstance(database.at, PostgresURL):
        raise Failed(OWN_MEANS)
    return database.at


def _put_back(desk: Desk, copy: Path, database: Path, *, yes: bool) -> None:
    if database.exists():
        desk.sure(f"Replace {database} by {copy}? What is in it now is lost.", yes=yes)
    try:
        copies.restore(copy, database)
    except (InUse, Unusable, Unavailable) as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{database} cannot be written: {error.strerror}") from error


def _finalize(desk: Desk, master: bytes) -> Restored:
    try:
        return desk.run(lambda store: copies.finalize(store, master))
    except Stale as error:
        raise Failed("somebody else ends the epoch just now") from error


def _told(ended: Restored) -> str:
    since = _second(ended.known_until) if ended.known_until else "its beginning"
    return (
        f"epoch {ended.epoch} has begun: every key was replaced, and every user has to say yes "
        f"again\nnothing is known of what happened from {since} to {_second(ended.at)}"
    )


def _second(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
