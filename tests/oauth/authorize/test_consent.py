"""Consent: what the user is asked, and what follows from the answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.oauth.forms import KITE, request
from tests.oauth.world import World
from tests.rows import row

from valetkey.model.change import Create
from valetkey.model.client import Client
from valetkey.model.event import Event
from valetkey.model.grant import Grant, TokenFamily
from valetkey.model.ids import owned_id
from valetkey.model.pending import Pending
from valetkey.oauth.authorize.consent import Allow
from valetkey.oauth.authorize.endpoint import answer
from valetkey.oauth.authorize.interaction import Why
from valetkey.oauth.authorize.outcome import Consent, Deny, Permit
from valetkey.oauth.authorize.visit import Visit
from valetkey.spec.errors import AccessDenied, InvalidRequest

ALL = "openid profile email chirps profile.write dms.send photos.read"


def asked(world: World, visit: Visit, client: str = "kite", **changed: str) -> Consent:
    """The sheet that the request comes to."""
    decision = world.visit(request(client, **changed), visit)
    assert isinstance(decision, Consent), decision
    return decision


def new(sheet: Consent) -> tuple[str, ...]:
    return tuple(one.permission.id for one in sheet.new)


def granted(world: World, *permissions: str, refused: tuple[str, ...] = ()) -> Grant:
    """A grant of Miko's to Kite, as it might stand."""
    grant = Grant(
        id=owned_id(world.env, owner=world.miko.id),
        user=world.miko.id,
        client="kite",
        permissions=world.at.offer.ordered(permissions),
        refused=world.at.offer.ordered(refused),
        created=world.now,
        changed=world.now,
    )
    world.write(Create(grant))
    return grant


# What is shown.

EVERY = tuple(World().at.offer.permissions)


@settings(max_examples=60, deadline=None)
@given(
    scope=st.sets(st.sampled_from([*KITE.scope, "chirps.read", "dms.read"]), min_size=1),
    stands=st.one_of(
        st.none(), st.tuples(st.sets(st.sampled_from(EVERY)), st.sets(st.sampled_from(EVERY)))
    ),
    prompt=st.sampled_from(["", "consent"]),
)
def test_can_and_cannot_are_the_whole_of_the_catalogs(
    scope: set[str], stands: tuple[set[str], set[str]] | None, prompt: str
) -> None:
    """Each permission of every catalog that is touched stands in one place, and in no other."""
    world = World()
    if stands is not None:
        held, refused = stands
        granted(world, *held, refused=tuple(refused - held))
    decision = world.visit(request("kite", scope=" ".join(scope), prompt=prompt), world.sign_in())
    if not isinstance(decision, Consent):
        assert stands is not None
        return
    offer = world.at.offer
    can, kept = set(new(decision)), {one.id for one in decision.kept}
    cannot = {one.id for one in decision.cannot}
    assert not can & kept
    assert not (can | kept) & cannot
    touched = {offer.resource_of[one] for one in can | kept} | {offer.issuer}
    whole = {one for one in offer.permissions if offer.resource_of[one] in touched}
    # To be recognised is no power over anything: it is not among what an app cannot do.
    assert whole - (can | kept | cannot) <= {"openid"}
    assert cannot <= whole
    risks = [one.risk for one in decision.cannot]
    assert risks == sorted(risks, key=["high", "medium", "low"].index)


def test_a_first_sheet_asks_for_all_that_is_asked() -> None:
    world = World()
    sheet = asked(world, world.sign_in(), scope="openid chirps dms.send")
    assert new(sheet) == ("openid", "chirps.read", "chirps.write", "dms.read", "dms.send")
    assert (sheet.kept, sheet.why) == ((), "permissions")


def test_a_sheet_says_what_is_required_and_why() -> None:
    world = World()
    sheet = asked(world, world.sign_in(), "stefapp", scope="openid chirps profile.write")
    rows = {one.permission.id: (one.required, one.reason, one.refused) for one in sheet.new}
    assert rows == {
        "openid": (True, "", False),
        "chirps.read": (True, "", False),
        "chirps.write": (False, "To post what you write here.", False),
        "profile.write": (False, "", False),
    }


# What is granted: scope asked, ticked, granted, refused.

ANSWERS = [
    row(
        "yes",
        "to all",
        "openid chirps",
        ("openid", "chirps.read", "chirps.write"),
        ("openid", "chirps.read", "chirps.write"),
        (),
    ),
    row(
        "yes",
        "to a part",
        "openid chirps",
        ("chirps.read",),
        ("openid", "chirps.read"),
        ("chirps.write",),
    ),
    row(
        "yes",
        "what is required is part of any",
        "openid chirps",
        (),
        ("openid",),
        ("chirps.read", "chirps.write"),
    ),
    row(
        "yes",
        "what is implied is part of it",
        "dms.send profile.write",
        ("dms.send",),
        ("dms.read", "dms.send"),
        ("profile.write",),
    ),
    row("yes", "what implies is not", "dms.send", ("dms.read",), ("dms.read",), ("dms.send",)),
    row(
        "yes",
        "ticked twice",
        "chirps",
        ("chirps.read", "chirps.read"),
        ("chirps.read",),
        ("chirps.write",),
    ),
]


@pytest.mark.parametrize("scope,ticked,permissions,refused", ANSWERS)
def test_a_yes(
    scope: str, ticked: tuple[str, ...], permissions: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    world = World()
    visit = world.sign_in()
    assert isinstance(world.say(asked(world, visit, scope=scope), visit, ticked=ticked), Permit)
    grant = world.grant()
    assert (grant.permissions, grant.refused) == (permissions, refused)
    assert (grant.version, grant.status, grant.user) == (1, "active", world.miko.id)
    (told,) = (event for event in world.all(Event) if event.kind == "granted")
    assert (told.permissions, told.by, told.user) == (permissions, "user", world.miko.id)


def test_a_yes_to_nothing_is_a_no() -> None:
    world = World()
    visit = world.sign_in()
    decision = world.say(asked(world, visit, scope="chirps"), visit, ticked=())
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, AccessDenied)
    assert not decision.interstitial
    assert world.all(Grant) == ()
    assert world.kinds() == ["signed-in", "refused"]


def test_a_yes_to_nothing_new_is_a_no_to_the_app_and_leaves_what_stood() -> None:
    """The app asked for one thing more and did not get it: it is told so, and not sent off with a
    key that opens nothing."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="chirps.read"), visit)
    before = world.grant()
    decision = world.say(asked(world, visit, scope="profile.write"), visit, ticked=())
    assert isinstance(decision, Deny)
    assert world.grant() == before


def test_a_no_changes_nothing_but_the_request() -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="chirps.read"), visit)
    before = world.grant()
    sheet = asked(world, visit, scope="chirps dms.send")
    decision = world.refuse(sheet, visit)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, AccessDenied)
    assert world.grant() == before
    assert world.all(Pending) == ()


@pytest.mark.parametrize(
    "ticked",
    [
        row("A64", "something else of the catalog", ("chirps.read", "account.delete")),
        row("A64", "what stands already", ("openid",)),
        row("A64", "the name of a set", ("chirps",)),
        row("A64", "nonsense", ("x",)),
        row("A64", "empty", ("",)),
    ],
)
def test_a_form_that_was_edited_grants_nothing(ticked: tuple[str, ...]) -> None:
    world = World()
    visit = world.sign_in()
    world.agree(request("kite", scope="openid"), visit)
    sheet, before = asked(world, visit, scope="openid chirps"), world.grant()
    with pytest.raises(InvalidRequest):
        world.say(sheet, visit, ticked=ticked)
    assert world.grant() == before


def test_an_answer_to_another_sheet_shows_the_sheet_again() -> None:
    """What the app asks for changed under the user's eyes: the yes was to something else."""
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit, scope="openid chirps")
    world.change(Client, "kite", required=("chirps.write",))
    again = world.say(sheet, visit)
    assert isinstance(again, Consent)
    assert again.seen != sheet.seen
    assert world.all(Grant) == ()
    assert isinstance(world.say(again, visit), Permit)


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
    assert {one.id for one in sheet.kept} == {"openid", "chirps.read"}
    assert "chirps.write" in {one.id for one in sheet.cannot}
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
    assert (sheet.why, sheet.kept) == ("restored", ())
    assert new(sheet) == ("openid", "chirps.read", "chirps.write")
    world.say(sheet, visit, ticked=("chirps.read",))
    grant = world.grant()
    assert (grant.id, grant.epoch) == (before.id, 1)
    assert grant.permissions == ("openid", "chirps.read")


# Two answers at once.


def test_two_answers_to_one_sheet_make_one_grant_and_one_code() -> None:
    world = World()
    visit = world.sign_in()
    sheet = asked(world, visit)
    said = Allow(tuple(new(sheet)), sheet.seen)
    first, second = (
        world.ask(answer(sheet.pending.id, said, visit, context=world.context)) for _ in range(2)
    )
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    world.write(*first.changes)
    with pytest.raises(InvalidRequest, match="is over"):
        world.settle(lambda: answer(sheet.pending.id, said, visit, context=world.context))
    world.redeem("kite", first.code)
    assert len(world.all(Grant)) == len(world.all(TokenFamily)) == 1
