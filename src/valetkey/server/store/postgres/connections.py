"""Connections to the database that takes writes, and statements that come back in time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg

from valetkey.server.store.database import PostgresURL
from valetkey.server.store.port import PATIENCE, Unavailable

MOST: Final = 8
"""Connections of one node."""

GLANCE: Final = 0.2
"""Seconds that a host which takes writes waits for another that may do so by better right."""

FRESH: Final = 1.0
"""Seconds for which a host that has confirmed a commit is taken for the primary."""

HALF: Final = PATIENCE / 2

NOT_REPLICATED: Final = "canceling wait for synchronous replication"
"""The database says so where a commit is on one machine only."""

_EMPTY_COMMIT: Final = "SELECT pg_logical_emit_message(true, 'valetkey', '')"
"""Changes nothing, and is committed like a change: the standby has to have it."""

_TIMELINE: Final = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"

TROUBLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a database, or the way to it, raises."""


_LOST: Final = ("08", "25", "28", "3D", "40003", "53", "57", "58")
"""How the codes of errors begin (SQLSTATE) for which the database or the way to it is to blame."""


def may_be_ours(error: Exception) -> bool:
    """Whether what was sent may be to blame: then another statement may well go through."""
    code = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    return bool(code) and not str(code).startswith(_LOST)


def why(error: Exception) -> str:
    """The error in words."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host takes writes"
    return str(error) or "it does not answer in time"


def told(error: Exception) -> Exception:
    """What whoever reads is told: Unavailable for any error of the database."""
    return Unavailable(why(error)) if isinstance(error, asyncpg.PostgresError) else error


class _Unsure(OSError):
    """A host may have been replaced."""


class NotReplicated(OSError):
    """A commit is on one machine only: that is no acknowledgement."""


class _Placed(asyncpg.Connection):  # type: ignore[misc]
    """A connection that knows to which of several hosts it leads, and that host's timeline."""

    led: tuple[str, str] | None = None


class Connections:
    """A pool of them. Make one with `open`.

    Where the URL names several hosts, one of them may have been replaced without knowing it: it
    was frozen, or cut off. It still answers reads, but it cannot commit, because its standby has
    gone. So nothing is read over a connection unless its host has confirmed a commit that began at
    most FRESH ago; where requests have committed nothing in that time, an empty commit is sent.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._returning: set[asyncio.Task[None]] = set()
        self._confirmed: dict[tuple[str, str], float] = {}

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
            connection_class=_Placed,
            # Nothing here alters a session, so there is nothing to set back after each statement.
            reset=_nothing,
        )
        return cls(pool)

    async def read(self, sql: str, *parameters: Any) -> list[Any]:
        """The rows of a statement that commits nothing of weight, of a host that is the primary, or
        was a second ago. Raises TimeoutError after PATIENCE, and what the database raises."""
        until = asyncio.get_running_loop().time() + PATIENCE
        try:
            return await self._fetch(sql, parameters, until=until, commits=False)
        except _Unsure:
            # Whoever is the primary now was found anew.
            return await self._fetch(sql, parameters, until=until, commits=False)

    async def commit(self, sql: str, *parameters: Any, until: float) -> list[Any]:
        """Sends a statement that commits; what it returns. Raises TimeoutError at `until` (the
        loop's time), NotReplicated, and what the database raises."""
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
                # It was the primary once: whoever is it now has to be found anew.
                await self._pool.expire_connections()
            raise
        if commits and connection.led:
            self._confirmed[connection.led] = since
        connection.remove_log_listener(listen)
        await self._pool.release(connection)
        return rows

    async def _be_sure(self, connection: Any, notices: Sequence[str], *, until: float) -> None:
        """Has the host confirm that it commits, unless it did so a moment ago. Raises _Unsure."""
        host, now = connection.led, asyncio.get_running_loop().time()
        if host is None or now - self._confirmed.get(host, float("-inf")) < FRESH:
            return
        try:
            # Half of the time, so that the other half is left for another host.
            await connection.fetch(_EMPTY_COMMIT, timeout=max(0.001, min(until - now, HALF)))
            _replicated(notices)
        except TROUBLE as error:
            raise _Unsure(f"the database does not confirm a commit: {error}") from error
        self._confirmed[host] = now

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


def _replicated(notices: Sequence[str]) -> None:
    """Raises NotReplicated where one of them says so."""
    if any(NOT_REPLICATED in notice for notice in notices):
        raise NotReplicated(NOT_REPLICATED)


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
    """Sets nothing back."""
