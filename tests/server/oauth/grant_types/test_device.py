"""The device authorization grant (RFC 8628), rule by rule; ATTACKS A35 to A38 in part."""

import re
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.grant_types.elsewhere import (
    approve,
    begin,
    consents,
    enters,
    fetch,
    opened,
    row_of,
)
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.counters import Throttle
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import RawKey
from valetkey.server.model.pending import LATE, Pending
from valetkey.server.model.policy import Policy
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize import user_code
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.consent import Allow
from valetkey.server.oauth.authorize.endpoint import answer
from valetkey.server.oauth.authorize.outcome import Confirm, Consent, Deny, Login, Permit
from valetkey.server.oauth.authorize.request_stages import RequestOver
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.grant_types.device import Opened, Unknown, ask, disown
from valetkey.spec.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    SlowDown,
    UnauthorizedClient,
)

NOBODY = Browser(id="phone")


def test_what_the_device_is_told() -> None:
    """RFC 8628 3.2."""
    told = begin(World())
    page = "https://id.example/device"
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", told["user_code"])
    assert told["verification_uri"] == page
    assert told["verification_uri_complete"] == f"{page}?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert told["device_code"].startswith("vk_dc_")
    assert len(told["device_code"]) > 60


def test_the_whole_way() -> None:
    world = World()
    told = begin(world, scope="openid offline_access chirps")
    with pytest.raises(AuthorizationPending):
        fetch(world, told["device_code"])
    permit = approve(world, told["user_code"])
    assert isinstance(permit, Permit)
    assert permit.reply_to.is_decoupled
    assert permit.code == ""
    world.later(5)
    tokens = fetch(world, told["device_code"])
    assert set(tokens["scope"].split()) == {
        *("openid", "offline_access", "chirps", "chirps.read", "chirps.write")
    }
    assert tokens["id_token"]
    assert world.introspect(tokens["access_token"]).sub == world.miko.id
    assert world.refresh("tv", tokens["refresh_token"])["scope"] == tokens["scope"]
    assert world.grant("tv").permissions == world.family("tv").permissions


REFUSED: list[tuple[str, str, str, dict[str, Any], type[OAuthError]]] = [
    ("3.1", "an unknown client", "tv", {"client_id": "nobody"}, InvalidClient),
    ("3.1", "not registered for it", "web", {}, UnauthorizedClient),
    ("3.1", "unknown scope", "tv", {"scope": "nonsense"}, InvalidScope),
    ("3.1", "more than is registered", "tv", {"scope": "photos.read"}, InvalidScope),
    ("10027 6.1", "something risky", "tv", {"scope": "chirps.read dms.read"}, InvalidScope),
    ("10027 6.1", "something risky, unsaid", "tv", {"scope": None}, InvalidScope),
    ("8707 2", "an unknown resource", "tv", {"resource": ("https://x.example",)}, InvalidTarget),
]


@pytest.mark.parametrize("client,asked,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(client: str, asked: dict[str, Any], error: type[OAuthError]) -> None:
    world = World()
    before = world.digest()
    with pytest.raises(error):
        begin(world, client, **asked)
    world.store._tables.pop(Throttle.table, None)  # that it was asked is counted
    assert world.digest() == before


def test_a_policy_may_allow_what_is_risky() -> None:
    world = World()
    world.at = replace(world.at, policies={"lax": Policy(name="lax", device_risk="high")})
    world.change(Client, "tv", policy="lax")
    assert begin(world, scope="dms.read")["user_code"]


def test_what_became_too_risky_meanwhile_is_not_given_away() -> None:
    """ATTACKS A80: the policy of the moment counts."""
    world = World()
    world.at = replace(world.at, policies={"lax": Policy(name="lax", device_risk="high")})
    world.change(Client, "tv", policy="lax")
    told, who = begin(world, scope="dms.read"), world.sign_in()
    world.change(Client, "tv", policy="default")
    found = enters(world, told["user_code"], who)
    assert isinstance(found, Opened)
    with pytest.raises(InvalidScope):
        world.resume(found.pending.id, who)


TYPED = [
    row("6.1", "as it is shown", lambda code: code),
    row("6.1", "in small letters", str.lower),
    row("6.1", "without the stroke", lambda code: code.replace("-", "")),
    row("6.1", "with spaces between", " ".join),
    row("6.1", "with dots and vowels", lambda code: f"a{code[:4]}..{code[5:]}u"),
]


@pytest.mark.parametrize("how", TYPED)
def test_however_it_is_typed(how: Any) -> None:
    world = World()
    assert isinstance(enters(world, how(begin(world)["user_code"]), NOBODY), Opened)


@pytest.mark.parametrize("typed", ["", "-", "BBBB", "BBBBBBBB", "B" * 9, "B" * 5000, "🗝" * 8, "A1"])
def test_what_is_no_code(typed: str) -> None:
    world = World()
    begin(world)
    before = world.digest()
    assert isinstance(enters(world, typed, NOBODY), Unknown)
    assert world.digest() == before


def test_codes_are_drawn_evenly() -> None:
    world = World()
    letters = "".join(user_code.draw(world.env) for _ in range(5000))
    counts = [letters.count(one) for one in user_code.LETTERS]
    assert sum(counts) == len(letters)
    assert max(counts) < 2000 * 1.15
    assert min(counts) > 2000 * 0.85


def test_the_code_alone_approves_nothing() -> None:
    """ATTACKS A36: each step is needed, and each asks anew."""
    world = World()
    told, who = begin(world), world.sign_in()
    found = enters(world, told["user_code"], who)
    assert isinstance(found, Opened)
    shown = world.resume(found.pending.id, who)
    assert isinstance(shown, Confirm)
    assert shown.code == told["user_code"]
    said = world.settle(lambda: _allow(world, found.pending.id, who))
    assert isinstance(said, Confirm)
    with pytest.raises(AuthorizationPending):
        fetch(world, told["device_code"])
    assert not world.all(Grant)


def _allow(world: World, name: str, who: Browser) -> Any:
    return answer(name, Allow(("chirps.read",), ""), who, context=world.context)


def test_nobody_signed_in_is_asked_to() -> None:
    world = World()
    name = opened(world, begin(world)["user_code"], NOBODY)
    assert isinstance(world.resume(name, NOBODY), Login)


def test_the_user_is_asked_each_time() -> None:
    """RFC 8628 5.4: a grant that stands already answers for no device."""
    world = World()
    approve(world, begin(world)["user_code"])
    shown, _ = consents(world, begin(world)["user_code"])
    assert (shown.why, shown.new) == ("confirm", ())


def test_another_browser_cannot_go_on() -> None:
    world = World()
    name = opened(world, begin(world)["user_code"], world.sign_in())
    with pytest.raises(RequestOver):
        world.resume(name, world.sign_in(browser="another"))


def test_a_no_is_told_and_final() -> None:
    world = World()
    told = begin(world)
    shown, who = consents(world, told["user_code"])
    assert isinstance(world.refuse(shown, who), Deny)
    for _ in range(2):
        with pytest.raises(AccessDenied) as caught:
            fetch(world, told["device_code"])
        assert caught.value.status == 400
    assert isinstance(enters(world, told["user_code"], who), Unknown)
    assert not world.all(Grant)


def test_who_did_not_begin_it_stops_it_without_signing_in() -> None:
    world = World()
    told = begin(world)
    found = enters(world, told["user_code"], NOBODY)
    assert isinstance(found, Opened)
    world.settle(lambda: disown(found.pending.id, NOBODY, world.context))
    with pytest.raises(AccessDenied):
        fetch(world, told["device_code"])


def test_two_users_cannot_both_answer() -> None:
    world = World()
    told = begin(world)
    first, miko = consents(world, told["user_code"])
    second, noor = consents(world, told["user_code"], world.sign_in(world.noor, browser="safari"))
    world.say(first, miko)
    with pytest.raises(RequestOver):
        world.say(second, noor)
    tokens = fetch(world, told["device_code"])
    assert world.introspect(tokens["access_token"]).sub == world.miko.id


def test_what_the_user_left_out_is_not_in_the_token() -> None:
    """ATTACKS A38."""
    world = World()
    told = begin(world, scope="openid chirps profile")
    approve(world, told["user_code"], ticked=("chirps.read",))
    tokens = fetch(world, told["device_code"])
    assert set(tokens["scope"].split()) == {"openid", "chirps.read"}
    with pytest.raises(InvalidScope):
        world.refresh("tv", tokens["refresh_token"], scope="chirps.write")


def test_it_is_the_clients_own() -> None:
    """ATTACKS A37."""
    world = World()
    world.change(Client, "kite", grant_types=("urn:ietf:params:oauth:grant-type:device_code",))
    told = begin(world)
    approve(world, told["user_code"])
    with pytest.raises(InvalidGrant):
        fetch(world, told["device_code"], "kite")
    assert fetch(world, told["device_code"])["access_token"]


def test_it_is_good_once_and_the_second_time_ends_all() -> None:
    """ATTACKS A37: in two hands, it is worth nothing in either."""
    world = World()
    told = begin(world, scope="openid offline_access")
    approve(world, told["user_code"])
    tokens = fetch(world, told["device_code"])
    with pytest.raises(InvalidGrant):
        fetch(world, told["device_code"])
    assert world.family("tv").status == "closed"
    assert not world.introspect(tokens["access_token"], by="web").active
    with pytest.raises(InvalidGrant):
        world.refresh("tv", tokens["refresh_token"])


def test_who_comes_too_soon_has_to_wait_longer() -> None:
    """RFC 8628 3.5: five seconds more, for good."""
    world = World()
    code = begin(world)["device_code"]
    expected = [
        (0, AuthorizationPending),
        (5, AuthorizationPending),
        (4, AuthorizationPending),  # The one before was slow on its way.
        (3, SlowDown),
        (5, SlowDown),
        (15, AuthorizationPending),
        (14, AuthorizationPending),
        (13, SlowDown),
    ]
    for wait, error in expected:
        world.later(wait)
        with pytest.raises(error):
            fetch(world, code)


def test_who_comes_too_soon_is_served_once_the_user_said_yes() -> None:
    world = World()
    told = begin(world)
    with pytest.raises(AuthorizationPending):
        fetch(world, told["device_code"])
    approve(world, told["user_code"])
    assert fetch(world, told["device_code"])["access_token"]


def test_it_expires() -> None:
    world = World()
    told, who = begin(world), world.sign_in()
    late = opened(world, told["user_code"], who)
    world.later(600)
    with pytest.raises(ExpiredToken):
        fetch(world, told["device_code"])
    assert isinstance(enters(world, told["user_code"], who), Unknown)
    with pytest.raises(RequestOver):
        world.resume(late, who)
    world.later(LATE - 1)
    world.sweep()
    with pytest.raises(ExpiredToken):
        fetch(world, told["device_code"])
    world.later(1)
    world.sweep()
    assert not world.all(Pending)
    with pytest.raises(InvalidGrant):
        fetch(world, told["device_code"])


def deny(world: World, code: str) -> None:
    """The whole way of a user who says no."""
    world.refuse(*consents(world, code))


def test_a_code_ends_when_it_says() -> None:
    """RFC 8628 3.2: after `expires_in`, also where the user said yes or no before."""
    world = World()
    good = begin(world)
    world.later(598)
    approve(world, good["user_code"])
    world.later(1)
    assert fetch(world, good["device_code"])["access_token"]
    for said in (approve, deny, None):
        late = begin(world)
        world.later(590)
        if said is not None:
            said(world, late["user_code"])
        world.later(10)
        with pytest.raises(ExpiredToken):
            fetch(world, late["device_code"])


def _cut(code: str) -> list[str]:
    return [code[:end] for end in range(0, len(code), 7)] + [code[1:], code[6:], code + "A"]


def test_no_part_of_a_device_code_is_one() -> None:
    world = World()
    told, other = begin(world), begin(world)
    approve(world, told["user_code"])
    mixed = told["device_code"][:28] + other["device_code"][28:]
    for text in (*_cut(told["device_code"]), mixed, told["user_code"], row_id(world)):
        with pytest.raises(InvalidGrant if text else InvalidRequest):
            fetch(world, text)
    assert fetch(world, told["device_code"])["access_token"]


def row_id(world: World) -> str:
    return next(row.id for row in world.all(Pending) if row.kind == "device")


def _user(world: World) -> None:
    world.change(User, world.miko.id, status="disabled")


def _grant(status: str) -> Any:
    return lambda world: world.change(Grant, world.grant("tv").id, status=status)


def _client(world: World) -> None:
    world.change(Client, "tv", status="suspended")


DEAD: list[Any] = [
    row("A78", "user disabled", _user, InvalidGrant),
    row("A78", "grant paused", _grant("paused"), InvalidGrant),
    row("A78", "grant stopped", _grant("stopped"), InvalidGrant),
    row("A78", "client suspended", _client, InvalidClient),
]


@pytest.mark.parametrize("happens,error", DEAD)
def test_who_is_dead_between_yes_and_tokens_gets_none(
    happens: Any, error: type[OAuthError]
) -> None:
    world = World()
    told = begin(world)
    approve(world, told["user_code"])
    happens(world)
    with pytest.raises(error):
        fetch(world, told["device_code"])
    assert not world.all(TokenFamily)


def test_a_client_that_lost_the_grant_type_gets_nothing() -> None:
    world = World()
    told, who = begin(world), world.sign_in()
    name = opened(world, told["user_code"], who)
    world.change(Client, "tv", grant_types=("refresh_token",))
    with pytest.raises(UnauthorizedClient):
        world.resume(name, who)
    with pytest.raises(UnauthorizedClient):
        fetch(world, told["device_code"])


def test_the_token_may_be_narrowed() -> None:
    world = World()
    told = begin(world, scope="openid chirps")
    approve(world, told["user_code"])
    assert fetch(world, told["device_code"], scope="chirps.read")["scope"] == "chirps.read"


def test_codes_hold_while_keys_rotate() -> None:
    world = World()
    told = begin(world)
    ring = world.at.keyring
    fresh = RawKey("3ac00002", bytes(range(2, 34)))
    world.at = replace(world.at, keyring=replace(ring, macs=(fresh, *ring.macs)))
    approve(world, told["user_code"])
    assert fetch(world, told["device_code"])["access_token"]


def test_no_row_holds_a_code() -> None:
    """ATTACKS A82: codes are few, so a digest of one would not hide it."""
    world = World()
    told = begin(world)
    found = enters(world, told["user_code"], NOBODY)
    assert isinstance(found, Opened)
    plain = told["user_code"].replace("-", "")
    secret = told["device_code"][30:]
    for one in world.all(Pending):
        text = repr(one)
        assert told["user_code"] not in text
        assert plain not in text
        assert secret not in text


def test_where_it_came_from_is_kept_for_its_user() -> None:
    world = World()
    asked = call("tv", scope="openid")
    world.post(ask, replace(asked, address="203.0.113.7", agent="Firefox on Linux"))
    at = row_of(world).decoupled
    assert at is not None
    assert (at.address, at.agent) == ("203.0.113.7", "Firefox on Linux")


def test_switched_off_it_vanishes() -> None:
    world = World()
    assert server_metadata(world.context).device_authorization_endpoint
    features = tuple(one for one in world.at.features if one.name != "device authorization")
    world.at = replace(world.at, features=features)
    said = server_metadata(world.context)
    assert said.device_authorization_endpoint == ""
    assert not any("device" in one for one in said.grant_types_supported)


def test_a_page_that_is_shown_twice_counts_once() -> None:
    world = World()
    told = begin(world)
    shown, who = consents(world, told["user_code"])
    assert isinstance(shown, Consent)
    assert isinstance(world.say(shown, who), Permit)
    with pytest.raises(RequestOver):
        world.say(shown, who)
