"""The user's hand on limits: hers alone, within what the app asked, and in force at once.

ATTACKS A77: another user's limits cannot be seen, set or answered.
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.bank import PAY, SEE, bank
from tests.server.oauth.core.test_limiting import key
from tests.server.oauth.grants.test_lease import leased
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.event import Event
from valetkey.server.model.hours import Hours
from valetkey.server.model.limits import Bounds, Proposal
from valetkey.server.model.pending import Approval
from valetkey.server.model.query import Rule
from valetkey.server.oauth.grants.approvals import (
    ANSWERED,
    MOST,
    ApprovalAnswered,
    NoQuestion,
    answer,
)
from valetkey.server.oauth.grants.changes import GrantChanged, GrantOutcome, NotFound, change_status
from valetkey.server.oauth.grants.limits import find_limitable, set_bounds, set_end
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.lease import Leased, Refused

WRITE = "chirps.write"
FIVE = Bounds(often={"day": 5})
DAY = 86400


def connected(proposal: Proposal | None = None) -> World:
    world = bank(proposal or Proposal())
    key(world)
    return world


def limit(world: World, permission: str, bounds: Bounds, *, user: str = "") -> GrantOutcome:
    name, who = world.grant("payer").id, user or world.miko.id
    return world.settle(
        lambda: set_bounds(
            name, permission, bounds, user=who, by="user", context=world.context, reason="why"
        )
    )


def end(world: World, lasts: int) -> GrantOutcome:
    name = world.grant("payer").id
    return world.settle(
        lambda: set_end(name, lasts, user=world.miko.id, by="user", context=world.context)
    )


def test_a_limit_is_set_changed_and_taken_away_each_with_its_event() -> None:
    world = connected()
    before = world.grant("payer").version
    for bounds in (FIVE, Bounds(often={"day": 9}), Bounds()):
        assert isinstance(limit(world, WRITE, bounds), GrantChanged)
        assert world.grant("payer").limits.of(WRITE) == bounds
    told = [one for one in world.all(Event) if one.kind == "limited"]
    assert [(one.permissions, one.by, one.reason) for one in told] == [
        ((WRITE,), "user", "why")
    ] * 3
    assert world.grant("payer").version == before + 3


def test_the_same_once_more_changes_nothing() -> None:
    world = connected()
    limit(world, WRITE, FIVE)
    before = world.digest(), world.kinds()
    limit(world, WRITE, FIVE)
    assert (world.digest(), world.kinds()) == before


def test_a_limit_counts_at_the_next_lease() -> None:
    world = connected()
    limit(world, WRITE, Bounds(often={"day": 1}))
    assert isinstance(leased(world), Leased)
    assert isinstance(leased(world, lease="m" * 22), Refused)
    limit(world, WRITE, Bounds(often={"day": 2}))
    assert isinstance(leased(world, lease="m" * 22), Leased)


LOOSER: list[Any] = [
    row("limit", "more often", Bounds(often={"day": 11}), False),
    row("limit", "as often", Bounds(often={"day": 10}), True),
    row("limit", "less often", Bounds(often={"day": 9}), True),
    row("limit", "by another period", Bounds(often={"month": 999}), True),
    row("limit", "more", Bounds(much={"month": 901}), False),
    row("limit", "asked later", Bounds(ask_above=101), False),
    row("limit", "asked sooner", Bounds(ask_above=0), True),
    row("limit", "nothing of one's own", Bounds(), True),
]


@pytest.mark.parametrize("bounds,may", LOOSER)
def test_loosening_goes_as_far_as_the_app_asked(bounds: Bounds, may: bool) -> None:
    proposed = Bounds(often={"day": 10}, much={"month": 900}, ask_above=100)
    world = connected(Proposal(permissions={PAY: proposed}))
    limit(world, PAY, Bounds(often={"day": 1}))
    before = world.digest(), world.kinds()
    if not may:
        with pytest.raises(InvalidRequest):
            limit(world, PAY, bounds)
        assert (world.digest(), world.kinds()) == before
        return
    limit(world, PAY, bounds)
    now = world.grant("payer").limits.of(PAY)
    assert now.often["day"] <= 10
    assert now.much["month"] <= 900
    assert (now.ask_above or 0) <= 100


BAD: list[Any] = [
    row("limit", "of what cannot be limited", SEE, FIVE),
    row("limit", "amounts without a unit", WRITE, Bounds(much={"day": 1})),
    row("limit", "no hours", WRITE, Bounds(hours=(Hours(opens="1", closes="2"),))),
]


@pytest.mark.parametrize("permission,bounds", BAD)
def test_senseless_limits_are_refused(permission: str, bounds: Bounds) -> None:
    world = connected()
    before = world.digest(), world.kinds()
    with pytest.raises(InvalidRequest):
        limit(world, permission, bounds)
    assert (world.digest(), world.kinds()) == before


def test_what_is_not_granted_cannot_be_limited() -> None:
    world = bank()
    key(world, ticked=("openid", PAY))
    assert isinstance(limit(world, WRITE, FIVE), NotFound)


ENDS: list[Any] = [
    row("end", "a day", 0, DAY, True),
    row("end", "never", 0, 0, True),
    row("end", "in the past", 0, -1, False),
    row("end", "in a hundred years", 0, 100 * 365 * DAY, False),
    row("end", "as late as the app asked", 10 * DAY, 10 * DAY, True),
    row("end", "later than the app asked", 10 * DAY, 11 * DAY, False),
    row("end", "never, which the app did not ask", 10 * DAY, 0, False),
]


@pytest.mark.parametrize("asked,lasts,may", ENDS)
def test_an_end_is_set(asked: int, lasts: int, may: bool) -> None:
    world = connected(Proposal(lasts=asked))
    world.later(60)
    if may:
        end(world, lasts)
        assert world.grant("payer").limits.until == (world.now + lasts if lasts else 0)
        return
    before = world.digest()
    with pytest.raises(InvalidRequest):
        end(world, lasts)
    assert world.digest() == before


# Amounts.


def asking(world: World) -> Refused:
    limit(world, PAY, Bounds(ask_above=100))
    told = leased(world, "bank", permission=PAY, amount="250", lease="q" * 22)
    assert isinstance(told, Refused)
    return told


def question(world: World) -> Approval:
    (one,) = world.all(Approval)
    return one


def said(world: World, *, yes: bool, user: str = "") -> ApprovalAnswered | NoQuestion:
    name, who = question(world).id, user or world.miko.id
    return world.settle(lambda: answer(name, yes=yes, user=who, context=world.context))


def test_the_question_waits_where_all_questions_wait() -> None:
    world = connected()
    told = asking(world)
    one = question(world)
    assert told.ask_uri == f"{ISSUER}/approvals/{one.id}"
    assert (one.grant, one.permission, one.units) == (world.grant("payer").id, PAY, 250)
    assert (one.user, one.client, one.amount, one.words) == (world.miko.id, "payer", "2.50 EUR", "")
    assert world.kinds()[-1] == "asked"
    # The same question is not put twice.
    assert asking(world) == told
    assert len(world.all(Approval)) == 1


def test_a_yes_lets_just_this_amount_through_once() -> None:
    world = connected()
    asking(world)
    assert isinstance(said(world, yes=True), ApprovalAnswered)
    assert world.kinds()[-1] == "approved"
    other = leased(world, "bank", permission=PAY, amount="251", lease="p" * 22)
    assert isinstance(other, Refused)
    told = leased(world, "bank", permission=PAY, amount="250", lease="r" * 22)
    assert isinstance(told, Leased)
    assert (told.exact, told.amount) == (True, 250)
    again = leased(world, "bank", permission=PAY, amount="250", lease="s" * 22)
    assert isinstance(again, Refused)


def test_a_no_is_told_for_a_while() -> None:
    world = connected()
    asking(world)
    said(world, yes=False)
    told = leased(world, "bank", permission=PAY, amount="250", lease="r" * 22)
    assert isinstance(told, Refused)
    assert (told.limit, told.ask_uri) == ("declined", "")
    world.later(ANSWERED)
    told = leased(world, "bank", permission=PAY, amount="250", lease="s" * 22)
    assert isinstance(told, Refused)
    assert told.limit == "ask"


LATE: list[Any] = [
    row("A77", "another user", lambda world: said(world, yes=True, user=world.noor.id)),
    row("ask", "too late", lambda world: (world.later(ANSWERED), said(world, yes=True))[1]),
    row("ask", "a second time", lambda world: (said(world, yes=False), said(world, yes=True))[1]),
]


@pytest.mark.parametrize("late", LATE)
def test_an_answer_that_nobody_waits_for_is_none(
    late: Callable[[World], ApprovalAnswered | NoQuestion],
) -> None:
    world = connected()
    asking(world)
    assert isinstance(late(world), NoQuestion)
    told = leased(world, "bank", permission=PAY, amount="250", lease="r" * 22)
    assert isinstance(told, Refused)


def test_nobody_is_worn_down_by_asking() -> None:
    """The app's other questions count as well."""
    world = connected()
    limit(world, PAY, Bounds(ask_above=100))
    addresses = []
    for amount in range(101, 101 + 2 * MOST):
        told = leased(world, "bank", permission=PAY, amount=str(amount), lease=f"{amount:022d}")
        assert isinstance(told, Refused)
        assert told.limit == "ask"
        addresses.append(told.ask_uri)
    assert set(addresses[MOST:]) == {f"{ISSUER}/approvals"}
    assert len(world.all(Approval)) == MOST


# Whose they are.


def test_another_user_sees_and_sets_nothing() -> None:
    world = connected()
    before = world.digest(), world.kinds()
    name, noor = world.grant("payer").id, world.noor.id
    rules: list[Rule[GrantOutcome]] = [
        set_bounds(name, WRITE, FIVE, user=noor, by="user", context=world.context),
        set_end(name, DAY, user=noor, by="user", context=world.context),
    ]
    assert [type(world.ask(rule)) for rule in rules] == [NotFound] * 2
    assert world.ask(find_limitable(name, noor, world.context)) is None
    assert (world.digest(), world.kinds()) == before


def stopped(world: World) -> None:
    grant = world.grant("payer")
    world.settle(
        lambda: change_status(grant.id, "stop", user=grant.user, by="user", context=world.context)
    )


def over(world: World) -> None:
    end(world, 60)
    world.later(60)


@pytest.mark.parametrize("how", [stopped, over])
def test_a_key_that_is_over_is_not_limited_any_more(how: Callable[[World], None]) -> None:
    world = connected()
    name = world.grant("payer").id
    how(world)
    assert world.ask(find_limitable(name, world.miko.id, world.context)) is None
    rule = set_bounds(name, WRITE, FIVE, user=world.miko.id, by="user", context=world.context)
    assert isinstance(world.ask(rule), NotFound)
