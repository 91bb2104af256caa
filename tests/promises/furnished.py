"""A database for a test, with the platform and some users."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from tests.handoff import clients
from tests.installation import furnish
from tests.postgres import cluster

from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import read_database
from valetkey.server.store.port import Store

T = TypeVar("T")

WORD: Final = "one password will do"
"""Everybody's password."""


def names(count: int) -> tuple[str, ...]:
    """So many usernames."""
    return tuple(f"user{number}" for number in range(count))


@contextlib.contextmanager
def database(kind: str, folder: Path, users: Iterable[str] = ()) -> Iterator[str]:
    """What `--database` is told. `kind` is `sqlite` or `postgres`."""
    with contextlib.ExitStack() as stack:
        address = str(folder / "valetkey.db")
        if kind == "postgres":
            address = str(stack.enter_context(cluster()).url)
        fill(address, users)
        yield address


def fill(address: str, users: Iterable[str] = ()) -> None:
    """Puts the platform and the users into an empty database."""

    async def filled(store: Store) -> None:
        await furnish(store)
        env = Env(int(time.time()), os.urandom)
        kept = password.hash_password(Secret(WORD), salt=os.urandom(16))
        people = [
            User(id=ids.user_id(env), username=one, password=kept, created=env.now, changed=env.now)
            for one in users
        ]
        await store.commit([Create(one) for one in (*clients(), *people)])

    with_store(address, filled)


def with_store(address: str, work: Callable[[Store], Awaitable[T]]) -> T:
    """Does something with the database behind the server's back."""

    async def doing() -> T:
        store = await open_store(read_database(address))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(doing())
