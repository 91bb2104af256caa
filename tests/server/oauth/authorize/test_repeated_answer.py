"""A form that is sent twice: the same browser and the same answer get the same redirect."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.authorize.sheets import asked, new
from tests.server.oauth.world import KEYRING, World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import RawKey
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.consent import Allow, Cancel
from valetkey.server.oauth.authorize.endpoint import answer
from valetkey.server.oauth.authorize.outcome import AuthorizeDecision, Consent, Deny, Permit
from valetkey.server.oauth.authorize.repeated_answer import SECONDS
from valetkey.spec.errors import InvalidGrant, InvalidRequest, OAuthError


@dataclass
class Answered:
    """A world in which Miko has just said yes to a sheet."""

    world: World
    visit: Browser
    sheet: Consent
    said: Allow
    first: Permit

    def again(self, said: Allow | Cancel | None = None) -> AuthorizeDecision:
        return self.world.settle(
            lambda: answer(
                self.sheet.pending.id, said or self.said, self.visit, context=self.world.context
            )
        )


def answered() -> Answered:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    said = Allow(new(sheet), sheet.sheet_digest, language="en")
    first = world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))
    assert isinstance(first, Permit)
    return Answered(world, visit, sheet, said, first)


def test_the_same_yes_gets_the_same_code_and_writes_nothing() -> None:
    story = answered()
    before = story.world.digest()
    again = story.again()
    assert isinstance(again, Permit)
    assert again.code == story.first.code
    assert again.reply_to == story.first.reply_to
    assert story.world.digest() == before
    assert len(story.world.all(Grant)) == 1


def test_the_code_is_redeemed_once_however_often_it_was_sent() -> None:
    story = answered()
    again = story.again()
    assert isinstance(again, Permit)
    story.world.redeem("kite", story.first.code)
    with pytest.raises(InvalidGrant):
        story.world.redeem("kite", again.code)
    assert [one.status for one in story.world.all(TokenFamily)] == ["closed"]


def test_the_same_no_is_the_same_no() -> None:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    assert isinstance(world.refuse(sheet, visit), Deny)
    before, told = world.digest(), world.kinds()
    assert isinstance(world.refuse(sheet, visit), Deny)
    assert (world.digest(), world.kinds()) == (before, told)


def test_a_stolen_database_yields_no_code() -> None:
    """ATTACKS A82."""
    story = answered()
    (pending,) = story.world.all(Pending)
    assert pending.kind == "answered"
    assert story.first.code.encode() not in pending.contents


def _other_browser(story: Answered) -> None:
    story.visit = replace(story.visit, id="chrome")


def _other_session(story: Answered) -> None:
    story.visit = story.world.sign_in(browser=story.visit.id)


def _signed_out(story: Answered) -> None:
    story.visit = replace(story.visit, session="", session_secret="")


def _guessed_session(story: Answered) -> None:
    story.visit = replace(story.visit, session_secret="guessed")


def _expired_session(story: Answered) -> None:
    story.world.change(Session, story.visit.session, expires=1)


def _disabled(story: Answered) -> None:
    story.world.change(User, story.world.miko.id, status="disabled")


def _later(story: Answered) -> None:
    story.world.later(SECONDS)


def _fewer(story: Answered) -> None:
    story.said = replace(story.said, permissions=("openid",))


def _other_sheet(story: Answered) -> None:
    story.said = replace(story.said, sheet_digest="")


def _suspended(story: Answered) -> None:
    story.world.change(Client, "kite", status="suspended")


def _moved(story: Answered) -> None:
    story.world.change(Client, "kite", redirect_uris=("https://kite.example/moved",))


def _key_gone(story: Answered) -> None:
    other = replace(KEYRING, sealing=(RawKey("5ea10002", bytes(32)),))
    story.world.at = replace(story.world.at, keyring=other)


REFUSED = [
    row("A64", "another browser", _other_browser, InvalidRequest),
    row("A64", "another session", _other_session, InvalidRequest),
    row("A64", "nobody signed in", _signed_out, InvalidRequest),
    row("A64", "a session's name without its secret", _guessed_session, InvalidRequest),
    row("A64", "a session that is over", _expired_session, InvalidRequest),
    row("A64", "some seconds later", _later, InvalidRequest),
    row("A64", "other boxes", _fewer, InvalidRequest),
    row("A64", "another sheet", _other_sheet, InvalidRequest),
    row("A78", "a user who was disabled meanwhile", _disabled, InvalidRequest),
    row("A78", "an app that was suspended meanwhile", _suspended, OAuthError),
    row("A80", "an app that has moved meanwhile", _moved, OAuthError),
    row("A83", "a key that is gone", _key_gone, InvalidRequest),
]


@pytest.mark.parametrize("change,error", REFUSED)
def test_what_is_not_the_same_gets_nothing(change, error) -> None:  # type: ignore[no-untyped-def]
    story = answered()
    change(story)
    before = story.world.digest()
    with pytest.raises(error):
        story.again()
    assert story.world.digest() == before


def test_a_no_after_a_yes_is_too_late() -> None:
    story = answered()
    with pytest.raises(InvalidRequest, match="is over"):
        story.again(Cancel())
    assert story.world.grant().status == "active"
