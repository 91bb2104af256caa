"""Batches the reads of concurrent requests into one statement, as commits are batched.

Only reads by key are batched; they are nearly all reads of a busy node. Each read still sees one
moment: that of the statement.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from valetkey.server.model.query import One, Query, Results
from valetkey.server.model.record import Record
from valetkey.server.store.batching import SILENT, let_batch_fill
from valetkey.server.store.port import Deadlines, Unavailable, is_name
from valetkey.server.store.postgres.connections import as_unavailable
from valetkey.server.store.postgres.rows import Rows, cached_record_of, record_of, selected, type_of
from valetkey.server.store.postgres.statements import Statement, place_and_key
from valetkey.server.store.row_cache import RowCache

# Reads rows by their keys in one statement. Nearly all reads of a busy node are of this kind.

Shape: TypeAlias = tuple[type[Record], tuple[tuple[str, type[Record]], ...]]
"""A kind of record, and the other records that its fields name."""

BESIDE: Final = 1 << 20
"""A number larger than the number of queries in a read."""


def points(wants: Sequence[One[Any]], ahead: Collection[int] = ()) -> Statement:
    """Build a statement that reads any number of rows by their keys. `ahead` are the numbers of the
    queries that read ahead (see `Record.read_ahead`).

    Its text depends only on the kinds of record, so the database prepares it once. The column `n`
    of each row is the number of the query that it answers. For the records that one reads
    ahead, BESIDE is added to `n` for the first one, twice BESIDE for the second."""
    by_shape: dict[Shape, list[tuple[int, int, Any]]] = {}
    for number, want in enumerate(wants):
        place, key = place_and_key(want.record, want.key)
        if key is not None and (not isinstance(key, str) or is_name(key)):
            others = want.record.read_ahead if number in ahead else ()
            by_shape.setdefault((want.record, others), []).append((number, place, key))
    shapes = tuple(sorted(by_shape, key=_order))
    parameters = [list(column) for one in shapes for column in zip(*by_shape[one], strict=True)]
    return Statement(_points(shapes), tuple(parameters))


def _order(shape: Shape) -> tuple[str, bool]:
    return shape[0].table, bool(shape[1])


@cache
def _points(shapes: tuple[Shape, ...]) -> str:
    once, parts = list[str](), list[str]()
    for first, (kind, others) in zip(range(1, 3 * len(shapes) + 1, 3), shapes, strict=True):
        types = f"${first}::int[], ${first + 1}::bigint[], ${first + 2}::{type_of(kind, 'key')}[]"
        source = (
            f"unnest({types}) AS r(n, at, named) "
            f"JOIN {kind.table} t ON t.place = r.at AND t.key = r.named"
        )
        if others:
            once.append(f"w{first} AS (SELECT r.n, t.* FROM {source})")  # noqa: S608
            source = f"w{first} t"
        parts.append(f"SELECT n, {selected(kind)} FROM {source}")  # noqa: S608
        parts += (
            f"SELECT w.n + {number * BESIDE}, {selected(other)} FROM w{first} w "  # noqa: S608
            f'JOIN {other.table} t ON t.place = w.place AND t.key = w."{field}"'
            for number, (field, other) in enumerate(others, 1)
        )
    common = f"WITH {', '.join(once)} " if once else ""
    return common + (" UNION ALL ".join(parts) or "SELECT 1 AS n WHERE false")


BATCH: Final = 64
"""The largest number of reads in one statement."""

ABREAST: Final = 4
"""The largest number of statements under way. A second statement starts only if there are enough
reads to fill it, or if the first one is SLOW. Otherwise reads wait for the next statement, because
many reads cost hardly more than one."""

SLOW: Final = 0.03
"""Seconds after which reads no longer wait for a statement that is under way."""

Wants: TypeAlias = Sequence[One[Any]]
Records: TypeAlias = tuple[Record, ...]


class PendingRead:
    """The queries of one request, and the future that waits for their answers."""

    __slots__ = ("future", "wants")

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.future: asyncio.Future[Results] = asyncio.get_running_loop().create_future()


class Reader:
    """Collects queries and reads them together. `fetch` runs a statement; it raises Unavailable,
    and passes through any error that the statement itself may have caused."""

    def __init__(self, fetch: Callable[[Statement], Awaitable[Sequence[Any]]]) -> None:
        self._fetch = fetch
        self._gathered: deque[PendingRead] = deque()
        self._waiting = Deadlines(SILENT)
        self._under_way: set[asyncio.Task[None]] = set()
        self._begun = 0.0
        self._rows: Rows = RowCache()

    async def read(self, wants: Wants) -> Results:
        """Answer the queries from one moment. Raises Unavailable, Damaged."""
        pending = PendingRead(wants)
        self._gathered.append(pending)
        self._begin()
        return await self._waiting.outcome(pending.future)

    def _begin(self) -> None:
        now = asyncio.get_running_loop().time()
        full = len(self._gathered) >= BATCH
        if not self._under_way or (
            len(self._under_way) < ABREAST and (full or now - self._begun > SLOW)
        ):
            self._begun = now
            task = asyncio.create_task(self._run())
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._gathered:
            self._begin()

    async def _run(self) -> None:
        await let_batch_fill()
        some = [self._gathered.popleft() for _ in range(min(BATCH, len(self._gathered)))]
        batch = [one for one in some if not one.future.done()]
        await self._answer(batch)

    async def _answer(self, batch: Sequence[PendingRead]) -> None:
        """Answer the batch together. If one read causes an error, split the batch in halves until
        that read is alone, and fail it alone; unless the database is the cause, which fails all."""
        try:
            await self._read_batch(batch)
        except Exception as error:
            # A plain Unavailable means that the database is the cause.
            if len(batch) > 1 and type(error) is not Unavailable:
                await self._answer(batch[: len(batch) // 2])
                await self._answer(batch[len(batch) // 2 :])
                return
            for pending in batch:
                if not pending.future.done():
                    pending.future.set_exception(as_unavailable(error))

    async def _read_batch(self, batch: Sequence[PendingRead]) -> None:
        wants: list[One[Any]] = []
        ahead: set[int] = set()
        for pending in batch:
            if len(pending.wants) == 1 and pending.wants[0].record.read_ahead:
                ahead.add(len(wants))
            wants += pending.wants
        rows = await self._fetch(points(wants, ahead)) if wants else ()
        records, more = self._sort_rows(wants, rows, ahead)
        first = 0
        for pending in batch:
            last = first + len(pending.wants)
            if not pending.future.done():
                answers: dict[Query, Records] = dict(
                    zip(pending.wants, records[first:last], strict=True)
                )
                pending.future.set_result(Results(answers, more=more))
            first = last

    def _sort_rows(
        self, wants: Wants, rows: Sequence[Any], ahead: Collection[int]
    ) -> tuple[list[Records], dict[Query, Records]]:
        """Return the answer to each query, and the records that those of `ahead` read ahead.

        Such rows are not cached: a refresh token needs them once in its life."""
        answers: list[Records] = [()] * len(wants)
        more: dict[Query, Records] = {}
        for row in rows:
            beside, number = divmod(row[0], BESIDE)
            want = wants[number]
            if number not in ahead:
                answers[number] = (cached_record_of(want.record, row, self._rows),)
            elif beside:
                _, kind = want.record.read_ahead[beside - 1]
                record = record_of(kind, row)
                more[One(kind, record.key)] = (record,)
            else:
                answers[number] = (record_of(want.record, row),)
        return answers, more
