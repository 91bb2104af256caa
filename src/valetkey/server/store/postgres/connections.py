"""Connections to the host that takes writes, with a time limit on every statement."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg

from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.port import CALL_TIMEOUT, Unavailable

MOST: Final = 8
"""The largest number of connections of one node."""

GLANCE: Final = 0.2
"""Seconds to wait, after one host has answered that it takes writes, for another that may have a
newer timeline."""

FRESH: Final = 1.0
"""Seconds for which a host that confirmed a commit counts as the primary."""

HALF: Final = CALL_TIMEOUT / 2

NOT_REPLICATED: Final = "canceling wait for synchronous replication"
"""The database's notice for a commit that is on one machine only."""

_EMPTY_COMMIT: Final = "SELECT pg_logical_emit_message(true, 'valetkey', '')"
"""Changes nothing, but commits like a change: the standby has to confirm it."""

_TIMELINE: Final = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"

TROUBLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The errors that a database, or the network in between, raises."""


_LOST: Final = ("08", "25", "28", "3D", "40003", "53", "57", "58")
"""Prefixes of the SQLSTATE codes of errors that the database or the network causes."""


def may_be_ours(error: Exception) -> bool:
    """Whether the statement itself may have caused the error; another statement may then
    succeed."""
    code = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    return bool(code) and not str(code).startswith(_LOST)


def why(error: Exception) -> str:
    """The error as text."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host takes writes"
    return str(error) or "it does not answer in time"


def as_unavailable(error: Exception) -> Exception:
    """The error that a reader gets: Unavailable for any error of the database."""
    return Unavailable(why(error)) if isinstance(error, asyncpg.PostgresError) else error


class _Unsure(OSError):
    """A host may no longer be the primary."""


class NotReplicated(OSError):
    """A commit is on one machine only, which does not count as acknowledged."""


class _Placed(asyncpg.Connection):  # type: ignore[misc]
    """A connection that knows which of several hosts it leads to, and that host's timeline."""

    led: tuple[str, str] | None = None


class Connections:
    """A pool of connections. Create it with `open`.

    If the URL names several hosts, one of them may have been replaced without noticing, because it
    was frozen or cut off from the network. It still answers reads, but it cannot commit, because
    its standby is gone. So a connection reads only if its host has confirmed a commit that began at
    most FRESH seconds ago. If no request committed in that time, the pool sends an empty commit.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._returning: set[asyncio.Task[None]] = set()
        self._confirmed: dict[tuple[str, str], float] = {}

    @classmethod
    async def open(cls, url: PostgresURL) -> "Connections":
        """Open the pool. Raises what TROUBLE lists."""

        async def connected(*_: Any, **options: Any) -> Any:
            return await connect(url, **options)

        pool = await asyncpg.create_pool(
            min_size=1,
            max_size=MOST,
            timeout=CALL_TIMEOUT,
            command_timeout=CALL_TIMEOUT,
            connect=connected,
            connection_class=_Placed,
            # No statement here changes session state, so there is nothing to reset.
            reset=_nothing,
        )
        return cls(pool)

    async def read(self, sql: str, *parameters: Any) -> list[Any]:
        """Fetch rows from a host that is the primary, or was one FRESH seconds ago. The statement
        may not commit anything that matters. Raises TimeoutError after CALL_TIMEOUT, and what the
        database raises."""
        until = asyncio.get_running_loop().time() + CALL_TIMEOUT
        try:
            return await self._fetch(sql, parameters, until=until, commits=False)
        except _Unsure:
            # The pool has looked up the current primary again.
            return await self._fetch(sql, parameters, until=until, commits=False)

    async def commit(self, sql: str, *parameters: Any, until: float) -> list[Any]:
        """Send a statement that commits, and return its rows. Raises TimeoutError at `until` (loop
        time), NotReplicated, and what the database raises."""
        return await self._fetch(sql, parameters, until=until, commits=True)

    async def _fetch(
        self, sql: str, parameters: Sequence[Any], *, until: float, commits: bool
    ) -> list[Any]:
        loop = asyncio.get_running_loop()
        connection = await self._pool.acquire(timeout=max(0.0, until - loop.time()))
        notices: list[str] = []

        def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
            notices.append(message.message)

        connection.add_log_listener(listen)
        try:
            since = loop.time()
            if not commits:
                await self._be_sure(connection, notices, until=until)
            rows: list[Any] = await connection.fetch(
                sql, *parameters, timeout=max(0.001, until - loop.time())
            )
            _replicated(notices)
        except BaseException as error:
            self._give_back(connection, listen)
            if isinstance(error, (asyncpg.ReadOnlySQLTransactionError, TimeoutError, _Unsure)):
                # This host was the primary once; look up the current one again.
                await self._pool.expire_connections()
            raise
        if commits and connection.led:
            self._confirmed[connection.led] = since
        connection.remove_log_listener(listen)
        await self._pool.release(connection)
        return rows

    async def _be_sure(self, connection: Any, notices: Sequence[str], *, until: float) -> None:
        """Make the host confirm that it can commit, unless it did so recently. Raises _Unsure."""
        host, now = connection.led, asyncio.get_running_loop().time()
        if host is None or now - self._confirmed.get(host, float("-inf")) < FRESH:
            return
        try:
            # Use half of the time, and leave the other half for another host.
            await connection.fetch(_EMPTY_COMMIT, timeout=max(0.001, min(until - now, HALF)))
            _replicated(notices)
        except TROUBLE as error:
            raise _Unsure(f"the database does not confirm a commit: {error}") from error
        self._confirmed[host] = now

    def _give_back(self, connection: Any, listen: Any) -> None:
        """Return a connection to the pool after an error. Cancelling its statement may take time,
        so this happens in the background."""

        async def returning() -> None:
            with suppress(*TROUBLE):
                connection.remove_log_listener(listen)
                await self._pool.release(connection, timeout=CALL_TIMEOUT)

        task = asyncio.create_task(returning())
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def close(self) -> None:
        """Close all connections; terminate them if the database does not answer."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def _replicated(notices: Sequence[str]) -> None:
    """Raise NotReplicated if a notice says so."""
    if any(NOT_REPLICATED in notice for notice in notices):
        raise NotReplicated(NOT_REPLICATED)


async def connect(url: PostgresURL, **options: Any) -> Any:
    """Connect to the host that takes writes.

    All hosts are tried at once, so that one that hangs delays nobody. If two take writes, one was
    left behind when the other was promoted: the one with the newer timeline wins. Raises what
    TROUBLE lists."""
    hosts = url.each()
    if len(hosts) == 1:
        return await _writable(hosts[0], **options)
    attempts = [asyncio.create_task(_dated(one, **options)) for one in hosts]
    best: asyncio.Task[tuple[str, Any]] | None = None
    try:
        waiting = set(attempts)
        while waiting:
            finished, waiting = await asyncio.wait(
                waiting,
                timeout=GLANCE if best else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not finished:
                break
            open_attempts = [
                one for one in (*finished, best) if one is not None and one.exception() is None
            ]
            best = max(open_attempts, key=lambda one: one.result()[0], default=None)
        _, connection = await (best or attempts[-1])
        return connection
    finally:
        for one in attempts:
            if one is not best:
                one.add_done_callback(_leave)
                one.cancel()


async def _dated(host: str, **options: Any) -> tuple[str, Any]:
    """Connect, and read the host's timeline, which each promotion increments."""
    connection = await _writable(host, **options)
    try:
        timeline = await connection.fetchval(_TIMELINE)
    except BaseException:
        connection.terminate()
        raise
    if type(connection) is _Placed:  # Any connection is an instance of it, by asyncpg's own ruling.
        connection.led = host, timeline
    return timeline, connection


async def _writable(host: str, **options: Any) -> Any:
    return await asyncpg.connect(host, target_session_attrs="read-write", **options)


def _leave(attempt: "asyncio.Task[tuple[str, Any]]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[1].terminate()


async def _nothing(connection: object) -> None:
    """Reset nothing."""
