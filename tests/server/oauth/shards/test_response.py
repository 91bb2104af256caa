"""What others are told of a key in shards: introspection, status lists, the change log."""

import pytest
from tests.server.oauth.shards.app import TWO, Harbour

from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.change_log import entry_of
from valetkey.server.model.event import Event
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.record import Record
from valetkey.server.oauth.endpoints.status_list import changed_statuses, status_of
from valetkey.server.oauth.signals.signals import happened
from valetkey.spec.errors import InsufficientKeyShards
from valetkey.wire.change_log import Entry
from valetkey.wire.security_event import CREDENTIAL_COMPROMISE, SESSION_REVOKED
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
    world.change(TokenFamily, app.name, listed=listed)
    entry = entry_of(Update(app.family))
    assert entry is not None
    place = app.family.in_lists
    assert world.ask(changed_statuses([entry], world.context)) == {place: SUSPENDED}
    grant = world.grant("harbour")
    assert status_of(world.miko, grant, app.family, context=world.context) == SUSPENDED
    app.resume()
    entry = entry_of(Update(app.family))
    assert entry is not None
    assert world.ask(changed_statuses([entry], world.context)) == {place: VALID}
    over = Entry(kind="family", subject=app.name, status="closed", listed=place)
    assert world.ask(changed_statuses([over], world.context)) == {place: INVALID}


def test_whoever_wants_signals_is_told_of_a_compromise() -> None:
    app = Harbour(TWO)
    before = app.family
    with pytest.raises(InsufficientKeyShards):
        app.refresh()
    after = app.family
    (event,) = (one for one in app.world.all(Event) if one.kind == "suspended")
    was: dict[tuple[type[Record], str], Record] = {(TokenFamily, after.id): before}
    (told,) = happened((Update(after),), (event,), was)
    assert told.types == (CREDENTIAL_COMPROMISE, SESSION_REVOKED)
    assert (told.user, told.client, told.family) == (app.world.miko.id, "harbour", app.name)
    assert told.claims["initiating_entity"] == "system"
