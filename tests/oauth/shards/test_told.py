"""What others are told of a key in shards: introspection, status lists, the change log."""

import pytest
from tests.oauth.shards.app import TWO, Harbour

from valetkey.model.change import Create, Remove, Update
from valetkey.model.log import entry_of
from valetkey.oauth.manage.status_list import standings, stands
from valetkey.spec.errors import InsufficientKeyShards
from valetkey.wire.change_log import Entry
from valetkey.wire.status_list import INVALID, SUSPENDED, VALID


def _alarmed() -> Harbour:
    app = Harbour(TWO)
    with pytest.raises(InsufficientKeyShards):
        app.refresh()
    return app


def test_one_shard_alone_is_not_active_at_introspection() -> None:
    app = Harbour(TWO)
    assert not app.world.introspect(app.phone).active
    assert not app.world.introspect(app.backend()).active


def test_the_change_log_tells_of_the_alarm_and_of_its_end() -> None:
    app = _alarmed()
    told = entry_of(Update(app.family))
    assert told is not None
    assert (told.kind, told.status) == ("family", "suspended")
    app.resume()
    told = entry_of(Update(app.family))
    assert told is not None
    assert told.status == "open"
    # It is said once, and not again with each refresh.
    app.world.later(5)
    app.refresh(app.deliver(app.backend()).handle)
    assert entry_of(Update(app.family)) is None
    assert entry_of(Create(app.family)) is None
    gone = entry_of(Remove(app.family))
    assert gone is not None
    assert gone.status == "closed"


def test_a_status_list_says_that_it_may_come_back() -> None:
    app = _alarmed()
    world = app.world
    listed = "0.7"
    from valetkey.model.grant import TokenFamily

    world.change(TokenFamily, app.name, listed=listed)
    entry = entry_of(Update(app.family))
    assert entry is not None
    place = app.family.in_lists
    assert world.ask(standings([entry], world.context)) == {place: SUSPENDED}
    grant = world.grant("harbour")
    assert stands(world.miko, grant, app.family, context=world.context) == SUSPENDED
    app.resume()
    entry = entry_of(Update(app.family))
    assert entry is not None
    assert world.ask(standings([entry], world.context)) == {place: VALID}
    over = Entry(kind="family", subject=app.name, status="closed", listed=place)
    assert world.ask(standings([over], world.context)) == {place: INVALID}
