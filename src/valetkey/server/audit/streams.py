"""Streams: every sealed record goes to a file or a webhook, in the order of the chain.

A stream has a cursor, the number of the last segment that arrived, and goes on from there. What
could not be delivered is delivered again, so a record may arrive twice, with the same id, and none
is left out. After the records of a segment comes its head.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.server.audit.ocsf import event_of, head_event
from valetkey.server.audit.reading import opened_records, read_many
from valetkey.server.audit.segments import unpack_entries
from valetkey.server.model.audit import (
    AuditRecord,
    AuditSegment,
    AuditState,
    segment_key,
)
from valetkey.server.model.change import put
from valetkey.server.model.query import Many, One
from valetkey.server.store.port import Store, milliseconds

SEGMENTS: Final = 50
"""Segments that one step delivers."""

EVENTS: Final = 100
"""Events of one delivery."""

PAUSES: Final = (5_000, 15_000, 60_000, 300_000)
"""Milliseconds to wait after a delivery that failed: after the first, the second, and so on."""

PREFIX: Final = "stream:"
"""How the names of cursors begin."""

Deliver = Callable[[Sequence[dict[str, Any]], str], Awaitable[str]]
"""Delivers events with an id of the delivery: why they did not arrive, "" if they did."""


class AuditStream:
    """One stream, with the name of its cursor."""

    def __init__(self, name: str, store: Store, deliver: Deliver, *, issuer: str) -> None:
        self.name = name
        self._store = store
        self._deliver = deliver
        self._issuer = issuer
        self._failures = 0
        self._wait_until = 0

    @property
    def state_name(self) -> str:
        """The key of the cursor."""
        return PREFIX + self.name

    async def step(self) -> None:
        """Deliver what is new. Raises Unavailable, Stale if another node delivers too."""
        if milliseconds() < self._wait_until:
            return
        query = One(AuditState, self.state_name)
        row = (await self._store.read(query)).one(query)
        position = 0 if row is None else row.position
        numbers = range(position + 1, position + 1 + SEGMENTS)
        segments = await read_many(self._store, AuditSegment, [segment_key(one) for one in numbers])
        for segment in segments:
            why = await self._deliver_segment(segment)
            if why:
                self._failures += 1
                pause = PAUSES[min(self._failures, len(PAUSES)) - 1]
                self._wait_until = milliseconds() + pause
                await self._keep(row, position, error=why[:200])
                return
            self._failures = 0
            position = segment.number
            row = await self._keep(row, position)

    async def _deliver_segment(self, segment: AuditSegment) -> str:
        entries = unpack_entries(segment.entries)
        rows = await read_many(self._store, AuditRecord, [one.id for one in entries])
        places = {one.id: number for number, one in enumerate(entries)}
        name = f"{segment.epoch}.{segment.number}"
        events = [
            event_of(one, issuer=self._issuer, sequence=f"{name}.{places[one.record.id]}")
            for one in await opened_records(self._store, rows)
        ]
        events.append(head_event(segment.head, at=segment.at, sequence=name))
        for at in range(0, len(events), EVENTS):
            why = await self._deliver(events[at : at + EVENTS], f"audit.{name}.{at // EVENTS}")
            if why:
                return why
        return ""

    async def _keep(self, row: AuditState | None, position: int, *, error: str = "") -> AuditState:
        state = AuditState(name=self.state_name, position=position, at=milliseconds(), error=error)
        await self._store.commit([put(state, row)])
        version = 1 if row is None else row.version + 1
        return msgspec.structs.replace(state, version=version)


class FileSink:
    """Appends a line for each event to a file, which `logrotate` may rename at any time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __call__(self, events: Sequence[dict[str, Any]], name: str) -> str:
        text = b"".join(msgspec.json.encode(one) + b"\n" for one in events)
        try:
            await asyncio.to_thread(self._append, text)
        except OSError as error:
            return f"{self._file}: {error.strerror}"
        return ""

    def _append(self, text: bytes) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


async def stream_states(store: Store) -> dict[str, AuditState]:
    """The cursor of each stream that delivered something, by the name of the stream. Raises
    Unavailable."""
    query = Many(AuditState)
    rows = (await store.read(query)).many(query)
    return {one.name.removeprefix(PREFIX): one for one in rows if one.name.startswith(PREFIX)}
