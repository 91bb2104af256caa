"""The rule that notes that grants were used, once a day for each, and counts their users."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from valetkey.server.model.change import Add, Change, Create, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import DAY, LastUse, grant_use_id, user_use_id
from valetkey.server.model.query import One, Results, Rule
from valetkey.server.model.statistic import ALL, APPS, USERS, Statistic, cell, of_app, rows_of

ACTIVE_APP: Final = "active app"
"""The purpose of single-use values that mark an app as active on a day."""


class Use(NamedTuple):
    """A grant of which a token was issued on a day since 1970."""

    grant: str
    day: int


class Noted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is written for uses."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def note_uses(uses: Sequence[Use]) -> Rule[Noted]:
    """Write the last use of these grants and of their users, and count those that are the first of
    their day: exactly once, even if several servers note the same use."""
    days = dict(sorted(uses))
    queries = [(One(Grant, name), One(LastUse, grant_use_id(name))) for name in days]
    results = yield tuple(query for pair in queries for query in pair)
    first: list[tuple[Grant, LastUse | None, int]] = []
    for of_grant, of_use in queries:
        grant, use = results.one(of_grant), results.one(of_use)
        if grant is not None and (use is None or use.day < days[grant.id]):
            first.append((grant, use, days[grant.id]))
    if not first:
        return Noted()
    users = dict.fromkeys(grant.user for grant, _, _ in first)
    of_users = {user: One(LastUse, user_use_id(user)) for user in users}
    apps = dict.fromkeys((day, grant.client) for grant, _, day in first)
    markers = {app: One(SingleUse, _marker(*app).key) for app in apps}
    results = yield (*of_users.values(), *markers.values())
    changes: list[Change] = []
    for grant, use, day in first:
        changes += _grant_used(grant, use, day)
    for user, query in of_users.items():
        last = max(day for grant, _, day in first if grant.user == user)
        changes += _user_active(user, results.one(query), last)
    changes += _apps_active(markers, results)
    return Noted(changes=tuple(changes))


def _grant_used(grant: Grant, use: LastUse | None, day: int) -> Iterator[Change]:
    row = LastUse(
        id=grant_use_id(grant.id), user=grant.user, grant=grant.id, client=grant.client, day=day
    )
    yield _written(row, use)
    numbers = {USERS: 1, cell(grant.user, day * DAY): 1}
    yield from _counted(day, of_app(grant.client), numbers)


def _user_active(user: str, use: LastUse | None, day: int) -> Iterator[Change]:
    if use is not None and use.day >= day:
        return
    yield _written(LastUse(id=user_use_id(user), user=user, day=day), use)
    yield from _counted(day, ALL, {USERS: 1})


def _apps_active(markers: dict[Any, One[SingleUse]], results: Results) -> Iterator[Change]:
    for (day, client), query in markers.items():
        if results.one(query) is None:
            yield Create(_marker(day, client))
            yield from _counted(day, ALL, {APPS: 1})


def _written(row: LastUse, before: LastUse | None) -> Change:
    if before is None:
        return Create(row)
    return Update(msgspec.structs.replace(row, version=before.version))


def _marker(day: int, client: str) -> SingleUse:
    return SingleUse(purpose=ACTIVE_APP, value=f"{day} {client}", expires=(day + 3) * DAY)


def _counted(day: int, subject: str, numbers: dict[str, int]) -> Iterable[Change]:
    rows: Iterable[Statistic] = rows_of("day", day * DAY, subjects=(subject,), numbers=numbers)
    return (Add(row) for row in rows)
