"""Consent: what is remembered, and when the user is asked all the same."""

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.authorize.sheets import asked, granted, new
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.pending import Pending
from valetkey.server.oauth.authorize.consent import Allow
from valetkey.server.oauth.authorize.endpoint import answer
from valetkey.server.oauth.authorize.interaction import Why
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit

# What is remembered.


def test_what_was_granted_is_not_asked_again() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit)
    for scope in ("openid chirps", "chirps.read", "openid"):
        assert isinstance(world.visit(request("kite", scope=scope), visit), Permit)
    assert world.grant().version == 1


def test_what_was_refused_is_not_asked_again() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit, ticked=("chirps.read",))
    decision = world.visit(request("kite", scope="openid chirps"), visit)
    assert isinstance(decision, Permit)
    assert world.redeem("kite", decision.code)["scope"] == "openid chirps.read"


def test_more_is_asked_alone() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit, ticked=("chirps.read",))
    sheet = asked(world, visit, scope="openid chirps profile.write")
    assert new(sheet) == ("profile.write",)
    assert {one.id for one in sheet.already_granted} == {"openid", "chirps.read"}
    assert "chirps.write" in {one.id for group in sheet.cannot for one in group.permissions}
    world.say(sheet, visit)
    grant = world.grant()
    assert grant.permissions == ("openid", "chirps.read", "profile.write")
    assert (grant.refused, grant.version) == (("chirps.write",), 2)
    assert world.kinds()[-1] == "upgraded"


def test_an_app_that_insists_asks_again_for_what_was_refused() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit, ticked=("chirps.read",))
    sheet = asked(world, visit, scope="openid chirps", prompt="consent")
    (again,) = sheet.new
    assert (again.permission.id, again.refused) == ("chirps.write", True)
    world.say(sheet, visit)
    assert world.grant().refused == ()


def test_what_an_app_cannot_do_without_is_asked_again() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit, ticked=())
    world.change(Client, "kite", required=("chirps.read",))
    (again,) = asked(world, visit, scope="openid chirps").new
    assert (again.permission.id, again.required, again.refused) == ("chirps.read", True, True)


def test_an_app_that_could_do_nothing_at_all_asks_again() -> None:
    """Miko took everything away, and now goes to the app of her own accord."""
    world = World()
    visit = world.sign_in()
    granted(world, refused=("chirps.read", "chirps.write"))
    sheet = asked(world, visit, scope="chirps")
    assert [one.refused for one in sheet.new] == [True, True]
    world.say(sheet, visit, ticked=("chirps.read",))
    assert world.grant().permissions == ("chirps.read",)


def test_what_is_implied_is_asked_with_what_implies_it() -> None:
    """To send messages one reads them: a remembered no to reading does not stand beside it."""
    world = World()
    visit = world.sign_in()
    granted(world, "chirps.read", refused=("dms.read",))
    sheet = asked(world, visit, scope="chirps.read dms.send")
    assert new(sheet) == ("dms.read", "dms.send")
    world.say(sheet, visit, ticked=("dms.send",))
    assert world.grant().permissions == ("chirps.read", "dms.read", "dms.send")


def test_what_was_taken_away_from_what_implies_it_stays_away() -> None:
    world = World()
    granted(world, "dms.send", refused=("dms.read",))
    decision = world.visit(request("kite", scope="dms.send"), world.sign_in())
    assert isinstance(decision, Permit)
    assert world.grant().permissions == ("dms.send",)


# Why else the user is asked.

REASONS: list[tuple[str, str, str, dict[str, str], Why]] = [
    ("8252 8.6", "an app that others can pose as", "stefapp", {}, "confirm"),
    ("Core 3.1.2.1", "the app insists", "kite", {"prompt": "consent"}, "asked"),
]


@pytest.mark.parametrize("client,changed,why", [row(a, b, *rest) for a, b, *rest in REASONS])
def test_the_user_is_asked_although_all_is_granted(
    client: str, changed: dict[str, str], why: Why
) -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request(client), visit)
    before = world.grant(client)
    sheet = asked(world, visit, client, **changed)
    assert (sheet.why, sheet.new) == (why, ())
    assert isinstance(world.say(sheet, visit), Permit)
    assert world.grant(client) == before


def test_a_paused_grant_goes_on_when_the_user_says_so() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    world.change(Grant, world.grant().id, status="paused")
    sheet = asked(world, visit)
    assert sheet.why == "paused"
    assert isinstance(world.say(sheet, visit), Permit)
    assert world.grant().status == "active"
    assert world.kinds()[-1] == "resumed"


def test_a_stopped_grant_is_over() -> None:
    """PROMISES I7: a later yes is a new grant, in which nothing is remembered."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit, ticked=("chirps.read",))
    old = world.grant()
    world.change(Grant, old.id, status="stopped")
    sheet = asked(world, visit, scope="openid chirps")
    assert new(sheet) == ("openid", "chirps.read", "chirps.write")
    assert not any(one.refused for one in sheet.new)
    world.say(sheet, visit)
    assert world.grant().id != old.id
    assert world.need(Grant, old.id).status == "stopped"


def test_the_grant_of_an_earlier_epoch_is_asked_anew() -> None:
    """PROMISES R15."""
    world = World()
    world.agree(request("kite", scope="openid chirps"))
    before = world.grant()
    world.at = replace(world.at, epoch=1)
    visit = world.sign_in()
    sheet = asked(world, visit, scope="openid chirps")
    assert (sheet.why, sheet.already_granted) == ("restored", ())
    assert new(sheet) == ("openid", "chirps.read", "chirps.write")
    world.say(sheet, visit, ticked=("chirps.read",))
    grant = world.grant()
    assert (grant.id, grant.epoch) == (before.id, 1)
    assert grant.permissions == ("openid", "chirps.read")


# Two windows.


def test_a_no_is_a_no_although_a_yes_was_said_in_another_window() -> None:
    world = World()
    visit = world.sign_in()
    first, second = asked(world, visit), asked(world, visit)
    assert isinstance(world.say(first, visit), Permit)
    stands = world.grant()
    assert isinstance(world.refuse(second, visit), Deny)
    assert world.grant() == stands
    assert {one.kind for one in world.all(Pending)} == {"answered"}


def test_a_yes_to_another_question_does_not_wake_a_paused_grant() -> None:
    """PROMISES I7: Miko paused the app in another window, and this sheet did not speak of it."""
    world = World()
    visit = world.sign_in()
    world.agree(request("stefapp"), visit)
    sheet = asked(world, visit, "stefapp")
    assert sheet.why == "confirm"
    world.change(Grant, world.grant("stefapp").id, status="paused")
    again = world.say(sheet, visit)
    assert isinstance(again, Consent)
    assert again.why == "paused"
    assert world.grant("stefapp").status == "paused"


# Two answers at once.


def test_two_answers_to_one_sheet_make_one_grant_and_one_code() -> None:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    said = Allow(tuple(new(sheet)), sheet.sheet_digest)
    first, second = (
        world.ask(answer(sheet.pending.id, said, visit, context=world.context)) for _ in range(2)
    )
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    world.write(*first.changes)
    again = world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))
    assert isinstance(again, Permit)
    assert (again.code, again.changes) == (first.code, ())
    world.redeem("kite", first.code)
    assert len(world.all(Grant)) == len(world.all(TokenFamily)) == 1
