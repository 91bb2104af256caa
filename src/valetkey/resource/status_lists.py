"""Status lists, as an API keeps them: fetched when a token names one, for as long as each says."""

import asyncio
import time
from collections import OrderedDict, defaultdict
from typing import Final

import msgspec

from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Http, PerLoop
from valetkey.resource.issuer import Issuer
from valetkey.wire.status_list import BadList, Reference, StatusList, read

LONGEST: Final = 60.0
"""Seconds for which a list is kept at the most, whatever it says."""

REMEMBERED: Final = 32
"""Lists that are kept, the last used ones."""

PAUSE: Final = 1.0
"""Seconds after one that was fetched in vain."""


class _Kept(msgspec.Struct):
    """A list, and when to fetch it again, by this process's clock."""

    found: StatusList | None
    again: float


class StatusLists:
    """The lists of one authorization server."""

    def __init__(self, issuer: Issuer, http: Http) -> None:
        self._issuer = issuer
        self._http = http
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._turns = PerLoop[defaultdict[str, asyncio.Lock]](lambda: defaultdict(asyncio.Lock))

    async def status(self, reference: Reference, token: str) -> int:
        """What the list says that a proved token names. Raises Unreachable where that cannot be
        known."""
        if not reference.uri.startswith(f"{self._issuer.issuer}/"):
            # It is signed, but it would not do to knock elsewhere.
            raise Unreachable("the status list is not the issuer's")
        found = await self._current(reference.uri, token)
        try:
            return found.at(reference.idx)
        except BadList as error:
            raise Unreachable(f"the status list: {error}") from error

    async def _current(self, uri: str, token: str) -> StatusList:
        kept = self._kept.get(uri)
        if kept is None or time.monotonic() >= kept.again:
            # One fetch, however many ask at the same time.
            async with self._turns.get()[uri]:
                kept = self._kept.get(uri)
                if kept is None or time.monotonic() >= kept.again:
                    kept = await self._fetched(uri, token, before=kept)
        if kept.found is None or time.time() >= kept.found.until:
            raise Unreachable("the status list is not to be had")
        return kept.found

    async def _fetched(self, uri: str, token: str, *, before: _Kept | None) -> _Kept:
        """The list as it is now; the one before, where nothing better is to be had."""
        try:
            text = (await self._http.get(uri)).decode()
            # The keys that sign tokens sign lists.
            keys = await self._issuer.keys(token)
            found = read(text, keys=keys, issuer=self._issuer.issuer, uri=uri, now=int(time.time()))
            kept = _Kept(found, time.monotonic() + min(found.ttl, LONGEST))
        except (Unreachable, ValueError):
            kept = _Kept(None if before is None else before.found, time.monotonic() + PAUSE)
        self._kept[uri] = kept
        self._kept.move_to_end(uri)
        while len(self._kept) > REMEMBERED:
            gone, _ = self._kept.popitem(last=False)
            self._turns.get().pop(gone, None)
        return kept
