"""Pushed authorization requests (RFC 9126; ATTACKS A43, A44)."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.oauth.forms import REGISTERED, call, pushed, request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.pending import Pending
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import Consent, Deny, Login, Permit
from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.spec.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidRequestUri,
    InvalidScope,
    OAuthError,
    RequestNotSupported,
    UnsupportedResponseType,
)

CLIENTS = ["kite", "stefapp", "web", "post"]


def by_name(client: str, uri: str, **more: str) -> dict[str, str]:
    """What then travels through the browser."""
    return {"client_id": client, "request_uri": uri, **more}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_is_sent_ahead(client: str) -> None:
    world = World()
    visit = world.sign_in()
    uri = world.push(client)
    permit = world.agree(by_name(client, uri), visit)
    assert permit.reply_to.uri == REGISTERED[client].redirect_uris[0]
    assert permit.reply_to.state == "s t/ä&="
    assert world.redeem(client, permit.code)["scope"] == "openid chirps.read"


def test_the_answer_says_how_long() -> None:
    """RFC 9126 2.2."""
    world = World(pushed_request=77)
    outcome = world.post(push, call("kite", **pushed("kite")))
    assert isinstance(outcome, Answer)
    document: Any = outcome.document
    assert document["expires_in"] == 77
    assert document["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")


def test_what_else_the_browser_brings_does_not_count() -> None:
    """RFC 9126 4: not the state, not the scope, not the redirect URI."""
    world = World()
    uri = world.push("kite")
    more = {"scope": "openid dms.send", "state": "x", "redirect_uri": "https://evil.example"}
    sheet = world.visit(by_name("kite", uri, **more), world.sign_in())
    assert isinstance(sheet, Consent)
    assert [one.permission.id for one in sheet.new] == ["openid", "chirps.read"]
    assert sheet.reply_to.state == "s t/ä&="


def test_the_secret_of_the_call_is_not_kept() -> None:
    """ATTACKS A82."""
    world = World()
    world.push("post")
    (pending,) = world.all(Pending)
    assert "client_secret" not in pending.parameters
    assert pending.parameters["client_id"] == "post"


def test_a_pushed_request_keeps_its_resources() -> None:
    world = World()
    uri = world.push("kite", scope="chirps.read", resource=("https://chirp.example",))
    tokens = world.redeem("kite", world.agree(by_name("kite", uri)).code)
    assert world.introspect(tokens["access_token"]).aud == ("https://chirp.example",)


REFUSED = [
    row("9126 2.1", "a request_uri inside", "kite", {"request_uri": "urn:x"}, InvalidRequest),
    row("9126 2.1", "no client_id beside Basic", "web", {"client_id": None}, InvalidRequest),
    row(
        "9126 2.3",
        "another redirect URI",
        "kite",
        {"redirect_uri": "https://evil.example"},
        InvalidRequest,
    ),
    row(
        "9126 2.3",
        "a response type that is not offered",
        "kite",
        {"response_type": "token"},
        UnsupportedResponseType,
    ),
    row("9126 2.3", "more than is registered", "kite", {"scope": "account.delete"}, InvalidScope),
    row("FAPI 5.3.2.2", "no challenge", "kite", {"code_challenge": None}, InvalidRequest),
    row("FAPI 5.3.2.2", "plain", "kite", {"code_challenge_method": "plain"}, InvalidRequest),
    row("9101 6", "a request object", "kite", {"request": "eyJ.e30."}, RequestNotSupported),
    row("9126 2.1", "another client's id", "web", {"client_id": "kite"}, InvalidRequest),
    row("6749 2.3", "a wrong secret", "post", {"client_secret": "vk_cs_x"}, InvalidClient),
    row("6749 2.3", "no secret", "post", {"client_secret": None}, InvalidClient),
]


@pytest.mark.parametrize("client,changed,error", REFUSED)
def test_what_may_not_be_pushed(
    client: str, changed: dict[str, Any], error: type[OAuthError]
) -> None:
    """All that the authorization endpoint would refuse, and a bit more, is refused at once."""
    world = World()
    with pytest.raises(error):
        world.post(push, call(client, **(pushed(client) | changed)))
    assert world.all(Pending) == ()


def test_nobody_pushes_without_saying_who() -> None:
    with pytest.raises(InvalidClient):
        World().post(push, Call(form=call("kite", client_id=None).form))


VISITS: list[tuple[str, str, str, int]] = [
    ("9126 2.2", "by another client", "stefapp", 0),
    ("9126 2.2", "just expired", "kite", 90),
]


@pytest.mark.parametrize("client,seconds", [row(a, b, *rest) for a, b, *rest in VISITS])
def test_a_name_that_is_not_good(client: str, seconds: int) -> None:
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    world.later(seconds)
    with pytest.raises(InvalidRequestUri):
        world.visit(by_name(client, uri), visit)


def test_a_name_is_good_until_its_last_second() -> None:
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    world.later(89)
    assert isinstance(world.visit(by_name("kite", uri), visit), Consent)


def test_a_suspended_client_has_nothing_pushed() -> None:
    world = World()
    uri = world.push("kite")
    world.change(Client, "kite", status="suspended")
    with pytest.raises(InvalidClient):
        world.visit(by_name("kite", uri), world.sign_in())


@pytest.mark.parametrize("kind", ["interaction", "code"])
def test_a_row_of_another_kind_is_no_pushed_request(kind: str) -> None:
    """ATTACKS A81."""
    world = World()
    uri = world.push("kite")
    (pending,) = world.all(Pending)
    world.change(Pending, pending.id, kind=kind)
    with pytest.raises(InvalidRequestUri):
        world.visit(by_name("kite", uri), world.sign_in())


# Once, at completion (DESIGN 6.6): a page may be loaded again before.


def test_a_second_visit_before_the_end_is_no_second_use() -> None:
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    for _ in range(3):
        assert isinstance(world.visit(by_name("kite", uri), visit), Consent)
    world.agree(by_name("kite", uri), visit)


def test_after_a_yes_it_is_over() -> None:
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    world.agree(by_name("kite", uri), visit)
    with pytest.raises(InvalidRequestUri):
        world.visit(by_name("kite", uri), visit)


def test_after_a_no_it_is_over() -> None:
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    sheet = world.visit(by_name("kite", uri), visit)
    assert isinstance(sheet, Consent)
    assert isinstance(world.refuse(sheet, visit), Deny)
    with pytest.raises(InvalidRequestUri):
        world.visit(by_name("kite", uri), visit)


def test_it_is_over_for_every_browser_that_had_begun() -> None:
    """Two tabs of one link: the first to answer has the one code."""
    world = World()
    uri = world.push("kite")
    mine, other = world.sign_in(), world.sign_in(world.noor, browser="chrome")
    first = world.visit(by_name("kite", uri), mine)
    second = world.visit(by_name("kite", uri), other)
    assert isinstance(first, Consent)
    assert isinstance(second, Consent)
    assert isinstance(world.say(first, mine), Permit)
    for step in (world.say, world.refuse):
        with pytest.raises(InvalidRequest, match="is over"):
            step(second, other)
    with pytest.raises(InvalidRequest, match="is over"):
        world.resume(second.pending.id, other)
    assert [grant.user for grant in world.all(Grant)] == [world.miko.id]


def test_it_is_over_where_nothing_was_asked_too() -> None:
    """A grant that stands answers at once: that is a completion as well."""
    world = World()
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    uri = world.push("kite")
    assert isinstance(world.visit(by_name("kite", uri), visit), Permit)
    with pytest.raises(InvalidRequestUri):
        world.visit(by_name("kite", uri), visit)


def test_the_marker_outlives_what_it_guards() -> None:
    """PROMISES: a sweep never makes a used name good again."""
    world = World()
    visit, uri = world.sign_in(), world.push("kite")
    other = world.visit(by_name("kite", uri), Browser(id="late"))
    assert isinstance(other, Login)
    world.agree(by_name("kite", uri), visit)
    for _ in range(20):
        world.later(100)
        world.sweep()
        with pytest.raises(InvalidRequestUri):
            world.visit(by_name("kite", uri), visit)
        with pytest.raises(InvalidRequest):
            world.resume(other.pending.id, replace(visit, id="late"))
