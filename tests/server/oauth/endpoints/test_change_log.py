"""What an API is told by the change log: of the grants that ever opened anything of its own, and of
no others. A blank entry is in the place of those, so that the numbers have no gap."""

from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP_CATALOG
from tests.server.oauth.world import World, done

from valetkey.resource.log_state import LogState
from valetkey.server.model.grant import Grant
from valetkey.server.oauth.core.feature import Follower, LogRead
from valetkey.server.oauth.endpoints.change_log import write
from valetkey.server.oauth.grants.changes import change_status, disconnect, narrow, widen
from valetkey.wire.change_log import Entry, Place, blank

CHIRP, PHOTOS = "https://chirp.example", "https://photos.example"


def heard(world: World, resource: str, after: int = 0) -> tuple[Entry, ...]:
    log = done(world.store.log(after, limit=200))
    read = LogRead(at=world.now * 1000, node="one", after=after)
    return write(Follower(resource=resource), log, read, context=world.context).entries


def subjects(world: World, resource: str) -> list[str]:
    """Of what the API is told, in order; "" for what is none of its business."""
    return [one.subject for one in heard(world, resource)]


def by(world: World) -> dict[str, Any]:
    return {"user": world.miko.id, "by": "user", "context": world.context}


def test_an_api_hears_nothing_of_a_grant_that_never_opened_anything_there() -> None:
    world = World()
    world.connect(scope="openid chirps.read")
    grant, family = world.grant(), world.family()
    world.settle(lambda: change_status(grant.id, "pause", **by(world)))
    world.settle(lambda: disconnect(family.id, **by(world)))
    world.settle(lambda: change_status(grant.id, "stop", **by(world)))
    mine = [one for one in subjects(world, CHIRP) if one]
    assert mine == [grant.id, grant.id, family.id, grant.id]
    for entry in heard(world, PHOTOS):
        assert entry == blank(entry)
        text = msgspec.json.encode(entry).decode()
        assert grant.id not in text
        assert family.id not in text
        assert "chirps" not in text


def test_the_numbers_have_no_gap_and_the_marks_are_there() -> None:
    """So a follower that hears nothing still knows that it missed nothing."""
    world = World()
    world.connect(scope="openid chirps.read")
    world.settle(lambda: change_status(world.grant().id, "pause", **by(world)))
    log = done(world.store.log(0, limit=200))
    read = LogRead(at=world.now * 1000, node="one", after=0)
    piece = write(Follower(resource=PHOTOS), log, read, context=world.context)
    assert [one.seq for one in piece.entries] == [*range(1, piece.to + 1)]
    assert [one.mark for one in piece.entries] == [one.mark for one in log.entries]
    known = LogState(Place(0, ""), CHIRP_CATALOG)
    known.read(msgspec.structs.replace(piece, aud=PHOTOS))
    assert known.place == Place(piece.to, log.entries[-1].mark)
    assert len(known) == 0


def test_an_api_that_lost_its_part_is_told_of_all_that_follows() -> None:
    """It may have tokens from before: they are worth what the grant is worth."""
    world = World()
    world.connect(scope="openid chirps.read photos.read")
    name = world.grant().id
    world.settle(lambda: narrow(name, ("openid", "chirps.read"), **by(world)))
    world.settle(lambda: change_status(name, "pause", **by(world)))
    told = [(one.status, one.permissions) for one in heard(world, PHOTOS) if one.subject == name]
    assert told == [("active", ("photos.read",)), ("active", ()), ("paused", ())]
    world.settle(lambda: change_status(name, "resume", **by(world)))
    world.settle(lambda: widen(name, ("photos.read",), **by(world)))
    assert heard(world, PHOTOS)[-1].permissions == ("photos.read",)
    world.settle(lambda: change_status(name, "stop", **by(world)))
    assert heard(world, PHOTOS)[-1].status == "stopped"


def test_a_family_is_told_of_by_what_was_asked() -> None:
    """Whatever of it the user has left: a later sign-in may have had less."""
    world = World()
    world.connect("web", scope="openid chirps.read photos.read")
    name = world.grant("web").id
    world.settle(lambda: narrow(name, ("openid", "chirps.read"), **by(world)))
    world.connect("web", scope="openid chirps.read photos.read", ticked=())
    family = world.family("web")
    world.settle(lambda: disconnect(family.id, **by(world)))
    assert family.id in subjects(world, PHOTOS)


@pytest.mark.parametrize("resource", [CHIRP, PHOTOS])
def test_what_is_not_known_is_told_to_all(resource: str) -> None:
    """A permission that no catalog has any more, and entries from before this was known."""
    world = World()
    world.connect(scope="openid chirps.read")
    world.change(Grant, world.grant().id, lost_permissions=("gone.since",))
    assert subjects(world, resource)[-1] == world.grant().id
    log = done(world.store.log(0, limit=200))
    before = [msgspec.structs.replace(one, about=None) for one in log.entries]
    old = msgspec.structs.replace(log, entries=tuple(before))
    read = LogRead(at=world.now * 1000, node="one", after=0)
    piece = write(Follower(resource=resource), old, read, context=world.context)
    assert world.grant().id in [one.subject for one in piece.entries]


def test_nothing_says_for_whom_an_entry_is() -> None:
    world = World()
    world.connect(scope="openid chirps.read photos.read")
    for entry in heard(world, CHIRP):
        assert entry.about is None
        assert "photos" not in msgspec.json.encode(entry).decode()
