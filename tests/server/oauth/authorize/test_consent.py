"""Consent: what the user is asked, and what follows from the answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rows import row
from tests.server.oauth.authorize.sheets import asked, granted, new
from tests.server.oauth.forms import KITE, request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit
from valetkey.spec.errors import AccessDenied, InvalidRequest

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
    """Each permission of every catalog stands in one place, and in no other."""
    world = World()
    if stands is not None:
        held, refused = stands
        granted(world, *held, refused=tuple(refused - held))
    decision = world.visit(request("kite", scope=" ".join(scope), prompt=prompt), world.sign_in())
    if not isinstance(decision, Consent):
        assert stands is not None
        return
    offer = world.at.offer
    can, kept = set(new(decision)), {one.id for one in decision.already_granted}
    cannot = {one.id for group in decision.cannot for one in group.permissions}
    assert not can & kept
    assert not (can | kept) & cannot
    # To be recognised is no power over anything: it is not among what an app cannot do.
    assert set(offer.permissions) - (can | kept | cannot) <= {"openid"}
    assert cannot <= set(offer.permissions)
    for group in decision.cannot:
        assert {offer.resource_of[one.id] for one in group.permissions} == {group.resource}
        touched = any(offer.resource_of[one] == group.resource for one in can | kept)
        assert group.whole is not (touched or group.resource == offer.issuer)
        risks = [one.risk for one in group.permissions]
        assert risks == sorted(risks, key=["high", "medium", "low"].index)
    assert [group.whole for group in decision.cannot] == sorted(
        group.whole for group in decision.cannot
    )


def test_a_first_sheet_asks_for_all_that_is_asked() -> None:
    world = World()
    sheet = asked(world, world.sign_in(), scope="openid chirps dms.send")
    assert new(sheet) == ("openid", "chirps.read", "chirps.write", "dms.read", "dms.send")
    assert (sheet.already_granted, sheet.why) == ((), "permissions")


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
    assert {one.kind for one in world.all(Pending)} == {"answered"}


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
    assert again.sheet_digest != sheet.sheet_digest
    assert world.all(Grant) == ()
    assert isinstance(world.say(again, visit), Permit)
