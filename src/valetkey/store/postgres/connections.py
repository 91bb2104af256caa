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

GLANCE: Final = 0.2
"""Seconds that a host which takes writes waits for another that may do so by better right."""

_TIMELINE: Final = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"

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
            if isinstance(error, (asyncpg.ReadOnlySQLTransactionError, TimeoutError)):
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
    nobody. Where two take them, one was left behind when the other was promoted, and the one with
    the newer timeline is meant. Raises what TROUBLE lists."""
    hosts = url.each()
    if len(hosts) == 1:
        return await _writable(hosts[0], **options)
    attempts = [asyncio.create_task(_dated(one, **options)) for one in hosts]
    best: asyncio.Task[tuple[str, Any]] | None = None
    try:
        waiting = set(attempts)
        while waiting:
            done, waiting = await asyncio.wait(
                waiting,
                timeout=GLANCE if best else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not done:
                break
            found = [one for one in (*done, best) if one is not None and one.exception() is None]
            best = max(found, key=lambda one: one.result()[0], default=None)
        _, connection = await (best or attempts[-1])
        return connection
    finally:
        for one in attempts:
            if one is not best:
                one.add_done_callback(_leave)
                one.cancel()


async def _dated(host: str, **options: Any) -> tuple[str, Any]:
    """A connection, and the timeline of its host, which a promotion counts up."""
    connection = await _writable(host, **options)
    try:
        return await connection.fetchval(_TIMELINE), connection
    except BaseException:
        connection.terminate()
        raise


async def _writable(host: str, **options: Any) -> Any:
    return await asyncpg.connect(host, target_session_attrs="read-write", **options)


def _leave(attempt: "asyncio.Task[tuple[str, Any]]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[1].terminate()


async def _nothing(connection: object) -> None:
    """Sets nothing back."""
