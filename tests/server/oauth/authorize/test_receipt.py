"""The receipt of an answer: what was shown, in which words, and what came of it."""

from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG, PHOTOS_CATALOG
from tests.server.oauth.authorize.sheets import asked, granted, new
from tests.server.oauth.forms import request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.receipt import Receipt
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.authorize.consent import Allow
from valetkey.server.oauth.authorize.endpoint import answer
from valetkey.server.oauth.authorize.outcome import Consent, Permit
from valetkey.server.oauth.core.offer import Offer
from valetkey.wire.catalog import Words

GERMAN = replace(
    CHIRP_CATALOG,
    permissions=tuple(
        replace(one, words={"de": Words(can=f"{one.id} auf Deutsch")})
        for one in CHIRP_CATALOG.permissions
    ),
)


def german() -> World:
    """A world whose Chirp speaks German too, at its seventh catalog."""
    world = World()
    servers = (
        ResourceServer(id="chirp", catalog=GERMAN, revision=7),
        ResourceServer(id="photos", catalog=PHOTOS_CATALOG, revision=2),
    )
    world.at = replace(world.at, offer=Offer(ISSUER, servers))
    return world


def test_a_receipt_says_what_was_shown_and_what_came_of_it() -> None:
    world = german()
    visit = world.sign_in()
    sheet = asked(world, visit, "stefapp", scope="openid chirps profile.write")
    said = Allow(("chirps.write",), sheet.sheet_digest, language="de")
    world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))
    (kept,) = world.all(Receipt)
    grant = world.grant("stefapp")
    assert (kept.user, kept.client, kept.grant) == (world.miko.id, "stefapp", grant.id)
    assert (kept.request, kept.at, kept.language) == (sheet.pending.id, world.now, "de")
    assert (kept.app, kept.destination, kept.why) == ("stefApp", "127.0.0.1", "permissions")
    assert kept.revisions == {"https://chirp.example": 7, "https://photos.example": 2}
    asked_lines = {one.id: one for one in kept.lines if one.place == "asked"}
    told = {name: (one.required, one.ticked, one.granted) for name, one in asked_lines.items()}
    assert told == {
        "openid": (True, True, True),
        "chirps.read": (True, True, True),
        "chirps.write": (False, True, True),
        "profile.write": (False, False, False),
    }
    assert asked_lines["chirps.write"].words == "chirps.write auf Deutsch"
    assert asked_lines["chirps.write"].reason == "To post what you write here."
    assert asked_lines["openid"].words == "Sie wiedererkennen, wenn Sie zurückkehren"
    locked = [one.id for one in kept.lines if one.place == "cannot"]
    assert locked == [
        one.id for group in sheet.cannot if not group.whole for one in group.permissions
    ]
    assert kept.shut == tuple(group.name for group in sheet.cannot if group.whole) == ("Photos",)
    assert not any(one.granted for one in kept.lines if one.place == "cannot")


def test_what_comes_with_a_ticked_one_is_given_though_it_was_not_ticked() -> None:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit, scope="openid dms.send")
    world.say(sheet, visit, ticked=("dms.send",))
    (kept,) = world.all(Receipt)
    lines = {one.id: (one.ticked, one.granted) for one in kept.lines}
    assert lines["dms.read"] == (False, True)
    assert lines["dms.send"] == (True, True)


def test_each_change_by_an_answer_has_its_receipt_and_no_other_visit_has() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid chirps"), visit)
    world.agree(request("kite", scope="openid"), visit)
    assert len(world.all(Receipt)) == 1
    world.later(1)
    world.say(asked(world, visit, scope="openid profile.write"), visit)
    first, second = sorted(world.all(Receipt), key=lambda one: one.id)
    assert {one.id for one in second.lines if one.place == "kept"} == {
        "openid",
        "chirps.read",
        "chirps.write",
    }
    assert first.grant == second.grant == world.grant().id


def test_a_no_leaves_no_receipt_and_neither_does_an_app_that_confirms() -> None:
    world = World()
    visit = world.sign_in()
    world.refuse(asked(world, visit), visit)
    assert world.all(Receipt) == ()
    world.agree(request("stefapp"), visit)
    sheet = asked(world, visit, "stefapp")
    assert sheet.why == "confirm"
    assert isinstance(world.say(sheet, visit), Permit)
    assert len(world.all(Receipt)) == 1


def test_words_that_changed_meanwhile_are_shown_again() -> None:
    """Nobody agrees to words that were not there."""
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    world.at = german().at
    again = world.say(sheet, visit)
    assert isinstance(again, Consent)
    assert again.sheet_digest != sheet.sheet_digest
    assert world.all(Receipt) == ()


def test_what_is_kept_and_changed_meanwhile_is_shown_again() -> None:
    world = World()
    visit = world.sign_in()
    grant = granted(world, "openid", "chirps.read", "chirps.write")
    sheet = asked(world, visit, scope="openid chirps profile.write")
    world.change(type(grant), grant.id, permissions=("openid", "chirps.read"))
    again = world.say(sheet, visit, ticked=new(sheet))
    assert isinstance(again, Consent)
    assert [one.id for one in again.already_granted] == ["openid", "chirps.read"]


def test_a_language_is_cut_to_what_a_tag_can_be() -> None:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    said = Allow(new(sheet), sheet.sheet_digest, language="x" * 5000)
    world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))
    (kept,) = world.all(Receipt)
    assert len(kept.language) == 35
