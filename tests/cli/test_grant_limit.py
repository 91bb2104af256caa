"""`valetkey grant limit`."""

import os
import time
from typing import Any

import pytest
from tests.cli.line import Line
from tests.rows import row

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.hours import Hours
from valetkey.server.model.limits import Bounds
from valetkey.server.store.port import Store

WRITE = "chirps.write"


@pytest.fixture
def one(line: Line) -> str:
    """A live grant."""
    line.furnish()
    env = Env(int(time.time()), os.urandom)
    grant = Grant(
        id=ids.owned_id(env, owner=line.users["miko"].id),
        user=line.users["miko"].id,
        client="stefapp",
        permissions=("openid", WRITE),
        created=env.now,
        changed=env.now,
    )

    async def write(store: Store) -> None:
        await store.commit([Create(grant)])

    line.store(write)
    return grant.id


def limited(line: Line) -> Grant:
    (grant,) = line.every(Grant)
    return grant


def test_limits_are_set_and_taken_away(line: Line, one: str) -> None:
    words = ("--often", "5/day", "--often", "1/hour", "--hours", "08:00-20:00")
    line.ok("grant", "limit", one, "--permission", WRITE, *words, "--reason", "too noisy")
    grant = limited(line)
    assert grant.limits.of(WRITE) == Bounds(
        often={"hour": 1, "day": 5}, hours=(Hours(opens="08:00", closes="20:00"),)
    )
    (event,) = line.every(Event)
    assert (event.kind, event.by, event.reason) == ("limited", "administrator", "too noisy")
    told = line.json("grant", "limit", one, "--permission", WRITE, "--free")
    assert told == {"id": one, "limits": {}}
    assert limited(line).version == grant.version + 1


def test_an_end_is_set(line: Line, one: str) -> None:
    line.ok("grant", "limit", one, "--days", "30")
    assert abs(limited(line).limits.until - time.time() - 30 * 86400) < 60
    line.ok("grant", "limit", one, "--days", "0")
    assert limited(line).limits.until == 0


AT_NIGHT = ("--permission", WRITE, "--hours", "22:00-06:00")
WRONG: list[Any] = [
    row("line", "nothing to do", (), 2),
    row("line", "a permission without limits", ("--permission", WRITE), 2),
    row("line", "limits without a permission", ("--often", "5/day"), 2),
    row("line", "limits and none", ("--permission", WRITE, "--often", "5/day", "--free"), 2),
    row("line", "no period", ("--permission", WRITE, "--often", "5"), 2),
    row("line", "an unknown period", ("--permission", WRITE, "--often", "5/week"), 2),
    row("line", "two lines of reason", ("--days", "1", "--reason", "a\nb"), 2),
    row("limit", "none", ("--permission", WRITE, "--often", "0/day"), 1),
    row("limit", "below none", ("--permission", WRITE, "--often", "-5/day"), 1),
    row("limit", "not a number", ("--permission", WRITE, "--often", "NaN/day"), 1),
    row("limit", "amounts of what has none", ("--permission", WRITE, "--much", "5/day"), 1),
    row(
        "limit",
        "an unknown zone",
        ("--permission", WRITE, "--hours", "08:00-09:00", "--zone", "x"),
        1,
    ),
    row("limit", "of nothing known", ("--permission", "cakes.eat", "--often", "5/day"), 1),
    row("limit", "of what it does not hold", ("--permission", "chirps.read", "--free"), 1),
    row("limit", "an end in the past", ("--days", "-1"), 1),
    row("limit", "an end too far", ("--days", "99999999"), 1),
]


@pytest.mark.parametrize("words,status", WRONG)
def test_what_makes_no_sense_changes_nothing(
    line: Line, one: str, words: tuple[str, ...], status: int
) -> None:
    before = limited(line)
    line.fails("grant", "limit", one, *words, status=status)
    assert limited(line) == before


@pytest.mark.usefixtures("one")
def test_a_grant_that_is_not_there(line: Line) -> None:
    told = line.fails("grant", "limit", "x", "--days", "1", status=1)
    assert "there is no such grant: x" in told
