"""An installation with a folder of revocations beside its database."""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw
from tests.installation import furnish

from valetkey.server.model import ids
from valetkey.server.model.change import Change
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Query
from valetkey.server.model.user import User
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.port import Store
from valetkey.server.store.restore import backup
from valetkey.server.store.revocations.places import FolderPlace, Place
from valetkey.server.store.revocations.restoring import (
    Applied,
    apply,
    check_not_revived,
)
from valetkey.server.store.revocations.shipping import key_of, shipped_to
from valetkey.server.store.sqlite.store import SQLiteStore

T = TypeVar("T")

MASTER = bytes(range(32))


class Disk:
    """An installation: a database, a backup of it, and the folder beside it."""

    def __init__(self, folder: Path, place: Place | None = None) -> None:
        self.database, self.copy = folder / "a.db", folder / "copy.db"
        self.place = folder / "beside"
        self.place.mkdir()
        self.beside: Place = place or FolderPlace(self.place)
        self.users: dict[str, User] = {}

    def run(
        self, work: Callable[[Store], Awaitable[T]], *, ship: bool = True, at: Path | None = None
    ) -> T:
        async def running() -> T:
            store: Store = SQLiteStore(at or self.database)
            if ship:
                store = shipped_to(store, self.beside, MASTER)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(running())

    def commit(self, *changes: Change) -> None:
        self.run(lambda store: store.commit(changes))

    def one(self, query: Query) -> Any:
        async def reading(store: Store) -> Any:
            return next(iter((await store.read(query)).records(query)), None)

        return self.run(reading, ship=False)

    def sql(self, statement: str) -> None:
        """Changes the database behind everybody's back."""
        connection = apsw.Connection(str(self.database))
        connection.execute(statement)
        connection.close()

    def back_up(self) -> None:
        self.copy.unlink(missing_ok=True)
        backup(self.database, self.copy)

    def lose(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.copy, self.database)

    def check(self) -> None:
        async def checking(store: Store) -> None:
            await check_not_revived(store, self.beside, await key_of(store, MASTER))

        self.run(checking, ship=False)

    def apply(self, *, lost: bool = False) -> Applied:
        async def applying(store: Store) -> Applied:
            return await apply(store, self.beside, await key_of(store, MASTER), lost=lost)

        return self.run(applying, ship=False)


def furnished(folder: Path, place: Place | None = None) -> Disk:
    """A furnished one in this folder."""
    disk = Disk(folder, place)

    async def fill(store: Store) -> dict[str, User]:
        await ensure_keys(store, MASTER)
        return await furnish(store)

    disk.users = disk.run(fill)
    disk.check()
    return disk


MIKO = "miko"


def owned(disk: Disk) -> str:
    """An id of a row of Miko's."""
    return ids.owned_id(Env(int(time.time()), os.urandom), owner=disk.users[MIKO].id)


def grant(user: User, client: str = "stefapp", *, days: int = 30) -> Grant:
    """A grant that is so old."""
    now = int(time.time()) - days * 86400
    return Grant(
        id=ids.owned_id(Env(now, os.urandom), owner=user.id),
        user=user.id,
        client=client,
        permissions=("chirps.read", "chirps.write"),
        created=now,
        changed=now,
    )
