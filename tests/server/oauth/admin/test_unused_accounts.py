"""When an account counts as unused, and what becomes of it: one row for each rule."""

from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.server.oauth.world import START, World

from valetkey.server.accounts.notices import NoticeTargets
from valetkey.server.model import ids
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.event import DAILY, By, Event, Kind, event
from valetkey.server.model.last_use import DAY, LastUse, user_use_id
from valetkey.server.model.record import Record
from valetkey.server.model.stream import Job
from valetkey.server.model.user import (
    ADMINISTRATOR,
    PLATFORM,
    UNUSED,
    Identity,
    Session,
    User,
)
from valetkey.server.oauth.admin.unused_accounts import (
    MARKED,
    WARNING,
    newest_use,
    notify_or_disable,
)
from valetkey.server.oauth.admin.user_status import change_user_status, why_disabled
from valetkey.server.settings.accounts import MIN_UNUSED

DAYS: Final = 90
SOON: Final = DAYS * DAY - WARNING
"""Seconds after the last use when the user is notified."""


class Idle(World):
    """Miko's account was made at START, and nobody has used it since."""

    def __init__(self) -> None:
        super().__init__()
        self.at = replace(self.at, notices=NoticeTargets(mail=True))
        self.miko = self.change(User, self.miko.id, created=START, changed=START)

    def look(self, after: int, *, last_act: int = 0) -> str:
        """What the account comes to so many seconds after START: notified, or its status."""
        self.now = START + after
        had = len(self.all(Job))
        look = partial(notify_or_disable, self.miko.id, last_act=last_act, days=DAYS)
        self.settle(lambda: look(self.context))
        if len(self.all(Job)) > had:
            return "notified"
        return self.need(User, self.miko.id).status

    def by(self, who: str, status: Any) -> None:
        change = partial(change_user_status, self.miko.id, status, by=who)
        self.settle(lambda: change(context=self.context))


def test_a_notice_counts_for_less_than_an_account_can_be_unused() -> None:
    assert MARKED < MIN_UNUSED * DAY - WARNING


def test_the_user_is_notified_two_weeks_before() -> None:
    world = Idle()
    assert world.look(SOON - 1) == "active"
    assert world.look(SOON) == "notified"
    (job,) = world.all(Job)
    assert job.facts["notice"] == "account_unused"
    assert job.facts["at"] == str(START + DAYS * DAY)
    assert world.look(SOON + DAY) == "active"
    assert world.look(DAYS * DAY - 1) == "active"
    assert world.look(DAYS * DAY) == "disabled"
    user = world.need(User, world.miko.id)
    assert user.disabled_by == (UNUSED,)
    assert why_disabled(user) == "nobody used it"
    (disabled,) = [one for one in world.all(Event) if one.kind == "disabled"]
    assert (disabled.by, disabled.reason) == ("server", "nobody used it since 2023-11-14")


@pytest.mark.parametrize("late", [0, 1, 400 * DAY])
def test_however_late_it_is_the_notice_is_two_weeks_old(late: int) -> None:
    """The setting was just switched on, or no server ran."""
    world = Idle()
    begun = DAYS * DAY + late
    assert world.look(begun) == "notified"
    assert world.all(Job)[0].facts["at"] == str(START + begun + WARNING)
    assert world.look(begun + WARNING - 1) == "active"
    assert world.look(begun + WARNING) == "disabled"


def test_a_notice_that_is_too_old_is_given_again() -> None:
    world = Idle()
    assert world.look(SOON) == "notified"
    assert world.look(SOON + MARKED) == "notified"
    assert world.look(SOON + MARKED + WARNING - 1) == "active"
    assert world.look(SOON + MARKED + WARNING) == "disabled"


def last_use(world: Idle, at: int) -> Record:
    return LastUse(id=user_use_id(world.miko.id), user=world.miko.id, day=at // DAY)


def session(world: Idle, at: int) -> Record:
    world.now = START + 5
    return Session(
        id=ids.owned_id(world.env, owner=world.miko.id),
        digest="d",
        user=world.miko.id,
        auth_time=START,
        expires=START + 999 * DAY,
        last_active=at,
    )


@pytest.mark.parametrize("use", [last_use, session])
def test_a_use_after_the_notice_keeps_the_account(use: Any) -> None:
    world = Idle()
    assert world.look(SOON) == "notified"
    used = START + SOON + 3 * DAY
    world.put(use(world, used))
    assert world.look(DAYS * DAY + WARNING) == "active"
    again = used - START + DAYS * DAY + DAY - WARNING
    assert world.look(again - 2 * DAY) == "active"
    assert world.look(again) == "notified", "a new notice, as the last one is over"
    assert world.look(again + WARNING) == "disabled"


def test_an_act_of_the_user_keeps_the_account() -> None:
    world = Idle()
    assert world.look(SOON, last_act=START + DAY) == "active"
    assert world.look(SOON + DAY, last_act=START + DAY) == "notified"
    assert world.look(DAYS * DAY + 9 * DAY, last_act=START + SOON + 3 * DAY) == "active"


EVENTS: Final[list[tuple[Kind, By, bool]]] = [
    ("signed-in", "user", True),
    ("granted", "user", True),
    ("signed-out", "user", True),
    ("factor-added", "user", True),
    ("sign-in-refused", "user", False),
    ("code-refused", "user", False),
    ("passkey-suspect", "user", False),
    ("password-closed", "server", False),
    ("asked", "app", False),
    ("enabled", "administrator", False),
]


@pytest.mark.parametrize("kind,by,counts", EVENTS)
def test_which_events_are_uses(kind: Kind, by: By, *, counts: bool) -> None:
    world = World()
    one = event(world.env, kind, by=by, user=world.miko.id)
    used = newest_use([one])
    assert bool(used) == counts
    if counts:
        end_of_day = (world.now // DAY + 1) * DAY - 1
        assert used == (end_of_day if kind in DAILY else world.now)


def identity(world: Idle, *, linked: bool = False) -> Record:
    return Identity(
        id=ids.owned_id(world.env, owner=world.miko.id),
        user=world.miko.id,
        source=PLATFORM,
        subject="7",
        created=START,
        linked=linked,
    )


def provisioned(world: Idle) -> Record:
    return ProvisionedUser(
        id=world.miko.id, source="corp", username="miko", created=START, changed=START
    )


@pytest.mark.parametrize("record", [identity, provisioned])
def test_what_a_source_owns_is_left_alone(record: Any) -> None:
    world = Idle()
    world.put(record(world))
    assert world.look(DAYS * DAY) == "active"
    assert world.look(DAYS * DAY + 20 * DAY) == "active"


def test_an_account_with_a_linked_one_elsewhere_is_kept_here() -> None:
    world = Idle()
    world.put(identity(world, linked=True))
    assert world.look(SOON) == "notified"


def test_who_is_disabled_already_hears_nothing() -> None:
    world = Idle()
    world.by(ADMINISTRATOR, "disabled")
    assert world.look(500 * DAY) == "disabled"
    assert world.need(User, world.miko.id).disabled_by == (ADMINISTRATOR,)


def test_an_administrator_enables_the_account_for_as_long_again() -> None:
    world = Idle()
    world.look(SOON)
    assert world.look(DAYS * DAY) == "disabled"
    world.now += 5
    world.by("corp", "active")
    assert world.need(User, world.miko.id).status == "disabled", "no source lifts it"
    world.by(ADMINISTRATOR, "active")
    assert world.need(User, world.miko.id).status == "active"
    assert world.look(DAYS * DAY + DAY) == "active"
    assert world.look(2 * DAYS * DAY - WARNING + 5) == "notified"


def test_words_for_each_who_disabled_the_account() -> None:
    user = User(id="u", username="miko", status="disabled", disabled_by=(ADMINISTRATOR, "corp"))
    assert why_disabled(user) == "an administrator disabled it; corp disabled it"
    assert why_disabled(replace(user, status="active", disabled_by=())) == ""
