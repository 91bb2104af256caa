"""Grant Management for OAuth 2.0 5: create, merge and replace in an authorization request."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Permit
from valetkey.spec.errors import (
    AccessDenied,
    InvalidGrant,
    InvalidGrantId,
    InvalidRequest,
    OAuthError,
)


def opted_in(*more: str) -> World:
    world = World()
    for client in ("web", *more):
        world.change(Client, client, understands=("grant_management",))
    return world


def asking(action: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"grant_management_action": action, "grant_id": name, **more}


def test_create() -> None:
    world = opted_in()
    tokens = world.connect("web", **asking("create", scope="openid chirps.read"))
    assert tokens["grant_id"] == world.grant("web").id


def test_create_is_for_who_has_none() -> None:
    world = opted_in()
    world.connect("web", scope="openid chirps.read")
    visit, before = world.sign_in(), world.grant("web")
    for scope in ("openid", "openid photos.read"):
        decision = world.visit(request("web", **asking("create", scope=scope)), visit)
        assert isinstance(decision, Deny)
        assert type(decision.error) is InvalidRequest
    assert world.grant("web") == before


def test_create_after_the_end() -> None:
    world = opted_in()
    first = world.connect("web", scope="openid")["grant_id"]
    world.change(Grant, first, status="stopped")
    assert world.connect("web", **asking("create", scope="openid"))["grant_id"] != first


def test_create_after_its_time_asks_everything_anew() -> None:
    world = opted_in()
    world.connect("web", scope="openid chirps.read")
    grant = world.grant("web")
    world.change(Grant, grant.id, limits=replace(grant.limits, until=world.now + 60))
    world.later(61)
    what = request("web", **asking("create", scope="openid photos.read"))
    visit = world.sign_in()
    sheet = world.visit(what, visit)
    assert isinstance(sheet, Consent)
    assert sheet.already_granted == ()
    assert isinstance(world.say(sheet, visit), Permit)
    assert world.grant("web").permissions == ("openid", "photos.read")


def test_merge() -> None:
    world = opted_in()
    first = world.connect("web", scope="openid chirps.read offline_access")
    name = first["grant_id"]
    more = world.connect("web", **asking("merge", name, scope="openid photos.read"))
    assert more["grant_id"] == name
    assert {*world.grant("web").permissions} >= {"chirps.read", "photos.read"}
    with pytest.raises(InvalidGrant):
        world.refresh("web", first["refresh_token"])
    (told,) = (one for one in world.all(Event) if one.kind == "disconnected")
    assert (told.by, told.grant) == ("app", name)


def test_what_is_lost_on_the_way_costs_nothing() -> None:
    """The old refresh token ends with the redemption, and not before."""
    world = opted_in()
    first = world.connect("web", scope="openid chirps.read offline_access")
    what = asking("merge", first["grant_id"], scope="openid photos.read")
    code = world.agree(request("web", **what)).code
    world.refresh("web", first["refresh_token"])
    with pytest.raises(InvalidGrant):
        world.redeem("post", code)
    world.refresh("web", first["refresh_token"])


def test_other_grants_families_stay() -> None:
    world = opted_in()
    kite = world.connect("kite", scope="openid offline_access chirps.read")
    name = world.connect("web", scope="openid")["grant_id"]
    world.connect("web", **asking("merge", name, scope="openid"))
    assert world.refresh("kite", kite["refresh_token"])
    open_ = [one.client for one in world.all(TokenFamily) if one.status == "open"]
    assert sorted(open_) == ["kite", "web"]


def test_replace_by_less_asks_nobody() -> None:
    world = opted_in()
    first = world.connect("web", scope="openid chirps.read photos.read")
    name, told = first["grant_id"], len(world.kinds())
    what = asking("replace", name, scope="openid chirps.read", prompt="none")
    decision = world.visit(request("web", **what), world.sign_in())
    assert isinstance(decision, Permit)
    assert world.grant("web").permissions == ("openid", "chirps.read")
    assert world.grant("web").refused == ()
    assert "photos.read" not in world.introspect(first["access_token"], "photos").scope
    (event,) = (one for one in world.all(Event) if one.kind == "downgraded")
    assert (event.by, event.permissions, event.grant) == ("app", ("photos.read",), name)
    assert len(world.kinds()) == told + 1  # That; the sign-in is counted with the first.
    assert world.redeem("web", decision.code)["grant_id"] == name


def test_replace_by_something_else() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    visit = world.sign_in()
    what = request("web", **asking("replace", name, scope="openid photos.read"))
    sheet = world.visit(what, visit)
    assert isinstance(sheet, Consent)
    assert [one.id for one in sheet.already_granted] == ["openid"]
    assert "chirps.read" in world.grant("web").permissions  # Nothing until the yes.
    assert isinstance(world.say(sheet, visit), Permit)
    assert world.grant("web").permissions == ("openid", "photos.read")
    assert world.grant("web").id == name
    assert {"downgraded", "upgraded"} <= {*world.kinds()}


def test_a_no_to_replace_leaves_all_as_it_was() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    visit, before = world.sign_in(), world.grant("web")
    what = request("web", **asking("replace", name, scope="openid photos.read"))
    sheet = world.visit(what, visit)
    assert isinstance(sheet, Consent)
    assert isinstance(world.refuse(sheet, visit), Deny)
    assert world.grant("web") == before


def test_replace_that_insists_and_adds_nothing() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    world.agree(request("web", **asking("replace", name, scope="openid", prompt="consent")))
    assert world.grant("web").permissions == ("openid",)
    assert world.kinds().count("downgraded") == 1


@pytest.mark.parametrize("action", ["merge", "replace"])
def test_another_users_grant(action: str) -> None:
    """5.4, ATTACKS A77: whoever agrees has to be the owner."""
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    noor, before = world.sign_in(world.noor), world.digest()
    decision = world.visit(request("web", **asking(action, name, scope="openid")), noor)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, AccessDenied)
    assert world.digest() == before


REFUSED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("5.4", "an unknown action", asking("update", "x"), InvalidRequest),
    ("5.4", "two actions", asking("create merge"), InvalidRequest),
    ("5.4", "merge without a grant", asking("merge"), InvalidRequest),
    ("5.4", "replace without a grant", asking("replace"), InvalidRequest),
    ("5.4", "create with a grant", asking("create", "GRANT"), InvalidRequest),
    ("5.4", "a grant without an action", asking("", "GRANT"), InvalidRequest),
    ("5.4", "an unknown grant", asking("merge", "0" * 26), InvalidGrantId),
    ("5.4", "no name at all", asking("merge", "x/y"), InvalidGrantId),
    ("A77", "another app's", asking("merge", "KITE"), InvalidGrantId),
    ("A77", "another app's, to replace it", asking("replace", "KITE"), InvalidGrantId),
    ("5.4", "one that is over", asking("merge", "OVER"), InvalidGrantId),
]


@pytest.mark.parametrize("what, error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(what: dict[str, Any], error: type[OAuthError]) -> None:
    """Before anybody signs in, and when it is pushed."""
    world = opted_in()
    kite = world.connect("kite", scope="openid")
    assert "grant_id" not in kite
    over = world.connect("web", scope="openid")["grant_id"]
    world.change(Grant, over, status="stopped")
    mine = world.connect("web", scope="openid")["grant_id"]
    names = {"KITE": world.grant("kite").id, "OVER": over, "GRANT": mine}
    sent = {**what, "grant_id": names.get(what["grant_id"], what["grant_id"]), "scope": "openid"}
    before = world.digest()
    decision = world.visit(request("web", **sent), world.sign_in(browser="other"))
    assert isinstance(decision, Deny)
    assert type(decision.error) is error
    with pytest.raises(error):
        world.push("web", **sent)
    assert {name: at for name, at in world.digest().items() if name in before} == before


def test_a_grant_that_ends_while_the_request_waits() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    visit = world.sign_in()
    sheet = world.visit(request("web", **asking("merge", name, scope="openid photos.read")), visit)
    assert isinstance(sheet, Consent)
    world.change(Grant, name, status="stopped")
    decision = world.say(sheet, visit)
    assert isinstance(decision, Deny)
    assert isinstance(decision.error, InvalidGrantId)


def test_pushed() -> None:
    world = opted_in()
    name = world.connect("web", scope="openid chirps.read")["grant_id"]
    uri = world.push("web", **asking("replace", name, scope="openid"))
    decision = world.visit({"client_id": "web", "request_uri": uri}, world.sign_in())
    assert isinstance(decision, Permit)
    assert world.grant("web").permissions == ("openid",)


def test_who_has_not_opted_in_is_not_bothered() -> None:
    world = World()
    first = world.connect("web", scope="openid chirps.read offline_access")
    for action in ("replace", "create", "nonsense"):
        world.connect("web", **asking(action, world.grant("web").id, scope="openid"))
    assert "chirps.read" in world.grant("web").permissions
    assert world.refresh("web", first["refresh_token"])
