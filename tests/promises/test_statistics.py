"""What is counted with its change is exact after `kill -9`: statistics agree with the events,
receipts and last uses that the same commits wrote."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import database, names, with_store
from tests.promises.game import UNHURRIED, Players, game
from tests.promises.process import nodes

from valetkey.server.model.event import Event
from valetkey.server.model.last_use import LastUse
from valetkey.server.model.query import Many
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.statistic import (
    ALL,
    ALLOWED,
    CONFIRMED,
    EVENTS,
    PARTLY,
    UNCOUNTED,
    USERS,
    Statistic,
    of_app,
)
from valetkey.server.store.port import Store

KILLS: Final[dict[Budget, int]] = {"short": 2, "long": 60}
ACTORS: Final = 3


class Books:
    """What is stored: events by kind, receipts, users by app and day; and what was counted."""

    def __init__(self, address: str) -> None:
        self.events: Counter[str] = Counter()
        self.users: Counter[tuple[str, int]] = Counter()
        self.receipts = 0
        self.days: list[Statistic] = []
        with_store(address, self._read)

    async def _read(self, store: Store) -> None:
        events, uses, receipts, rows = Many(Event), Many(LastUse), Many(Receipt), Many(Statistic)
        stored = await store.read(events, uses, receipts, rows)
        for one in stored.many(events):
            self.events[one.kind] += one.count
        for use in stored.many(uses):
            if use.client and use.day:  # else no app has used the grant yet
                self.users[use.client, use.day] += 1
        self.receipts = len(stored.many(receipts))
        self.days = [one for one in stored.many(rows) if one.start.startswith("d")]

    def counted(self, name: str, subject: str = ALL) -> int:
        """The sum of a number over all days."""
        return sum(one.numbers.get(name, 0) for one in self.days if one.subject == subject)


@pytest.mark.slow
def test_statistics_agree_with_what_was_committed(
    kind: str, budget: Budget, tmp_path: Path, figure: Figure
) -> None:
    kills = KILLS[budget]
    with database(kind, tmp_path, names(ACTORS)) as address:
        both = nodes(tmp_path, address, 2, workers="2", **UNHURRIED)
        with game(both, tmp_path, Players(ACTORS, seed=7)) as now:
            for number in range(kills):
                one = both[number % 2]
                now.play(one.kill, most=24)
                one.buried()
                one.start()
                one.ready()
                now.check()
        books = Books(address)
    for what, count in books.events.items():
        if what not in UNCOUNTED:
            assert books.counted(f"{EVENTS}{what}") == count, what
    answers = sum(books.counted(name) for name in (ALLOWED, PARTLY, CONFIRMED))
    assert answers >= books.receipts >= books.counted(ALLOWED) + books.counted(PARTLY)
    for (client, day), users in books.users.items():
        rows = [one for one in books.days if one.start == f"d{day}"]
        (row,) = [one for one in rows if one.subject == of_app(client)]
        # Whoever came back the day after is no longer among the last uses of the day before.
        is_last = day == max(each for _, each in books.users)
        assert row.numbers[USERS] == users if is_last else row.numbers[USERS] >= users, client
    figure("kills", kills)
    figure("events", sum(books.events.values()))
    assert books.events["granted"] > 0
    assert books.receipts > 0
