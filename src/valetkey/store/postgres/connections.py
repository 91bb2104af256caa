"""Connections to the database that takes writes, and statements that come back in time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import asyncpg

from valetkey.store.database import PostgresURL
from valetkey.store.port import PATIENCE

MOST: Final = 8
"""Connections of one node."""

TROUBLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a database, or the way to it, raises."""


def why(error: Exception) -> str:
    """The error in words."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host takes writes"
    return str(error) or "it does not answer in time"


Heard: TypeAlias = Callable[[str], None]


class Connections:
    """A pool of them. Make one with `open`."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._returning: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: PostgresURL) -> "Connections":
        """Raises what TROUBLE lists."""

        async def connected(*_: Any, **options: Any) -> Any:
            return await connect(url, **options)

        pool = await asyncpg.create_pool(
            min_size=1,
            max_size=MOST,
            timeout=PATIENCE,
            command_timeout=PATIENCE,
            connect=connected,
            # Nothing here alters a session, so there is nothing to set back after each statement.
            reset=_nothing,
        )
        return cls(pool)

    async def fetch(
        self, sql: str, *parameters: Any, until: float = 0.0, heard: Heard | None = None
    ) -> list[Any]:
        """The rows of one statement. Raises TimeoutError at `until` (the loop's time), or after
        PATIENCE; and what the database raises. `heard` is told its notices."""
        loop = asyncio.get_running_loop()
        until = until or loop.time() + PATIENCE
        connection = await self._pool.acquire(timeout=max(0.0, until - loop.time()))

        def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
            if heard is not None:
                heard(message.message)

        connection.add_log_listener(listen)
        try:
            rows: list[Any] = await connection.fetch(
                sql, *parameters, timeout=max(0.001, until - loop.time())
            )
        except BaseException as error:
            self._give_back(connection, listen)
            if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                # It was the primary once: whoever is it now has to be found anew.
                await self._pool.expire_connections()
            raise
        connection.remove_log_listener(listen)
        await self._pool.release(connection)
        return rows

    def _give_back(self, connection: Any, listen: Any) -> None:
        """Returns a connection on which something went wrong. Its statement may still have to be
        cancelled, for which nobody waits."""

        async def returning() -> None:
            with suppress(*TROUBLE):
                connection.remove_log_listener(listen)
                await self._pool.release(connection, timeout=PATIENCE)

        task = asyncio.create_task(returning())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def close(self) -> None:
        """Lets go of all, politely where the database answers."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def connect(url: PostgresURL, **options: Any) -> Any:
    """A connection to the host that takes writes. All are asked at once, so one that hangs delays
    nobody. Raises what TROUBLE lists."""
    attempts = [
        asyncio.create_task(asyncpg.connect(one, target_session_attrs="read-write", **options))
        for one in url.each()
    ]
    winner: asyncio.Task[Any] | None = None
    try:
        waiting = set(attempts)
        while waiting and winner is None:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            winner = next((one for one in done if one.exception() is None), None)
        return await (winner or attempts[-1])
    finally:
        for one in attempts:
            if one is not winner:
                one.add_done_callback(_leave)
                one.cancel()


def _leave(attempt: "asyncio.Task[Any]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


async def _nothing(connection: object) -> None:
    """Sets nothing back."""
