"""Status lists: signed on request, from the change log.

Each process remembers the positions that are not "valid", for as long as a token that is older than
the change may live. So its memory grows with what changes, not with what exists.
"""

import asyncio
import time
from collections import OrderedDict
from functools import partial
from typing import Final

import msgspec

from valetkey.server.http.reply import SAFE, Reply
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.feature import StatusList, StatusListWriter
from valetkey.server.store.keyring import run_signing
from valetkey.wire.change_log import MOST, RETENTION, Entry
from valetkey.wire.status_list import MEDIA, VALID

FRESH: Final = 0.25
"""Seconds for which a read of the log counts as current."""

RESIGN_SECONDS: Final = 1.0
"""Seconds for which a signed list is sent again."""

MAX_SIGNED: Final = 256
"""Signed lists in memory: the most recently requested ones."""


class _Signed(msgspec.Struct, frozen=True):
    status_list: StatusList
    at: float
    text: str


class StatusLists:
    """The signed status lists of this process."""

    def __init__(self, writer: StatusListWriter, shell: Shell) -> None:
        self._writer = writer
        self._headers = (
            (b"content-type", MEDIA.encode()),
            *SAFE,
            (b"cache-control", f"public, max-age={writer.max_age}".encode()),
        )
        self._shell = shell
        self._turn = asyncio.Lock()
        self._read_at = float("-inf")
        self._seen: int | None = None
        self._statuses: dict[str, dict[str, int]] = {}
        self._since: OrderedDict[str, float] = OrderedDict()
        self._signed: OrderedDict[str, _Signed] = OrderedDict()

    async def reply(self, status_list: StatusList) -> Reply:
        """The signed list, at most a little over a second old. Raises Unavailable."""
        name, now = status_list.name, time.monotonic()
        signed = self._signed.get(name)
        if signed is None or signed.status_list != status_list or now - signed.at >= RESIGN_SECONDS:
            await self._catch_up()
            context = await self._shell.context()
            statuses = self._statuses.get(status_list.client, {})
            write = partial(self._writer.write, status_list, statuses, context)
            text = await run_signing(context.installation.keyring, write)
            signed = self._signed[name] = _Signed(status_list, now, text)
        self._signed.move_to_end(name)
        while len(self._signed) > MAX_SIGNED:
            self._signed.popitem(last=False)
        return Reply(200, self._headers, signed.text.encode())

    async def _catch_up(self) -> None:
        """Reads the log to its end, unless it was read a moment ago."""
        async with self._turn:
            began = time.monotonic()
            if began - self._read_at < FRESH:
                return
            while await self._step():
                pass
            self._forget(time.time() - RETENTION)
            self._read_at = began

    async def _step(self) -> bool:
        """Reads some of the log. Returns whether there is more."""
        after = self._seen or 0
        log = await self._shell.store.log(after, limit=MOST)
        if self._seen is None or log.link is None or after > log.head:
            # The first read, or a log that was restored or swept past this position.
            self._statuses, self._since = {}, OrderedDict()
            self._seen = after = log.first - 1
            log = await self._shell.store.log(after, limit=MOST)
        if not log.entries:
            return False
        await self._apply(log.entries)
        self._seen = after + len(log.entries)
        return self._seen < log.head

    async def _apply(self, entries: tuple[Entry, ...]) -> None:
        changed = await self._shell.ask(lambda context: self._writer.statuses(entries, context))
        at = float(max(entry.at for entry in entries))
        for place, status in changed.items():
            client, _, position = place.rpartition(" ")
            mine = self._statuses.setdefault(client, {})
            if status == VALID:
                mine.pop(position, None)
                continue
            mine[position] = status
            self._since[place] = at
            self._since.move_to_end(place)

    def _forget(self, before: float) -> None:
        """Drops statuses that are older than any token that may still be valid."""
        while self._since and next(iter(self._since.values())) < before:
            place, _ = self._since.popitem(last=False)
            client, _, position = place.rpartition(" ")
            mine = self._statuses.get(client, {})
            mine.pop(position, None)
            if not mine:
                self._statuses.pop(client, None)
