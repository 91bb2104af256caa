"""Backchannel authentication (CIBA Core 1.0), rule by rule; ATTACKS A50 in part."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.grant_types.elsewhere import asks, begin, comes, fetch, shown, waiting
from tests.server.oauth.world import World

from valetkey.jose import base64url
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.outcome import Deny, Login, Permit
from valetkey.server.oauth.authorize.request_stages import RequestOver
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.grants import approvals
from valetkey.server.oauth.grants.approvals import Use
from valetkey.spec.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidBindingMessage,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    OAuthError,
    SlowDown,
    UnauthorizedClient,
    UnknownUserId,
)


def test_what_the_app_is_told() -> None:
    """CIBA Core 7.3."""
    told = asks(World())
    assert told.keys() == {"auth_req_id", "expires_in", "interval"}
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert told["auth_req_id"].startswith("vk_ar_")


def test_the_whole_way() -> None:
    world = World()
    told = asks(world, scope="openid offline_access chirps", binding_message="W4SCT")
    with pytest.raises(AuthorizationPending):
        comes(world, told["auth_req_id"])
    (question,) = waiting(world, world.miko.id)
    assert (question.words, question.client) == ("W4SCT", "till")
    visit = world.sign_in()
    assert isinstance(world.say(shown(world, visit), visit), Permit)
    assert waiting(world, world.miko.id) == []
    world.later(5)
    tokens = comes(world, told["auth_req_id"])
    assert set(tokens["scope"].split()) >= {"openid", "offline_access", "chirps"}
    assert tokens["id_token"]
    assert world.introspect(tokens["access_token"]).sub == world.miko.id
    assert world.refresh("till", tokens["refresh_token"])["access_token"]


def test_the_user_is_asked_each_time() -> None:
    world = World()
    visit = world.sign_in()
    asks(world)
    world.say(shown(world, visit), visit)
    asks(world)
    page = shown(world, visit)
    assert (page.why, page.new) == ("confirm", ())


def id_token(world: World, client: str = "till", **more: Any) -> str:
    """An ID Token of Miko's to the client."""
    told, visit = asks(world, client, **more), world.sign_in()
    world.say(shown(world, visit), visit)
    return str(comes(world, told["auth_req_id"], client)["id_token"])


def test_an_id_token_says_whom_to_ask_even_when_it_is_old() -> None:
    world = World()
    hint = id_token(world)
    world.later(86400)
    assert asks(world, login_hint=None, id_token_hint=hint)["auth_req_id"]
    assert len(waiting(world, world.miko.id)) == 1


def test_a_pairwise_app_speaks_of_its_user_by_the_name_that_it_knows() -> None:
    world = World()
    sector = "https://till.example/sector.json"
    world.change(
        Client,
        "till",
        subject_type="pairwise",
        sector_identifier_uri=sector,
        scope=("openid", "profile"),
    )
    hint = id_token(world, scope="openid")
    assert world.miko.id.encode() not in base64url.decode(hint.split(".")[1])
    mine: dict[str, Any] = {"scope": "openid", "login_hint": None, "id_token_hint": hint}
    assert asks(world, **mine)["auth_req_id"]
    assert len(waiting(world, world.miko.id)) == 1
    # To another sector the name says nothing.
    world.change(Client, "till", sector_identifier_uri="https://other.example/sector.json")
    with pytest.raises(UnknownUserId):
        asks(world, **mine)


REFUSED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("7.1", "no hint", {"login_hint": None}, InvalidRequest),
    ("7.1", "two hints", {"id_token_hint": "x"}, InvalidRequest),
    ("7.1", "three hints", {"id_token_hint": "x", "login_hint_token": "y"}, InvalidRequest),
    ("7.1", "another kind", {"login_hint": None, "login_hint_token": "y"}, InvalidRequest),
    ("7.1", "no ID Token", {"login_hint": None, "id_token_hint": "e30.e30.e30"}, InvalidRequest),
    ("13", "nobody", {"login_hint": "nobody"}, UnknownUserId),
    ("13", "a very long name", {"login_hint": "m" * 5000}, UnknownUserId),
    ("7.1", "without openid", {"scope": "chirps.read"}, InvalidScope),
    ("7.1", "an unknown scope", {"scope": "openid nonsense"}, InvalidScope),
    ("7.1", "more than is registered", {"scope": "openid photos.read"}, InvalidScope),
    ("13", "a long message", {"binding_message": "x" * 101}, InvalidBindingMessage),
    ("13", "a message with a line end", {"binding_message": "a\nb"}, InvalidBindingMessage),
    ("13", "a message that turns around", {"binding_message": "a\u202eb"}, InvalidBindingMessage),
    ("13", "a message of spaces", {"binding_message": "  "}, InvalidBindingMessage),
    ("7.1", "no time", {"requested_expiry": "0"}, InvalidRequest),
    ("7.1", "a time before", {"requested_expiry": "-1"}, InvalidRequest),
    ("7.1", "a time that is none", {"requested_expiry": "soon"}, InvalidRequest),
    ("7.1", "a time with a point", {"requested_expiry": "1.5"}, InvalidRequest),
    ("7.1.1", "a signed request", {"request": "e30.e30.e30"}, InvalidRequest),
]  # fmt: skip


@pytest.mark.parametrize("asked,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(asked: dict[str, Any], error: type[OAuthError]) -> None:
    world = World()
    before = world.digest()
    with pytest.raises(error):
        asks(world, **asked)
    assert world.digest() == before


def test_who_may_ask() -> None:
    world = World()
    with pytest.raises(UnauthorizedClient):
        asks(world, "web")
    world.change(Client, "kite", grant_types=("urn:openid:params:grant-type:ciba",))
    with pytest.raises(UnauthorizedClient):
        asks(world, "kite")


def test_an_id_token_of_another_client_is_no_hint() -> None:
    world = World()
    hint = id_token(world)
    world.change(Client, "web", grant_types=("urn:openid:params:grant-type:ciba",))
    for text in (hint, hint[:-4], hint + "AAAA"):
        with pytest.raises(InvalidRequest):
            asks(world, "web", login_hint=None, id_token_hint=text)


def test_an_access_token_is_no_id_token() -> None:
    """ATTACKS A48."""
    world = World()
    told, visit = asks(world), world.sign_in()
    world.say(shown(world, visit), visit)
    tokens = comes(world, told["auth_req_id"])
    with pytest.raises(InvalidRequest):
        asks(world, login_hint=None, id_token_hint=tokens["access_token"])


def test_a_disabled_user_is_an_unknown_one() -> None:
    """ATTACKS A50, A70: at the start."""
    world = World()
    world.change(User, world.miko.id, status="disabled")
    with pytest.raises(UnknownUserId) as disabled:
        asks(world)
    with pytest.raises(UnknownUserId) as nobody:
        asks(world, login_hint="nobody")
    assert disabled.value.description == nobody.value.description


def _user(world: World) -> None:
    world.change(User, world.miko.id, status="disabled")


def _grant(status: str) -> Any:
    return lambda world: world.change(Grant, world.grant("till").id, status=status)


def _client(world: World) -> None:
    world.change(Client, "till", status="suspended")


DEAD: list[Any] = [
    row("A50", "user disabled", _user, InvalidGrant),
    row("A50", "grant paused", _grant("paused"), InvalidGrant),
    row("A50", "grant stopped", _grant("stopped"), InvalidGrant),
    row("A50", "client suspended", _client, InvalidClient),
]


@pytest.mark.parametrize("happens,error", DEAD)
def test_who_is_dead_between_yes_and_tokens_gets_none(
    happens: Any, error: type[OAuthError]
) -> None:
    """ATTACKS A50: at redemption."""
    world = World()
    told, visit = asks(world), world.sign_in()
    world.say(shown(world, visit), visit)
    happens(world)
    with pytest.raises(error):
        comes(world, told["auth_req_id"])
    assert not world.all(TokenFamily)


def test_who_is_disabled_before_the_yes_says_none() -> None:
    world = World()
    told, visit = asks(world), world.sign_in()
    page = shown(world, visit)
    world.change(User, world.miko.id, status="disabled")
    assert isinstance(world.say(page, visit), Login)
    with pytest.raises(AuthorizationPending):
        comes(world, told["auth_req_id"])


def test_only_the_one_who_was_asked_can_answer() -> None:
    """ATTACKS A77: nobody else finds the question, or goes on with it."""
    world = World()
    asks(world)
    name = waiting(world, world.miko.id)[0].id
    noor = world.sign_in(world.noor)
    assert waiting(world, world.noor.id) == []
    for act in (
        lambda: approvals.begin(name, noor, user=world.noor.id, context=world.context),
        lambda: approvals.answer(name, yes=False, user=world.noor.id, context=world.context),
    ):
        assert isinstance(world.settle(act), approvals.NoQuestion)
    begun = world.settle(
        lambda: approvals.begin(name, noor, user=world.miko.id, context=world.context)
    )
    assert isinstance(begun, approvals.ConsentBegun)
    assert isinstance(world.resume(begun.pending.id, noor), Login)


def test_a_no_on_the_page_or_in_the_list_is_told() -> None:
    world = World()
    visit = world.sign_in()
    told = asks(world)
    assert isinstance(world.refuse(shown(world, visit), visit), Deny)
    with pytest.raises(AccessDenied):
        comes(world, told["auth_req_id"])
    told = asks(world)
    name = waiting(world, world.miko.id)[0].id
    world.settle(
        lambda: approvals.answer(name, yes=False, user=world.miko.id, context=world.context)
    )
    with pytest.raises(AccessDenied):
        comes(world, told["auth_req_id"])
    assert waiting(world, world.miko.id) == []


def test_a_yes_in_the_list_is_no_consent() -> None:
    world = World()
    told = asks(world)
    name = waiting(world, world.miko.id)[0].id
    said = world.settle(
        lambda: approvals.answer(name, yes=True, user=world.miko.id, context=world.context)
    )
    assert isinstance(said, approvals.NoQuestion)
    with pytest.raises(AuthorizationPending):
        comes(world, told["auth_req_id"])


def test_it_is_the_clients_own_and_good_once() -> None:
    world = World()
    ciba = "urn:openid:params:grant-type:ciba"
    world.change(Client, "web", grant_types=(ciba,))
    told, visit = asks(world), world.sign_in()
    world.say(shown(world, visit), visit)
    with pytest.raises(InvalidGrant):
        comes(world, told["auth_req_id"], "web")
    tokens = comes(world, told["auth_req_id"])
    with pytest.raises(InvalidGrant):
        comes(world, told["auth_req_id"])
    assert not world.introspect(tokens["access_token"]).active


def test_handles_of_one_kind_are_none_of_the_other() -> None:
    """ATTACKS A81."""
    world = World()
    told, device = asks(world), begin(world)
    with pytest.raises(InvalidGrant):
        fetch(world, told["auth_req_id"])
    with pytest.raises(InvalidGrant):
        comes(world, device["device_code"])


def test_it_expires_when_the_app_wants_it_to() -> None:
    world = World()
    told = asks(world, requested_expiry="30")
    assert told["expires_in"] == 30
    assert asks(world, requested_expiry="100000")["expires_in"] == 600
    world.later(30)
    assert len(waiting(world, world.miko.id)) == 1
    with pytest.raises(ExpiredToken):
        comes(world, told["auth_req_id"])


def test_who_comes_too_soon_has_to_wait() -> None:
    world = World()
    told = asks(world)
    for error in (AuthorizationPending, SlowDown):
        with pytest.raises(error):
            comes(world, told["auth_req_id"])


def test_nobody_is_worn_down() -> None:
    """RFC 10027 6.1: an app may ask a user so often, and no more, until some of it is answered."""
    world = World()
    for _ in range(approvals.MOST):
        asks(world)
    with pytest.raises(AccessDenied):
        asks(world)
    assert asks(world, login_hint="noor")["auth_req_id"]
    visit = world.sign_in()
    world.refuse(shown(world, visit), visit)
    assert asks(world)["auth_req_id"]


def test_a_question_without_a_request_is_answered_by_yes_or_no() -> None:
    world = World()

    use = Use(grant="0" * 26, permission="pay", units=2500, amount="25.00 EUR")

    def ask() -> Any:
        made, changes, events = approvals.new_approval(
            world.miko.id, "till", words="Tickets", use=use, context=world.context
        )
        world.write(*changes)
        return made, events

    made, events = ask()
    assert [event.kind for event in events] == ["asked"]
    said = world.settle(
        lambda: approvals.answer(made.id, yes=True, user=world.miko.id, context=world.context)
    )
    assert isinstance(said, approvals.ApprovalAnswered)
    assert said.approval.answer == "yes"
    assert "approved" in world.kinds()
    again = world.settle(
        lambda: approvals.answer(made.id, yes=False, user=world.miko.id, context=world.context)
    )
    assert isinstance(again, approvals.NoQuestion)
    late, _ = ask()
    world.later(600)
    over = world.settle(
        lambda: approvals.answer(late.id, yes=True, user=world.miko.id, context=world.context)
    )
    assert isinstance(over, approvals.NoQuestion)


def test_a_request_that_is_over_goes_on_nowhere() -> None:
    world = World()
    visit = world.sign_in()
    asks(world)
    page = shown(world, visit)
    world.later(600)
    with pytest.raises(RequestOver):
        world.say(page, visit)


def test_switched_off_it_vanishes() -> None:
    world = World()
    assert server_metadata(world.context).backchannel_token_delivery_modes_supported == (
        "poll",
        "ping",
    )
    features = tuple(one for one in world.at.features if "backchannel" not in one.name)
    world.at = replace(world.at, features=features)
    said = server_metadata(world.context)
    assert said.backchannel_authentication_endpoint == ""
    assert said.backchannel_token_delivery_modes_supported == ()
