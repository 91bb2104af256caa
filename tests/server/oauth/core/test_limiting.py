"""Limits at the authorization server: what comes of a yes, and the end that a key comes to."""

from typing import Any

import pytest
from tests.rows import row
from tests.server.oauth.bank import PAY, SCOPE, SEE, bank
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.hours import Hours
from valetkey.server.model.limits import NOTHING_PROPOSED, Bounds, Limits, Proposal
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.consent import Allow
from valetkey.server.oauth.authorize.endpoint import answer
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Consent, Permit
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec.errors import InvalidGrant, InvalidRequest, InvalidToken

WRITE = "chirps.write"
DAY, MONTH = 86400, 30 * 86400


def say(
    world: World,
    wished: Proposal,
    *,
    visit: Browser,
    scope: str = SCOPE,
    ticked: tuple[str, ...] | None = None,
    client: str = "payer",
) -> AuthorizeDecision:
    """The whole visit of a user who ticks these and sets limits."""
    sheet = world.visit(request(client, scope=scope), visit)
    assert isinstance(sheet, Consent)
    every = tuple(one.permission.id for one in sheet.new)
    said = Allow(every if ticked is None else ticked, sheet.sheet_digest, wished)
    return world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))


def key(world: World, wished: Proposal = NOTHING_PROPOSED, **more: Any) -> dict[str, Any]:
    """The tokens of a yes within limits."""
    decision = say(world, wished, visit=world.sign_in(), **more)
    assert isinstance(decision, Permit)
    return world.redeem(more.get("client", "payer"), decision.code)


def bounds(**permissions: Bounds) -> dict[str, Bounds]:
    return {name.replace("_", "."): one for name, one in permissions.items()}


# What comes of a yes.

FIVE = Bounds(often={"day": 5})
TEN = Bounds(often={"day": 10}, much={"month": 900})

YES = [
    row("yes", "no limits", NOTHING_PROPOSED, NOTHING_PROPOSED, {}),
    row("yes", "the app's", Proposal(permissions={PAY: TEN}), NOTHING_PROPOSED, {PAY: TEN}),
    row("yes", "the user's", NOTHING_PROPOSED, Proposal(permissions={PAY: TEN}), {PAY: TEN}),
    row(
        "yes",
        "the tighter of each part",
        Proposal(permissions={PAY: TEN}),
        Proposal(permissions={PAY: Bounds(often={"day": 20, "hour": 1}, much={"month": 5})}),
        {PAY: Bounds(often={"day": 10, "hour": 1}, much={"month": 5})},
    ),
    row(
        "yes",
        "nothing about what was left out",
        Proposal(permissions={WRITE: FIVE}),
        NOTHING_PROPOSED,
        {},
    ),
]


@pytest.mark.parametrize("proposed,wished,kept", YES)
def test_both_the_apps_limits_and_the_users_hold(
    proposed: Proposal, wished: Proposal, kept: dict[str, Bounds]
) -> None:
    world = bank(proposed)
    key(world, wished, ticked=("openid", SEE, PAY))
    assert world.grant("payer").limits == Limits(permissions=kept)


UNTIL = [
    row("until", "it is stopped", Proposal(), Proposal(), 0),
    row("until", "a day", Proposal(), Proposal(lasts=DAY), DAY),
    row("until", "as proposed", Proposal(lasts=MONTH), Proposal(), MONTH),
    row("until", "sooner than proposed", Proposal(lasts=MONTH), Proposal(lasts=DAY), DAY),
    row("until", "no later than proposed", Proposal(lasts=DAY), Proposal(lasts=MONTH), DAY),
    row("until", "once", Proposal(), Proposal(once=True), 360),
    row("until", "once, as proposed", Proposal(once=True), Proposal(lasts=DAY), 360),
]


@pytest.mark.parametrize("proposed,wished,lasts", UNTIL)
def test_a_key_ends_when_the_sooner_says(proposed: Proposal, wished: Proposal, lasts: int) -> None:
    world = bank(proposed)
    began = world.now
    key(world, wished)
    assert world.grant("payer").limits.until == (began + lasts if lasts else 0)


def test_what_is_added_later_brings_its_own_limits_and_leaves_the_others() -> None:
    world = bank(Proposal(lasts=MONTH, permissions={WRITE: TEN_USES, PAY: TEN}))
    key(world, scope=f"openid {WRITE}")
    first = world.grant("payer").limits
    assert first.limited_permissions == {WRITE}
    world.later(3600)
    wished = Proposal(lasts=DAY, permissions={PAY: FIVE, WRITE: FIVE})
    key(world, wished, scope=f"openid {WRITE} {PAY}")
    then = world.grant("payer").limits
    assert then.until == first.until
    assert then.permissions == {
        WRITE: TEN_USES,
        PAY: Bounds(often={"day": 5}, much={"month": 900}),
    }


TEN_USES = Bounds(often={"day": 10})

# What is refused at consent.

SENSELESS = [
    row("limits", "of nothing known", {"cakes.eat": FIVE}),
    row("limits", "of what is not counted", {SEE: FIVE}),
    row("limits", "of a sign-in", {"openid": FIVE}),
    row("limits", "amounts of what has none", {WRITE: Bounds(much={"day": 5})}),
    row("limits", "to ask about what has none", {WRITE: Bounds(ask_above=5)}),
    row("limits", "that bound nothing", {PAY: Bounds()}),
    row(
        "limits",
        "an unknown zone",
        {PAY: Bounds(hours=(Hours(opens="09:00", closes="10:00", zone="Moon"),))},
    ),
]


@pytest.mark.parametrize("permissions", SENSELESS)
def test_senseless_limits_are_refused_at_consent(permissions: dict[str, Bounds]) -> None:
    world = bank()
    visit = world.sign_in()
    before = world.digest(), world.kinds()
    world.visit(request("payer", scope=SCOPE), visit)
    with pytest.raises(InvalidRequest):
        say(world, Proposal(permissions=permissions), visit=visit)
    after = {name: version for name, version in world.digest().items() if "pending" not in name}
    assert (after, world.kinds()) == before


# The end.


def test_a_key_whose_time_is_over_is_dead_at_every_outlet() -> None:
    world = bank(Proposal(lasts=DAY))
    tokens = key(world)
    world.later(DAY - 10)
    tokens = world.refresh("payer", tokens["refresh_token"])
    # No shadow is longer than what throws it.
    assert tokens["expires_in"] == 10
    text = tokens["access_token"]
    assert world.introspect(text).active
    assert isinstance(world.ask(userinfo(text, world.context)), Answer)
    world.later(9)
    assert world.introspect(text).active
    world.later(1)
    assert not world.introspect(text).active
    with pytest.raises(InvalidToken):
        world.ask(userinfo(text, world.context))
    with pytest.raises(InvalidGrant):
        world.refresh("payer", tokens["refresh_token"])


def test_a_code_is_worth_nothing_once_the_key_is_over() -> None:
    world = bank(Proposal(lasts=30))
    decision = say(world, NOTHING_PROPOSED, visit=world.sign_in())
    assert isinstance(decision, Permit)
    world.later(30)
    with pytest.raises(InvalidGrant):
        world.redeem("payer", decision.code)


def test_a_key_that_is_over_is_asked_for_as_if_for_the_first_time() -> None:
    world = bank(Proposal(lasts=DAY))
    key(world, ticked=("openid", PAY))
    name = world.grant("payer").id
    world.later(DAY)
    visit = world.sign_in()
    sheet = world.visit(request("payer", scope=SCOPE), visit)
    assert isinstance(sheet, Consent)
    assert (sheet.why, sheet.already_granted) == ("ended", ())
    assert not any(one.refused for one in sheet.new)
    world.say(sheet, visit, ticked=("openid", SEE))
    grant = world.grant("payer")
    assert (grant.id, grant.permissions) == (name, ("openid", SEE))
    assert grant.limits.until == world.now + DAY


def test_a_yes_for_once_is_one_access_token() -> None:
    world = bank()
    tokens = key(world, Proposal(once=True))
    assert "refresh_token" not in tokens
    assert world.introspect(tokens["access_token"]).active
    # While that one is good, the next request is asked again all the same.
    visit = world.sign_in()
    sheet = world.visit(request("payer", scope=SCOPE), visit)
    assert isinstance(sheet, Consent)
    assert sheet.why == "ended"
    world.later(tokens["expires_in"])
    assert not world.introspect(tokens["access_token"]).active


def test_once_ends_what_an_earlier_yes_could_refresh() -> None:
    world = bank(Proposal(lasts=DAY))
    tokens = key(world)
    world.later(DAY)
    key(world, Proposal(once=True))
    with pytest.raises(InvalidGrant):
        world.refresh("payer", tokens["refresh_token"])
