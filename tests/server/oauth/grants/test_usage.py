"""Usage reports: the day on which a permission was made use of, told by the API that it opens."""

from typing import Any

import msgspec
import pytest
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.world import World

from valetkey.server.model.event import Event
from valetkey.server.model.grant import TokenFamily
from valetkey.server.oauth.grants.connections import report
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire.lease import DAY, MOST_PERMISSIONS, MOST_USAGES


def told(world: World, *uses: tuple[str, tuple[str, ...]], by: str = "chirp") -> None:
    text = msgspec.json.encode([{"family": one, "permissions": many} for one, many in uses])
    world.post(report, call(by, usage=text.decode()))


def connected() -> tuple[World, TokenFamily]:
    world = World()
    world.connect(scope="openid chirps")
    return world, world.family()


def test_the_day_is_noted_once() -> None:
    world, family = connected()
    today = world.now // DAY
    told(world, (family.id, ("chirps.read",)))
    assert world.family().opened == {"chirps.read": today}
    before, events = world.digest(), len(world.all(Event))
    told(world, (family.id, ("chirps.read",)), (family.id, ("chirps.read",)))
    assert (world.digest(), len(world.all(Event))) == (before, events)
    told(world, (family.id, ("chirps.read", "chirps.write")))
    assert world.family().opened == {"chirps.read": today, "chirps.write": today}
    world.later(DAY)
    told(world, (family.id, ("chirps.write",)))
    assert world.family().opened == {"chirps.read": today, "chirps.write": today + 1}


def test_a_report_changes_nothing_of_the_grant() -> None:
    """Its version is what APIs follow."""
    world, family = connected()
    before = world.grant()
    told(world, (family.id, ("chirps.read",)))
    assert world.grant() == before


PASSED_OVER = [
    row("A77", "no such family", "0" * 26, ("chirps.read",), "chirp"),
    row("A77", "what is no name", "x", ("chirps.read",), "chirp"),
    row("A77", "what the family may not do", "", ("dms.send",), "chirp"),
    row("A77", "what nobody knows", "", ("fly",), "chirp"),
    row("A77", "another API's", "", ("chirps.read",), "photos"),
    row("A77", "the server's own", "", ("openid",), "chirp"),
]


@pytest.mark.parametrize("family,permissions,by", PASSED_OVER)
def test_what_is_none_of_the_apis_is_passed_over(
    family: str, permissions: tuple[str, ...], by: str
) -> None:
    """The answer is the same: an API learns nothing of what there is."""
    world, mine = connected()
    before = world.digest()
    told(world, (family or mine.id, permissions), by=by)
    assert world.digest() == before


@pytest.mark.parametrize("by", ["kite", "machine", "stefapp"])
def test_an_app_reports_nothing(by: str) -> None:
    world, family = connected()
    before = world.digest()
    with pytest.raises(InvalidClient):
        told(world, (family.id, ("chirps.read",)), by=by)
    assert world.digest() == before


def _entry(**changed: Any) -> dict[str, Any]:
    return {"family": "0" * 26, "permissions": ["chirps.read"]} | changed


BAD = [
    row("bad", "nothing", ""),
    row("bad", "no JSON", "{"),
    row("bad", "no list", "{}"),
    row("bad", "an empty list", "[]"),
    row("bad", "a list of text", '["x"]'),
    row("bad", "nesting", "[" * 500),
    row("bad", "no family", '[{"permissions": ["chirps.read"]}]'),
    row("bad", "an empty name", msgspec.json.encode([_entry(family="")]).decode()),
    row("bad", "a long name", msgspec.json.encode([_entry(family="0" * 65)]).decode()),
    row("bad", "no permission", msgspec.json.encode([_entry(permissions=[])]).decode()),
    row("bad", "a number", msgspec.json.encode([_entry(permissions=[1])]).decode()),
    row("bad", "a day of its own", msgspec.json.encode([_entry(day=1)]).decode()),
    row(
        "A87",
        "too many permissions",
        msgspec.json.encode([_entry(permissions=["a"] * (MOST_PERMISSIONS + 1))]).decode(),
    ),
    row("A87", "too many families", msgspec.json.encode([_entry()] * (MOST_USAGES + 1)).decode()),
]


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    world, _ = connected()
    before = world.digest()
    with pytest.raises(InvalidRequest):
        world.post(report, call("chirp", usage=text))
    assert world.digest() == before
