"""An audit log in a database of its own, and an administrator who edits it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.server.audit.bundle import Bundle, read_bundle
from valetkey.server.audit.bundle_writer import write_bundle
from valetkey.server.audit.caller import NotARequest, acting
from valetkey.server.audit.findings import AuditVerdict
from valetkey.server.audit.heads import AuditHead
from valetkey.server.audit.recorder import recorded
from valetkey.server.audit.sealer import Sealer, last_segment
from valetkey.server.audit.terms import AuditTerms
from valetkey.server.audit.verify import verify
from valetkey.server.model import ids
from valetkey.server.model.audit import AuditRecord, AuditSegment, Category, segment_key
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import One, PageQuery
from valetkey.server.store.port import Store

MASTER: Final = b"m" * 32
ISSUER: Final = "https://id.chirp.example"
YEAR: Final = 365 * 86400
KEPT: Final[dict[Category, int]] = {
    "sign-in": YEAR,
    "access": YEAR,
    "account": YEAR,
    "administration": YEAR,
    "system": YEAR,
}


def now_env(*, ago: int = 0) -> Env:
    import time

    at = time.time_ns() // 1_000_000 - ago * 1000
    return Env(at // 1000, os.urandom, at % 1000)


class Log:
    """A log. `edit` runs SQL on the database, past the store."""

    def __init__(self, store: Store, edit: Callable[..., Any], *, is_postgres: bool) -> None:
        self.inner = store
        self.store = recorded(store)
        self.edit = edit
        self.is_postgres = is_postgres
        self.retention = dict(KEPT)
        self.shipped: list[str] = []
        self.lost: AuditHead | None = None
        self.sealer = self.new_sealer()

    def new_sealer(self) -> Sealer:
        """Another node."""
        return Sealer(self.inner, MASTER, self.terms, last_shipped=lambda: self.lost)

    def terms(self) -> AuditTerms:
        return AuditTerms(issuer=ISSUER, retention=self.retention)

    async def happen(self, count: int = 1, *, user: str = "", kind: Any = "granted") -> str:
        """Something happens to a user, `count` times."""
        user = user or ids.user_id(now_env())
        for _ in range(count):
            env = now_env()
            grant = ids.owned_id(env, owner=user)
            happened: Event = event(
                env, kind, by="user", user=user, client="stefapp", grant=grant, reason="my own"
            )
            with acting(NotARequest(address="192.0.2.7", id="r1", agent="a browser")):
                await self.store.commit([], [happened])
        return user

    async def seal(self, *, ship: bool = False) -> AuditSegment:
        """Seal what waits, and ship the head."""
        while await self.sealer.step():
            pass
        newest = await last_segment(self.inner)
        assert newest is not None
        if ship:
            self.shipped.append(newest.head)
        return newest

    async def segments(self, *counts: int, ship: bool = True) -> None:
        """A segment with so many records, and another with so many."""
        for count in counts:
            await self.happen(count)
            await self.seal(ship=ship)

    async def records(self) -> list[AuditRecord]:
        """All records, oldest first."""
        page = await self.inner.page(PageQuery(record=AuditRecord, limit=1000, walk=True))
        return list(reversed(page.records))

    async def segment(self, number: int) -> AuditSegment:
        query = One(AuditSegment, segment_key(number))
        found = (await self.inner.read(query)).one(query)
        assert found is not None
        return found

    async def bundle(self, **span: Any) -> Bundle:
        lines = [line async for line in write_bundle(self.inner, ISSUER, **span)]
        return read_bundle(lines)

    async def verdict(self, *, heads: bool = True, trusted: Any = (), **span: Any) -> AuditVerdict:
        found = await self.bundle(**span)
        return verify(found, shipped=self.shipped if heads else (), trusted=trusted)

    async def found(self, **how: Any) -> list[tuple[str, str]]:
        """What `verify` finds, each with its place."""
        return [(one.kind, one.place) for one in (await self.verdict(**how)).findings]

    # --- what an administrator may do to the database --------------------------------------------

    async def body(self, table: str, key: str) -> dict[str, Any]:
        rows = await self.edit(f"SELECT body FROM {table} WHERE key = '{key}'")
        return msgspec.json.decode(rows[0][0], type=dict[str, Any])

    async def set_body(self, table: str, key: str, body: dict[str, Any]) -> None:
        text = msgspec.json.encode(body).decode().replace("'", "''")
        value = f"'{text}'" if self.is_postgres else f"CAST('{text}' AS BLOB)"
        await self.edit(f"UPDATE {table} SET body = {value} WHERE key = '{key}'")

    async def swap(self, table: str, one: str, two: str) -> None:
        first, second = await self.body(table, one), await self.body(table, two)
        await self.set_body(table, one, second)
        await self.set_body(table, two, first)

    async def remove(self, table: str, key: str) -> None:
        await self.edit(f"DELETE FROM {table} WHERE key = '{key}'")

    async def copy(self, table: str, key: str, new: str) -> None:
        """Add a row that looks like another."""
        named = "place, " if self.is_postgres else ""
        more = (
            ", person, client, actor, operation, request, category"
            if table == "audit_records"
            else ""
        )
        await self.edit(
            f"INSERT INTO {table} ({named}key, version, forget_at{more}, body) "
            f"SELECT {named}'{new}', version, forget_at{more}, body FROM {table} "
            f"WHERE key = '{key}'"
        )


def sqlite_editor(file: Path) -> Callable[..., Any]:
    """Runs SQL on a file."""
    import apsw

    async def edit(sql: str) -> list[Any]:
        connection = apsw.Connection(str(file))
        connection.set_busy_timeout(2000)
        try:
            return list(connection.execute(sql))
        finally:
            connection.close()

    return edit


def postgres_editor(url: str) -> Callable[..., Any]:
    """Runs SQL on a database."""
    import asyncpg

    async def edit(sql: str) -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return edit
