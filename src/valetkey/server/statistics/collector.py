"""What a server counts in memory, and adds to the database every few seconds.

These are the numbers of requests that write nothing, or that must not wait: tokens, refusals, pages
that were displayed, the delay of followers. A crash loses those of the last seconds. What is
committed with a change is counted there (`model.statistic.counted_in`).
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from valetkey.server.model.change import Add
from valetkey.server.model.statistic import (
    ALL,
    CONFIRMED,
    CONSENT_PAGES,
    DELAY,
    HOUR,
    REFUSED,
    TOKENS,
    Statistic,
    cell,
    of_api,
    of_app,
    rows,
)
from valetkey.server.statistics.uses import Use, note_uses
from valetkey.server.store.port import Store
from valetkey.server.store.settle import settle

T = TypeVar("T")

REMEMBERED: Final = 100_000
"""The grants and pages that a server remembers, so as to note each once."""

MOST_SUBJECTS: Final = 5_000
"""The largest number of rows between two writes. What comes above counts for all together."""

MOST_ISSUED: Final = 1_000_000
"""Tokens between two counts."""

STEP: Final = 50
"""Rows, or uses, of one commit."""

BOUNDS: Final = (1000, 2000, 5000, 10_000, 30_000)
"""Upper bounds of the delay of followers, in milliseconds. An entry has its time in whole seconds,
so a delay may be a second shorter than it seems, and never longer."""

ABOVE: Final = "more"
"""The name of a delay above all bounds."""


class Collector:
    """The numbers of this process that are not in the database yet."""

    def __init__(self) -> None:
        self.issued: deque[tuple[str, str, str]] = deque(maxlen=MOST_ISSUED)
        """The grant type, client and grant ("" for none) of tokens that are not counted yet."""
        self._sums: dict[tuple[str, int], dict[str, int]] = {}
        self._uses: dict[str, int] = {}
        self._noted: OrderedDict[str, int] = OrderedDict()
        self._pages: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def count(self, name: str, subjects: Iterable[str] = ()) -> None:
        """Add 1 to a number of all together, and of these subjects."""
        self._count(name, (ALL, *subjects), int(time.time()) // HOUR)

    def _count(self, name: str, subjects: Iterable[str], hour: int) -> None:
        for subject in subjects:
            sums = self._sums.get((subject, hour))
            if sums is None:
                if subject and len(self._sums) >= MOST_SUBJECTS:
                    continue
                sums = self._sums[subject, hour] = {}
            sums[name] = sums.get(name, 0) + 1

    def count_issued(self) -> None:
        """Count the tokens in `issued`, and note that their grants were used."""
        hour = int(time.time()) // HOUR
        while self.issued:
            grant_type, client, grant = self.issued.popleft()
            self._count(TOKENS + grant_type, (ALL, of_app(client)), hour)
            if grant and self._noted.get(grant) != hour // 24:
                self._uses[grant] = hour // 24
                _remember(self._noted, grant, hour // 24)

    def refusal(self, error: str, api: str = "") -> None:
        """Count a refused request; with an API, one that this API asked about or that was refused
        there."""
        self.count(REFUSED + error, (of_api(api),) if api else ())

    def consent_page(self, request: str, client: str, user: str) -> None:
        """Count a consent page, once for each request."""
        if request not in self._pages:
            _remember(self._pages, request, (client, user))
            self._page(CONSENT_PAGES, client, user)

    def confirmed(self, request: str) -> None:
        """Count the answer to a consent page that changed nothing."""
        if request in self._pages:
            self._page(CONFIRMED, *self._pages[request])
        else:
            self.count(CONFIRMED)

    def _page(self, name: str, client: str, user: str) -> None:
        now = int(time.time())
        self._count(name, (ALL, of_app(client)), now // HOUR)
        self._count(cell(user, now), (of_app(client),), now // HOUR)

    def delay(self, milliseconds: int, api: str) -> None:
        """Count an entry of the change log that reached an API so long after its commit."""
        bound = next((str(one) for one in BOUNDS if milliseconds <= one), ABOVE)
        self.count(DELAY + bound, (of_api(api),))

    async def flush(self, store: Store) -> None:
        """Write what was counted. What a failure leaves unwritten stays for the next time. Raises
        Unavailable, TemporarilyUnavailable."""
        self.count_issued()
        while self._sums:
            some = list(self._sums)[:STEP]
            written = {key: self._sums.pop(key) for key in some}
            try:
                await store.commit([Add(row) for row in _rows(written)])
            except BaseException:
                self._put_back(written)
                raise
        while self._uses:
            uses = [Use(grant, day) for grant, day in list(self._uses.items())[:STEP]]
            for one in uses:
                del self._uses[one.grant]
            try:
                await settle(store, partial(note_uses, uses))
            except BaseException:
                self._uses = {one.grant: one.day for one in uses} | self._uses
                raise

    def _put_back(self, written: dict[tuple[str, int], dict[str, int]]) -> None:
        for key, numbers in written.items():
            sums = self._sums.setdefault(key, {})
            for name, number in numbers.items():
                sums[name] = sums.get(name, 0) + number


def _rows(sums: dict[tuple[str, int], dict[str, int]]) -> Sequence[Statistic]:
    return [
        row
        for (subject, hour), numbers in sums.items()
        for row in rows(hour * HOUR, (subject,), numbers)
    ]


def _remember(names: OrderedDict[str, T], name: str, value: T) -> None:
    names[name] = value
    if len(names) > REMEMBERED:
        names.popitem(last=False)
