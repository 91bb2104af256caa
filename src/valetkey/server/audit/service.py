"""What the server does for the audit log beside its requests: it seals, ships heads, feeds the
streams, and removes what has expired."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from valetkey.server.audit.heads import AuditHead
from valetkey.server.audit.recorder import AuditRecorder, draft, record
from valetkey.server.audit.retention import expire
from valetkey.server.audit.sealer import NoAuditKey, Sealer, last_segment
from valetkey.server.audit.shipping import PAUSE, HeadConflict, last_shipped, ship
from valetkey.server.audit.streams import AuditStream
from valetkey.server.audit.terms import AuditTerms, now_env
from valetkey.server.model.audit import (
    AuditActor,
    AuditState,
    AuditTarget,
)
from valetkey.server.model.change import Create, Stale, put
from valetkey.server.model.query import One
from valetkey.server.store.master_key import MasterKey
from valetkey.server.store.port import Unavailable, milliseconds

STEP_SECONDS: Final = 1.0
"""Seconds between two looks for records to seal."""

SERVER: Final = AuditActor(kind="server")

Complain = Callable[[str, str], None]


def _complain(event: str, detail: str) -> None:
    logging.getLogger("valetkey").warning("%s: %s", event, detail)


class AuditService:
    """Works on the store of a recorder. `streams` are those that the settings name; `complain` logs
    what goes wrong."""

    def __init__(
        self,
        recorder: AuditRecorder,
        master: MasterKey,
        terms: Callable[[], AuditTerms],
        *,
        streams: Sequence[AuditStream] = (),
        complain: Complain = _complain,
    ) -> None:
        self._recorder = recorder
        self._store = recorder.store
        self._terms = terms
        self._streams = streams
        self._complain = complain
        self._shipped = ""
        self._shipped_at = 0
        self._settings = ""
        self._complaints: dict[str, str] = {}
        self.sealer = Sealer(recorder.store, master, terms, last_shipped=self._last_shipped)

    async def run(self) -> None:
        """Work until it is cancelled."""
        try:
            while True:
                await self.step()
                await asyncio.sleep(STEP_SECONDS)
        finally:
            with contextlib.suppress(Exception):
                await self.sealer.release()

    async def step(self) -> None:
        """Do what is due. Raises nothing; what goes wrong is logged once."""
        await self._try("records that were too many", self._record_flood)
        if not await self._try("audit log not sealed", self._seal):
            return
        if not self.sealer.has_lease:
            return
        await self._try("settings of the audit log not recorded", self._record_settings)
        await self._try("audit head not shipped", self._ship)
        for stream in self._streams:
            await self._try(f"audit stream {stream.name} waits", stream.step)
        await self._try("audit records not removed", self._expire)

    async def _try(self, what: str, work: Callable[[], object]) -> bool:
        try:
            await work()  # type: ignore[misc]
        except (Unavailable, Stale, NoAuditKey, HeadConflict, OSError, ValueError) as error:
            if self._complaints.get(what) != str(error):
                self._complaints[what] = str(error)
                self._complain(what, str(error))
            return False
        self._complaints.pop(what, None)
        return True

    async def _seal(self) -> None:
        while await self.sealer.step():
            pass

    def _last_shipped(self) -> AuditHead | None:
        folder = self._terms().heads
        return None if folder is None else last_shipped(folder)

    async def _ship(self) -> None:
        folder = self._terms().heads
        if folder is None:
            return
        newest = await last_segment(self._store)
        now = milliseconds()
        if newest is None or newest.head == self._shipped or now - self._shipped_at < PAUSE:
            return
        self._shipped, self._shipped_at = newest.head, now
        try:
            await asyncio.to_thread(ship, folder, newest.head)
        except OSError:
            self._shipped = ""
            raise

    async def _expire(self) -> None:
        newest = await last_segment(self._store)
        if newest is not None:
            await expire(self._store, newest)

    async def _record_flood(self) -> None:
        counts = self._recorder.flood.take()
        try:
            changes = [_flood_record(kind, number) for kind, number in counts.items()]
            if changes:
                await self._recorder.commit(changes)
        except BaseException:
            self._recorder.flood.put_back(counts)
            raise

    async def _record_settings(self) -> None:
        """Switching recording, streams or retention is a record itself."""
        document = self._terms().document
        text = msgspec.json.encode(document, order="sorted").decode()
        if text == self._settings:
            return
        query = One(AuditState, "settings")
        row = (await self._store.read(query)).one(query)
        if row is None or row.document != text:
            before = {} if row is None else msgspec.json.decode(row.document)
            stored = put(AuditState(name="settings", document=text), row)
            changed = record(
                now_env(),
                actor=SERVER,
                operation="audit.settings",
                target=AuditTarget(kind="settings", id="audit"),
                before=before,
                after=document,
            )
            await self._recorder.commit([stored, changed])
        self._settings = text


def _flood_record(kind: str, number: int) -> Create:
    return Create(
        draft(
            now_env(),
            operation=kind,
            actor=AuditActor(kind="stranger"),
            target=AuditTarget(),
            outcome="refused",
            count=number,
            about_actor={},
            about_target={},
        )
    )
