"""Status lists: signed when somebody asks, from what the change log says.

Each process remembers which places do not say "valid", for as long as a token may live that is
older than the change: its memory grows with what changes, not with what there is.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Final

import msgspec

from valetkey.server.endpoints.transport import ANY_ORIGIN, DOCUMENT_PREFLIGHT
from valetkey.server.http.front import Endpoint as Served
from valetkey.server.http.front import refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, json_reply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.feature import Call, ListEndpoint, Listing
from valetkey.spec.errors import InvalidRequest, OAuthError
from valetkey.wire.change_log import MOST, RETENTION, Entry
from valetkey.wire.form import Form
from valetkey.wire.status_list import MEDIA, VALID

FRESH: Final = 0.25
"""Seconds for which what the log says is taken for its last word."""

REMADE: Final = 1.0
"""Seconds for which a signed list goes out again."""

REMEMBERED: Final = 256
"""Signed lists that are remembered, the last ones asked for."""


class _Made(msgspec.Struct, frozen=True):
    listing: Listing
    at: float
    text: str


def status_lists(endpoint: ListEndpoint, shell: Shell) -> Served:
    """The endpoint, and the lists below it, as a handler."""
    lists = Lists(endpoint, shell)
    cache: Headers = ((b"cache-control", f"public, max-age={endpoint.seconds}".encode()),)
    media: Headers = ((b"content-type", MEDIA.encode()),)

    async def handle(request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(204, DOCUMENT_PREFLIGHT)
        try:
            name = request.path.removeprefix(endpoint.path).removeprefix("/")
            if not name:
                return await aggregated(request)
            if "time" in request.parameters():
                # 8.4 of the draft: what a list said once is not kept.
                raise InvalidRequest("what a list said at a time is not kept", status=501)
            body = (await lists.signed(name)).encode()
            return Reply(200, (*media, *SAFE, *cache, *ANY_ORIGIN), body)
        except OAuthError as refused:
            return refuse_json(request, refused, headers=ANY_ORIGIN)

    async def aggregated(request: Request) -> Reply:
        call = Call(form=Form({}), authorization=request.header(b"authorization"))
        found = await shell.ask(lambda context: endpoint.aggregated(call, context))
        return json_reply({"status_lists": found}, headers=NO_STORE)

    return Served(frozenset({"GET", "HEAD", "OPTIONS"}), handle, below=True)


class Lists:
    """What the lists say."""

    def __init__(self, endpoint: ListEndpoint, shell: Shell) -> None:
        self._endpoint = endpoint
        self._shell = shell
        self._turn = asyncio.Lock()
        self._read_at = float("-inf")
        self._seen: int | None = None
        self._places: dict[str, dict[str, int]] = {}
        self._since: OrderedDict[str, float] = OrderedDict()
        self._made: OrderedDict[str, _Made] = OrderedDict()

    async def signed(self, name: str) -> str:
        """The list of that name, at most a second and a little old. Raises OAuthError,
        Unavailable."""
        now = time.monotonic()
        listing = await self._shell.ask(lambda context: self._endpoint.named(name, context))
        made = self._made.get(name)
        if made is None or made.listing != listing or now - made.at >= REMADE:
            await self._catch_up()
            context = await self._shell.context()
            text = self._endpoint.write(listing, self._places.get(listing.client, {}), context)
            made = self._made[name] = _Made(listing, now, text)
        self._made.move_to_end(name)
        while len(self._made) > REMEMBERED:
            self._made.popitem(last=False)
        return made.text

    async def _catch_up(self) -> None:
        """Reads the log to its end, where that is not just done."""
        async with self._turn:
            began = time.monotonic()
            if began - self._read_at < FRESH:
                return
            while await self._step():
                pass
            self._forget(time.time() - RETENTION)
            self._read_at = began

    async def _step(self) -> bool:
        """Reads some of the log; whether there is more."""
        after = self._seen or 0
        log = await self._shell.store.log(after, limit=MOST)
        if self._seen is None or log.link is None or after > log.head:
            # The beginning, or a log that was set back, or swept past this place.
            self._places, self._since = {}, OrderedDict()
            self._seen = after = log.first - 1
            log = await self._shell.store.log(after, limit=MOST)
        if not log.entries:
            return False
        await self._take(log.entries)
        self._seen = after + len(log.entries)
        return self._seen < log.head

    async def _take(self, entries: tuple[Entry, ...]) -> None:
        told = await self._shell.ask(lambda context: self._endpoint.standings(entries, context))
        at = float(max(entry.at for entry in entries))
        for place, status in told.items():
            client, _, listed = place.rpartition(" ")
            mine = self._places.setdefault(client, {})
            if status == VALID:
                mine.pop(listed, None)
                continue
            mine[listed] = status
            self._since[place] = at
            self._since.move_to_end(place)

    def _forget(self, before: float) -> None:
        """Lets go of what no token is old enough to have missed."""
        while self._since and next(iter(self._since.values())) < before:
            place, _ = self._since.popitem(last=False)
            client, _, listed = place.rpartition(" ")
            mine = self._places.get(client, {})
            mine.pop(listed, None)
            if not mine:
                self._places.pop(client, None)
