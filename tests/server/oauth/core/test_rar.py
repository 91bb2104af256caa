"""Rich authorization requests (RFC 9396): permissions and limits said as objects."""

import json
from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP, PHOTOS
from tests.rows import row
from tests.server.oauth.authorize import test_jar
from tests.server.oauth.bank import PAY, SEE, bank
from tests.server.oauth.forms import request
from tests.server.oauth.grant_types.elsewhere import approve, asks, begin, comes, fetch, shown
from tests.server.oauth.grant_types.test_token_exchange import exchange
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.limits import Bounds
from valetkey.server.oauth.authorize.outcome import Consent, Deny
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call, Endpoint
from valetkey.server.oauth.core.rar import RAR
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.server.oauth.grants import changes
from valetkey.spec.errors import InvalidAuthorizationDetails, InvalidTarget, OAuthError
from valetkey.wire.form import Form

READ = {"type": CHIRP, "actions": ["chirps.read"]}
WRITE = {
    "type": CHIRP,
    "actions": ["chirps.write"],
    "limits": {"chirps.write": {"often": {"day": 5}}},
}
SEND = {
    "type": "https://bank.example",
    "actions": [SEE, PAY],
    "locations": ["https://bank.example"],
    "limits": {PAY: {"much": {"month": 20_000}, "ask_above": 5_000}},
}


def said(*details: Any) -> str:
    return json.dumps(list(details))


def details(told: Any) -> Any:
    """The details in an answer, as they travel."""
    return msgspec.json.decode(msgspec.json.encode(told))


def sheet(world: World, client: str = "kite", **parameters: Any) -> Consent:
    """The consent page for a request."""
    decision = world.visit(request(client, **parameters), world.sign_in())
    assert isinstance(decision, Consent), decision
    return decision


def refused(world: World, text: str, client: str = "kite", **parameters: Any) -> OAuthError:
    """Why the request is refused."""
    given = {"authorization_details": text, "scope": "openid"} | parameters
    decision = world.visit(request(client, **given), world.sign_in())
    assert isinstance(decision, Deny), decision
    return decision.error


def test_the_page_asks_for_permissions_within_the_limits_that_the_app_named() -> None:
    world = bank()
    page = sheet(world, "payer", scope="openid", authorization_details=said(SEND))
    assert [one.permission.id for one in page.new] == ["openid", SEE, PAY]
    assert page.bounds == {PAY: Bounds(much={"month": 20_000}, ask_above=5_000)}
    cannot = {one.id for group in page.cannot for one in group.permissions}
    assert cannot.isdisjoint({SEE, PAY})


def test_the_token_says_what_was_granted_and_the_grant_keeps_it() -> None:
    """RFC 9396 7 and 9.1."""
    world = bank()
    told = world.connect("payer", scope="openid", authorization_details=said(SEND))
    assert details(told["authorization_details"]) == [SEND]
    assert world.grant("payer").limits.of(PAY) == Bounds(much={"month": 20_000}, ask_above=5_000)
    seen = world.introspect(told["access_token"], by="bank")
    assert details(seen.authorization_details) == [SEND]
    assert set(seen.scope.split()) == {SEE, PAY}


def test_who_asks_by_scopes_hears_nothing_of_details() -> None:
    world = World()
    told = world.connect()
    assert "authorization_details" not in told
    assert world.introspect(told["access_token"]).authorization_details == ()


def test_without_a_scope_only_the_details_are_asked() -> None:
    """The default scope is for who asks for nothing in particular."""
    page = sheet(World(), scope=None, authorization_details=said(READ))
    assert [one.permission.id for one in page.new] == ["chirps.read"]


def test_a_user_may_leave_a_part_out() -> None:
    """RFC 9396 7: the client is told what it got."""
    world = bank()
    asked = said(SEND)
    told = world.connect("payer", ticked=(SEE,), scope="openid", authorization_details=asked)
    assert details(told["authorization_details"]) == [
        {"type": "https://bank.example", "actions": [SEE], "locations": ["https://bank.example"]}
    ]


def test_a_change_of_the_grant_is_a_change_of_the_details() -> None:
    world = bank()
    scope, asked = "openid offline_access", said(SEND)
    told = world.connect("payer", scope=scope, authorization_details=asked)
    grant = world.grant("payer")
    keep = [one for one in grant.permissions if one != PAY]
    world.settle(
        lambda: changes.narrow(grant.id, keep, user=grant.user, by="user", context=world.context)
    )
    assert world.introspect(told["access_token"], by="bank").authorization_details[0].actions == (
        SEE,
    )
    again = world.refresh("payer", told["refresh_token"])
    assert [one["actions"] for one in details(again["authorization_details"])] == [[SEE]]
    assert "limits" not in again["authorization_details"][0]


SEVERAL = [
    row("2", "each with its own action", said(READ, WRITE)),
    row("2", "in another order", said(WRITE, READ)),
    row("2", "one of them again", said(READ, WRITE, READ)),
    row(
        "2",
        "one inside another, under the same limits",
        said({**WRITE, "actions": ["chirps.read", "chirps.write"]}, WRITE),
    ),
]


@pytest.mark.parametrize("text", SEVERAL)
def test_several_objects_of_one_type_add_up(text: str) -> None:
    """RFC 9396 2: a type may stand there more than once. What was granted is said in one."""
    world = World()
    whole = {**WRITE, "actions": ["chirps.read", "chirps.write"], "locations": [CHIRP]}
    scope = "openid offline_access"
    held = world.connect(scope=scope, authorization_details=text)
    assert details(held["authorization_details"]) == [whole]
    assert world.grant().limits.of("chirps.write").often == {"day": 5}
    again = world.refresh("kite", held["refresh_token"], authorization_details=text)
    assert details(again["authorization_details"]) == [whole]
    (seen,) = world.introspect(again["access_token"]).authorization_details
    assert seen.limits == WRITE["limits"]


BAD = [
    row("5", "an unknown type", said({"type": "https://evil.example", "actions": ["x"]})),
    row(
        "5",
        "the server's own catalog is no type",
        said({"type": "https://id.example", "actions": ["email"]}),
    ),
    row(
        "5",
        "the name of a resource server is no type",
        said({"type": "chirp", "actions": ["chirps.read"]}),
    ),
    row("5", "a type without its actions", said({"type": CHIRP})),
    row("5", "no actions", said({"type": CHIRP, "actions": []})),
    row("5", "an action of another type", said({"type": CHIRP, "actions": ["photos.read"]})),
    row("5", "an unknown action", said({"type": CHIRP, "actions": ["chirps.burn"]})),
    row("5", "a scope of OpenID Connect as an action", said({"type": CHIRP, "actions": ["email"]})),
    row("5", "an unknown member", said({**READ, "privileges": ["admin"]})),
    row("5", "a member of the wrong type", said({"type": CHIRP, "actions": "chirps.read"})),
    row("5", "a number as the type", said({"type": 1, "actions": ["chirps.read"]})),
    row("5", "a location elsewhere", said({**READ, "locations": [PHOTOS]})),
    row("2", "two limits for one permission", said(WRITE, {**WRITE, "limits": {}})),
    row(
        "2",
        "two limits for one permission, the tighter one last",
        said({**WRITE, "limits": {"chirps.write": {"often": {"day": 6}}}}, WRITE),
    ),
    row(
        "2",
        "two limits for one permission, one by the name of a set",
        said({"type": CHIRP, "actions": ["chirps"]}, WRITE),
    ),
    row(
        "5",
        "one of two that will not do",
        said(READ, {"type": CHIRP, "actions": ["account.delete"]}),
    ),
    row("5", "more than is registered", said({"type": CHIRP, "actions": ["account.delete"]})),
    row(
        "5",
        "limits on what is not asked",
        said({**READ, "limits": {"chirps.write": {"often": {"day": 1}}}}),
    ),
    row(
        "5",
        "limits that are not counted",
        said({**READ, "limits": {"chirps.read": {"often": {"day": 1}}}}),
    ),
    row("5", "an unknown limit", said({**WRITE, "limits": {"chirps.write": {"sometimes": 1}}})),
    row("5", "a limit of none", said({**WRITE, "limits": {"chirps.write": {"often": {"day": 0}}}})),
    row(
        "5", "a negative limit", said({**WRITE, "limits": {"chirps.write": {"often": {"day": -1}}}})
    ),
    row(
        "5",
        "an amount without a unit",
        said({**WRITE, "limits": {"chirps.write": {"much": {"day": 1}}}}),
    ),
    row("2", "an object, not a list", json.dumps(READ)),
    row("2", "an empty list", "[]"),
    row("2", "a list of text", '["chirps.read"]'),
    row("2", "no JSON", "chirps.read"),
    row(
        "2",
        "a member that stands twice",
        said(READ).replace('"type"', '"type": "x", "type"'),
    ),
    row("2", "too deep", "[" * 5000 + "]" * 5000),
    row(
        "2",
        "deeper than limits need",
        said({**WRITE, "limits": {"chirps.write": {"hours": [[[[[1]]]]]}}}),
    ),
    row("2", "too long", said({**READ, "locations": [CHIRP] * 400})),
    row("2", "too many", said(*({"type": f"t{n}", "actions": ["x"]} for n in range(21)))),
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text: str) -> None:
    error = refused(World(), text)
    assert isinstance(error, InvalidAuthorizationDetails)
    assert not set(error.description) & set('"\\')


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused_when_it_is_pushed(text: str) -> None:
    """RFC 9396 5: and nothing is kept."""
    world = World()
    before = world.digest()
    with pytest.raises(InvalidAuthorizationDetails):
        world.push("kite", authorization_details=text)
    assert world.digest() == before


def test_a_type_that_the_client_has_not_registered_is_refused() -> None:
    """RFC 9396 10."""
    world = World()
    world.change(Client, "kite", authorization_details_types=(PHOTOS,))
    assert isinstance(refused(world, said(READ)), InvalidAuthorizationDetails)
    page = sheet(world, authorization_details=said({"type": PHOTOS, "actions": ["photos.read"]}))
    assert "photos.read" in [one.permission.id for one in page.new]


def test_a_type_that_is_not_among_the_resources_is_refused() -> None:
    error = refused(World(), said(READ), scope="openid", resource=(PHOTOS,))
    assert isinstance(error, InvalidTarget)


def test_pushed_details_come_to_the_same_page() -> None:
    world = bank()
    uri = world.push("payer", scope="openid", authorization_details=said(SEND))
    decision = world.visit({"client_id": "payer", "request_uri": uri}, world.sign_in())
    assert isinstance(decision, Consent)
    assert decision.bounds[PAY].much == {"month": 20_000}


def test_a_device_asks_by_details() -> None:
    world = World()
    told = begin(world, scope="openid", authorization_details=said(READ))
    approve(world, told["user_code"])
    tokens = fetch(world, told["device_code"])
    assert details(tokens["authorization_details"]) == [{**READ, "locations": [CHIRP]}]


def test_what_is_too_risky_for_a_code_is_so_by_details_as_well() -> None:
    with pytest.raises(OAuthError, match=r"dms\.read is not given away"):
        begin(World(), authorization_details=said({"type": CHIRP, "actions": ["dms.read"]}))


def test_a_question_on_the_users_pages_has_details() -> None:
    world = World()
    told = asks(world, scope="openid", authorization_details=said(WRITE))
    visit = world.sign_in()
    page = shown(world, visit)
    assert page.bounds["chirps.write"].often == {"day": 5}
    world.say(page, visit)
    tokens = comes(world, told["auth_req_id"])
    assert details(tokens["authorization_details"]) == [{**WRITE, "locations": [CHIRP]}]


# At the token endpoint (RFC 9396 6): narrowing, and nothing else.


def test_a_code_is_redeemed_for_less() -> None:
    world = bank()
    code = world.agree(request("payer", scope="openid", authorization_details=said(SEND))).code
    less = said({"type": "https://bank.example", "actions": [SEE]})
    told = world.redeem("payer", code, authorization_details=less)
    assert [one["actions"] for one in details(told["authorization_details"])] == [[SEE]]
    assert set(told["scope"].split()) == {SEE}


def test_limits_may_be_sent_back_as_they_are() -> None:
    world = bank()
    code = world.agree(request("payer", scope="openid", authorization_details=said(SEND))).code
    assert world.redeem("payer", code, authorization_details=said(SEND))["scope"] == f"{SEE} {PAY}"


KEPT = [
    row("6", "another scope", {"scope": "openid"}, {"openid", "chirps.write"}),
    row("6", "a scope of the same API", {"scope": "photos.read"}, {"photos.read", "chirps.write"}),
    row("6", "no scope", {}, {"openid", "offline_access", "photos.read", "chirps.write"}),
    row("8707 2.2", "one API", {"scope": "photos.read", "resource": (PHOTOS,)}, {"photos.read"}),
]


@pytest.mark.parametrize("how", ["a refresh", "a code"])
@pytest.mark.parametrize("named,opens", KEPT)
def test_a_scope_alone_leaves_the_details(named: dict[str, Any], opens: set[str], how: str) -> None:
    """RFC 9396 6 with RFC 6749 6: it says nothing about them, and none are lost without a word."""
    world = World()
    asked: dict[str, Any] = {
        "scope": "openid offline_access photos.read",
        "authorization_details": said(WRITE),
    }
    if how == "a code":
        told = world.redeem("kite", world.agree(request("kite", **asked)).code, **named)
    else:
        told = world.refresh("kite", world.connect(**asked)["refresh_token"], **named)
    assert set(told["scope"].split()) == opens
    details_ = [] if "resource" in named else [{**WRITE, "locations": [CHIRP]}]
    assert details(told.get("authorization_details", [])) == details_


def test_details_narrow_what_a_scope_leaves() -> None:
    world = World()
    both = {**READ, "actions": ["chirps.read", "chirps.write"]}
    scope = "openid offline_access"
    held = world.connect(scope=scope, authorization_details=said(both))["refresh_token"]
    told = world.refresh("kite", held, scope="openid", authorization_details=said(READ))
    assert set(told["scope"].split()) == {"openid", "chirps.read"}


MORE = [
    row("6", "another action", {"type": CHIRP, "actions": ["dms.read"]}),
    row("6", "another type", {"type": PHOTOS, "actions": ["photos.read"]}),
    row("6", "a wider limit", {**WRITE, "limits": {"chirps.write": {"often": {"day": 6}}}}),
    row(
        "6",
        "a tighter limit, which the grant does not have",
        {**WRITE, "limits": {"chirps.write": {"often": {"day": 4}}}},
    ),
    row(
        "6", "another kind of limit", {**WRITE, "limits": {"chirps.write": {"often": {"hour": 1}}}}
    ),
]


@pytest.mark.parametrize("more", MORE)
def test_a_refresh_cannot_widen(more: Any) -> None:
    world = World()
    held = world.connect(scope="openid offline_access", authorization_details=said(WRITE))
    with pytest.raises(InvalidAuthorizationDetails):
        world.refresh("kite", held["refresh_token"], authorization_details=said(more))


@pytest.mark.parametrize("more", MORE[:2])
def test_an_exchange_cannot_widen(more: Any) -> None:
    world = World()
    held = world.connect(scope="openid", authorization_details=said(READ))
    with pytest.raises(InvalidAuthorizationDetails):
        exchange(world, held["access_token"], authorization_details=said(more))


def test_an_exchange_narrows_by_details() -> None:
    world = World()
    held = world.connect(scope="openid chirps photos.read")
    told = exchange(world, held["access_token"], authorization_details=said(READ))
    assert told["scope"] == "chirps.read"
    assert details(told["authorization_details"]) == [{**READ, "locations": [CHIRP]}]


def test_a_machine_asks_by_details() -> None:
    told = World().token(
        "machine", grant_type="client_credentials", authorization_details=said(READ)
    )
    assert details(told["authorization_details"]) == [{**READ, "locations": [CHIRP]}]
    with pytest.raises(InvalidAuthorizationDetails):
        World().token(
            "machine",
            grant_type="client_credentials",
            authorization_details=said(MORE[0].values[0]),
        )


# Where it is switched off, nobody has heard of it.


def test_switched_off_it_is_a_parameter_like_any_other() -> None:
    world = World(switched(off=(RAR.name,)))
    page = sheet(world, authorization_details="[[[")
    assert page.bounds == {}
    told = world.connect(scope="openid offline_access", authorization_details=said(WRITE))
    again = world.refresh("kite", told["refresh_token"], authorization_details="[[[")
    assert "authorization_details" not in told.keys() | again.keys()


def test_the_metadata_of_types_is_the_catalog() -> None:
    """draft-ietf-oauth-rar-metadata-remediation 3."""
    world = World(FEATURES)
    (endpoint,) = RAR.endpoints
    assert isinstance(endpoint, Endpoint)
    answer = world.ask(endpoint.rule(Call(form=Form({})), world.context))
    assert isinstance(answer, Answer)
    document: Any = msgspec.to_builtins(answer.document)
    types = document["authorization_details_types_metadata"]
    assert list(types) == [CHIRP, PHOTOS]
    schema = types[CHIRP]["schema"]
    assert schema["properties"]["type"] == {"const": CHIRP}
    actions = [one["const"] for one in schema["properties"]["actions"]["items"]["oneOf"]]
    assert set(actions) == set(world.at.offer.names_of(CHIRP))
    assert list(schema["properties"]["limits"]["properties"]) == ["chirps.write"]
    assert schema["additionalProperties"] is False


def test_signed_requests_carry_details_as_json() -> None:
    """RFC 9101 4, RFC 9396 3: in a request object it is an array, not a text."""
    it = test_jar.world()
    its = test_jar.read(it, test_jar.signed(it, authorization_details=[READ]))
    assert json.loads(its.form["authorization_details"]) == [READ]
