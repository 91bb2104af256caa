"""Backups, and what a restored one must not bring back.

What was revoked, taken away or stopped after the backup was made is not in it. So a restore is
finished by ending the epoch: every key is replaced, which makes every code and token worthless,
and grants and sessions of before open nothing until their users say yes again.
"""

import time
from pathlib import Path
from typing import Final

import apsw
import msgspec

from valetkey.model.change import Change, Create, Remove, Update
from valetkey.model.epoch import CURRENT, Epoch
from valetkey.model.event import Event
from valetkey.model.want import One, Query
from valetkey.oauth.manage.keys import USES
from valetkey.store.keyring import make, read_keys
from valetkey.store.port import Store, Unavailable

_PAGES: Final = 1000
"""Pages copied in one step of a backup; the server goes on in between."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore came to. `epoch` is the new one; what happened between `known_until` (0 for an
    empty database) and `at`, both in seconds since 1970, is lost."""

    epoch: int
    known_until: int
    at: int


async def finalize(store: Store, master: bytes) -> Restored:
    """Ends the epoch of a restored database. Raises Stale where somebody else does so just now."""
    now = int(time.time())
    wanted = One(Epoch, CURRENT)
    before = (await store.read(wanted)).one(wanted)
    newest = (await store.page(Query(record=Event, limit=1))).records
    changes: list[Change] = [Remove(key) for key in await read_keys(store)]
    for use in USES:
        changes += [Create(make(use, master, status=status)) for status in ("current", "coming")]
    if before is None:
        epoch = Epoch(number=1, since=now)
        changes.append(Create(epoch))
    else:
        epoch = msgspec.structs.replace(before, number=before.number + 1, since=now)
        changes.append(Update(epoch))
    await store.commit(changes)
    return Restored(epoch=epoch.number, known_until=newest[0].at if newest else 0, at=now)


def backup(database: Path, target: Path) -> int:
    """Copies a database file while servers use it; how many pages. The copy is of one moment.
    Raises FileExistsError, Unavailable."""
    if target.exists():
        raise FileExistsError(target)
    try:
        source = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        copy = apsw.Connection(str(target))
        with copy.backup("main", source, "main") as step:
            while not step.done:
                step.step(_PAGES)
            pages: int = step.page_count
        copy.close()
        source.close()
    except apsw.Error as error:
        target.unlink(missing_ok=True)
        raise Unavailable(f"{database}: {error}") from error
    return pages
