"""Counters in PostgreSQL. Counts of many requests are added up: one row for each counter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from valetkey.server.model.change import Change, Count
from valetkey.server.model.counters import Throttle
from valetkey.server.model.statistic import Statistic, added

_TRIED: Final = "(t.body::jsonb->>'tried')::bigint"
_MORE: Final = "(excluded.body::jsonb->>'tried')::bigint"
_RUNS: Final = "t.forget_at > (excluded.body::jsonb->>'since')::bigint"


def _body(of: str, tried: str) -> str:
    """The body of the row, with `tried` replaced."""
    more = f"jsonb_build_object('version', t.version + 1, 'tried', {tried})"
    return f"({of}.body::jsonb || {more})::text"


def count(rows: str) -> str:
    """SQL that adds the rows to the counters and returns the counters."""
    names = '"place", "key", "version", "forget_at", "body"'
    return (
        f"INSERT INTO throttles AS t ({names}) SELECT {names} FROM {rows} "  # noqa: S608
        'ON CONFLICT ("place", "key") DO UPDATE SET "version" = t.version + 1, '
        f'"forget_at" = CASE WHEN {_RUNS} THEN t.forget_at ELSE excluded.forget_at END, '
        f'"body" = CASE WHEN {_RUNS} THEN {_body("t", f"{_TRIED} + {_MORE}")} '
        f"ELSE {_body('excluded', _MORE)} END RETURNING t.place, t.key, t.body"
    )


def uncount(rows: str) -> str:
    """SQL that subtracts the rows from the counters whose window is still open."""
    tried = f"greatest(0, {_TRIED} - (r.body::jsonb->>'tried')::bigint)"
    return (
        f'UPDATE throttles t SET "version" = t.version + 1, "body" = {_body("t", tried)} '  # noqa: S608
        f"FROM {rows} r WHERE t.place = r.place AND t.key = r.key "
        "AND t.forget_at > (r.body::jsonb->>'since')::bigint RETURNING t.place, t.key"
    )


_SUMS: Final = (
    "(SELECT jsonb_object_agg(s.name, s.sum) FROM (SELECT b.name, sum(b.value::bigint) AS sum FROM "
    "(SELECT * FROM jsonb_each_text(t.body::jsonb->'numbers') AS x(name, value) UNION ALL "
    "SELECT * FROM jsonb_each_text(excluded.body::jsonb->'numbers') AS y(name, value)) b "
    "GROUP BY b.name) s)"
)


def add(rows: str) -> str:
    """SQL that adds the numbers of the rows to those of the stored ones."""
    names = '"place", "key", "version", "forget_at", "start", "body"'
    body = f"jsonb_build_object('version', t.version + 1, 'numbers', {_SUMS})"
    return (
        f"INSERT INTO statistics AS t ({names}) SELECT {names} FROM {rows} "  # noqa: S608
        f'ON CONFLICT ("place", "key") DO UPDATE SET "version" = t.version + 1, '
        f'"body" = (t.body::jsonb || {body})::text RETURNING t.place, t.key'
    )


def sum_by_row(members: Sequence[tuple[int, Statistic]]) -> Iterator[tuple[int, Statistic]]:
    """Add up the numbers of each row, sorted, so that all nodes lock rows in the same order."""
    sums: dict[str, tuple[int, Statistic]] = {}
    for number, one in members:
        first, before = sums.get(one.key, (number, None))
        numbers = one.numbers if before is None else added(before.numbers, one.numbers)
        sums[one.key] = first, msgspec.structs.replace(one, numbers=numbers)
    yield from (sums[key] for key in sorted(sums))


def sum_by_bucket(members: Sequence[tuple[int, Throttle]]) -> Iterator[tuple[int, Throttle]]:
    """Add up the counts of each counter, sorted, so that all nodes lock rows in the same order. The
    window starts with the latest count."""
    sums: dict[str, tuple[int, Throttle]] = {}
    for number, one in members:
        first, before = sums.get(one.bucket, (number, msgspec.structs.replace(one, tried=0)))
        last = max(before, one, key=lambda each: each.since)
        sums[one.bucket] = first, msgspec.structs.replace(last, tried=before.tried + one.tried)
    yield from (sums[bucket] for bucket in sorted(sums))


_counter: Final = msgspec.json.Decoder(Throttle)


def counters_after_each(changes: Sequence[Change], bodies: Mapping[str, str]) -> Iterator[Throttle]:
    """The state of the counter after each count. `bodies` holds the counters after the whole
    statement; the counts are then applied again in the order of the changes, to give each its own
    number."""
    counts = [change.record for change in changes if isinstance(change, Count)]
    after = {bucket: _counter.decode(body) for bucket, body in bodies.items()}
    tried = {bucket: counter.tried for bucket, counter in after.items()}
    for one in counts:
        tried[one.bucket] -= one.tried
    for one in counts:
        tried[one.bucket] += one.tried
        yield msgspec.structs.replace(after[one.bucket], tried=tried[one.bucket])


def bodies_by_bucket(rows: Sequence[Any]) -> dict[str, str]:
    """The bodies by bucket, from the rows that the statement returned."""
    return {row["key"]: row["body"] for row in rows}
