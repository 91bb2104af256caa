"""Status lists in an API: fetched when a token names one, and cached for as long as each says."""

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
"""Seconds for which a list is cached, at most."""

REMEMBERED: Final = 32
"""Lists that are cached: the last used ones."""

PAUSE: Final = 1.0
"""Seconds until the next try after a failure."""


class _CachedList(msgspec.Struct):
    """A list, None before the first success, and when to fetch it again (monotonic clock)."""

    status_list: StatusList | None
    again: float


class StatusLists:
    """The lists of one authorization server."""

    def __init__(self, issuer: Issuer, http: Http) -> None:
        self._issuer = issuer
        self._http = http
        self._cached: OrderedDict[str, _CachedList] = OrderedDict()
        self._turns = PerLoop[defaultdict[str, asyncio.Lock]](lambda: defaultdict(asyncio.Lock))

    async def status(self, reference: Reference, token: str) -> int:
        """The status of a verified token in its list. Raises Unreachable if it cannot be known."""
        if not reference.uri.startswith(f"{self._issuer.issuer}/"):
            # The token is signed, but the API sends no request to other hosts.
            raise Unreachable("the status list is not the issuer's")
        current = await self._current(reference.uri, token)
        try:
            return current.at(reference.idx)
        except BadList as error:
            raise Unreachable(f"the status list: {error}") from error

    async def _current(self, uri: str, token: str) -> StatusList:
        cached = self._cached.get(uri)
        if cached is None or time.monotonic() >= cached.again:
            # One request, however many calls wait.
            async with self._turns.get()[uri]:
                cached = self._cached.get(uri)
                if cached is None or time.monotonic() >= cached.again:
                    cached = await self._fetch(uri, token, before=cached)
        if cached.status_list is None or time.time() >= cached.status_list.until:
            raise Unreachable("the status list is not to be had")
        return cached.status_list

    async def _fetch(self, uri: str, token: str, *, before: _CachedList | None) -> _CachedList:
        """The present list, or the one `before` if it cannot be fetched."""
        try:
            text = (await self._http.get(uri)).decode()
            # The keys that sign tokens sign lists.
            keys = await self._issuer.keys(token)
            found = read(text, keys=keys, issuer=self._issuer.issuer, uri=uri, now=int(time.time()))
            cached = _CachedList(found, time.monotonic() + min(found.ttl, LONGEST))
        except (Unreachable, ValueError):
            cached = _CachedList(
                None if before is None else before.status_list, time.monotonic() + PAUSE
            )
        self._cached[uri] = cached
        self._cached.move_to_end(uri)
        while len(self._cached) > REMEMBERED:
            oldest, _ = self._cached.popitem(last=False)
            self._turns.get().pop(oldest, None)
        return cached
