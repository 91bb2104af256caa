"""Token exchange (RFC 8693), rule by rule; ATTACKS A26, A56, A78 in part."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP, PHOTOS
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.client import Client, Exchange
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.registration import mistakes
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec import names
from valetkey.spec.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    OAuthError,
    UnauthorizedClient,
)
from valetkey.wire.access_token import Actor

KIND = "urn:ietf:params:oauth:token-type:"
SCOPE = "openid offline_access chirps dms.read photos.read"


def held(world: World, client: str = "kite", **parameters: Any) -> dict[str, Any]:
    """The tokens of an app to which Miko said yes."""
    return world.connect(client, **({"scope": SCOPE} | parameters))


def exchange(world: World, subject: str, client: str = "agent", **parameters: Any) -> Any:
    """What the client gets for the token."""
    given = {
        "grant_type": names.TOKEN_EXCHANGE,
        "subject_token": subject,
        "subject_token_type": names.TYPE_ACCESS_TOKEN,
    }
    return world.token(client, **(given | parameters))


def test_a_key_is_passed_on_smaller() -> None:
    """RFC 8693 2.2.1, 4.1."""
    world = World()
    access = held(world)["access_token"]
    before = world.digest()
    told = exchange(world, access, scope="chirps.read", audience=(CHIRP,))
    assert told["issued_token_type"] == names.TYPE_ACCESS_TOKEN
    assert told["scope"] == "chirps.read"
    assert "refresh_token" not in told
    assert "id_token" not in told
    tree = f"delegates {world.grant().id}"
    assert world.digest() == before | {tree: 1}, "who has it, and nothing else, is written"
    of, to = world.introspect(access), world.introspect(told["access_token"])
    assert (to.sub, to.client_id, to.aud) == (world.miko.id, "agent", (CHIRP,))
    assert to.act == Actor(sub="client:agent")
    assert (to.grant_id, to.grant_version) == (of.grant_id, of.grant_version)
    assert of.act is None


def test_it_ends_no_later_than_what_was_brought() -> None:
    world = World()
    access = held(world)["access_token"]
    world.later(200)
    assert exchange(world, access)["expires_in"] == 100
    world.later(99)
    told = exchange(world, access)
    assert told["expires_in"] == 1
    world.later(1)
    assert not world.introspect(told["access_token"]).active


def test_without_a_wish_it_is_what_both_may() -> None:
    world = World()
    told = exchange(world, held(world)["access_token"])
    assert set(told["scope"].split()) == {"chirps.read", "chirps.write", "dms.read", "photos.read"}
    to = world.introspect(told["access_token"])
    assert set(to.aud) == {CHIRP, PHOTOS}


def test_through_several_hands() -> None:
    """RFC 8693 4.1: the present actor is the outermost."""
    world = World()
    access = held(world)["access_token"]
    first = exchange(world, access)["access_token"]
    second = exchange(world, first, "printer")
    assert second["scope"] == "photos.read"
    to = world.introspect(second["access_token"], by="photos")
    assert (to.sub, to.client_id, to.aud) == (world.miko.id, "printer", (PHOTOS,))
    assert to.act == Actor(sub="client:printer", act=Actor(sub="client:agent"))
    third = exchange(world, second["access_token"], "printer", scope="photos.read")
    assert world.introspect(third["access_token"], by="photos").act == to.act


def test_a_chain_is_bounded() -> None:
    world = World()
    text = held(world)["access_token"]
    for client in ("agent", "printer"):
        both = Exchange(clients=("kite", "agent", "printer"), audiences=(PHOTOS,))
        world.change(Client, client, exchange=both)
    for client in ("agent", "printer", "agent", "printer"):
        text = exchange(world, text, client)["access_token"]
    with pytest.raises(InvalidRequest):
        exchange(world, text, "agent")


def test_an_app_makes_its_own_key_smaller() -> None:
    world = World()
    own = Exchange(clients=("web",), audiences=(CHIRP,))
    types = ("authorization_code", "refresh_token", names.TOKEN_EXCHANGE)
    world.change(Client, "web", grant_types=types, exchange=own)
    access = held(world, "web", scope="openid chirps photos.read")["access_token"]
    told = exchange(world, access, "web")
    to = world.introspect(told["access_token"])
    assert (to.client_id, to.act, to.aud) == ("web", None, (CHIRP,))
    assert set(told["scope"].split()) == {"chirps.read", "chirps.write"}


@pytest.mark.parametrize("logout", ["https://kite.example/out", ""])
def test_an_id_token_stands_for_the_sign_in_that_it_tells_of(logout: str) -> None:
    """Named by its session, or for an app that is told of no sessions, by its time."""
    world = World()
    world.change(Client, "kite", backchannel_logout_uri=logout)
    tokens = held(world)
    told = exchange(world, tokens["id_token"], subject_token_type=names.TYPE_ID_TOKEN)
    to = world.introspect(told["access_token"])
    assert (to.sub, to.grant_id) == (world.miko.id, world.grant().id)
    assert to.act == Actor(sub="client:agent")
    world.revoke("kite", tokens["refresh_token"])
    assert not world.introspect(told["access_token"]).active
    with pytest.raises(InvalidRequest):
        exchange(world, tokens["id_token"], subject_token_type=names.TYPE_ID_TOKEN)
    world.later(10)
    held(world)  # Another sign-in of the same user to the same app does not stand in for it.
    with pytest.raises(InvalidRequest):
        exchange(world, tokens["id_token"], subject_token_type=names.TYPE_ID_TOKEN)


def test_the_actor_may_bring_its_own_token() -> None:
    world = World()
    access = held(world)["access_token"]
    own = world.token("agent", grant_type="client_credentials")["access_token"]
    kind = {"actor_token_type": names.TYPE_ACCESS_TOKEN}
    told = exchange(world, access, actor_token=own, **kind)
    assert world.introspect(told["access_token"]).act == Actor(sub="client:agent")
    other = world.token("machine", grant_type="client_credentials")["access_token"]
    for text in (other, access, "nonsense", own[:-4]):
        with pytest.raises(InvalidRequest):
            exchange(world, access, actor_token=text, **kind)


REFUSED: list[tuple[str, str, dict[str, Any], type[OAuthError]]] = [
    ("2.1", "no subject", {"subject_token": None}, InvalidRequest),
    ("2.1", "no type", {"subject_token_type": None}, InvalidRequest),
    ("2.1", "a refresh token", {"subject_token_type": KIND + "refresh_token"}, InvalidRequest),
    ("2.1", "SAML", {"subject_token_type": KIND + "saml2"}, InvalidRequest),
    (
        "2.1",
        "an access token as ID Token",
        {"subject_token_type": names.TYPE_ID_TOKEN},
        InvalidRequest,
    ),
    (
        "2.1",
        "another type wanted",
        {"requested_token_type": KIND + "refresh_token"},
        InvalidRequest,
    ),
    ("2.1", "an actor without type", {"actor_token": "x"}, InvalidRequest),
    ("2.1", "a type without actor", {"actor_token_type": names.TYPE_ACCESS_TOKEN}, InvalidRequest),
    ("2.2.2", "nonsense", {"subject_token": "nonsense"}, InvalidRequest),
    ("2.2.2", "an unknown audience", {"audience": ("https://evil.example",)}, InvalidTarget),
    ("2.2.2", "an unknown resource", {"resource": ("https://evil.example",)}, InvalidTarget),
    ("2.2.2", "the server itself", {"audience": ("https://id.example",)}, InvalidTarget),
    ("2.2.2", "one of two unknown", {"audience": (CHIRP, "https://evil.example")}, InvalidTarget),
    ("A26", "more than was brought", {"scope": "dms.send"}, InvalidScope),
    ("A26", "what is about the user", {"scope": "openid"}, InvalidScope),
    ("3.3", "nonsense as scope", {"scope": "nonsense"}, InvalidScope),
    (
        "A26",
        "what the audience does not have",
        {"scope": "photos.read", "audience": (CHIRP,)},
        InvalidTarget,
    ),
]


@pytest.mark.parametrize("asked,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(asked: dict[str, Any], error: type[OAuthError]) -> None:
    world = World()
    access = held(world)["access_token"]
    before = world.digest()
    with pytest.raises(error):
        exchange(world, access, **asked)
    assert world.digest() == before


def test_who_may_exchange_what() -> None:
    """Off unless it is registered, and then for these clients and audiences only."""
    world = World()
    access = held(world)["access_token"]
    with pytest.raises(UnauthorizedClient):
        exchange(world, access, "machine")
    with pytest.raises(UnauthorizedClient):
        exchange(world, access, "kite")
    with pytest.raises(InvalidRequest):
        exchange(world, access, "printer")
    world.change(Client, "agent", exchange=None)
    with pytest.raises(UnauthorizedClient):
        exchange(world, access)
    world.change(Client, "kite", grant_types=(names.TOKEN_EXCHANGE,))
    with pytest.raises(UnauthorizedClient):
        exchange(world, access, "kite")


def test_a_clients_own_token_has_no_user_to_act_for() -> None:
    world = World()
    for client in ("machine", "agent"):
        own = world.token(client, grant_type="client_credentials")["access_token"]
        with pytest.raises(InvalidRequest):
            exchange(world, own)


def test_tokens_of_other_kinds_are_no_subjects() -> None:
    """ATTACKS A48."""
    world = World()
    tokens = held(world)
    for text in (tokens["id_token"], tokens["refresh_token"], tokens["access_token"][:-2]):
        with pytest.raises(InvalidRequest):
            exchange(world, text)


def test_what_the_user_took_away_is_not_passed_on() -> None:
    """ATTACKS A26, A80: before the exchange, and after it."""
    world = World()
    access = held(world)["access_token"]
    told = exchange(world, access, scope="chirps")["access_token"]
    world.change(Grant, world.grant().id, permissions=("openid", "chirps.read"))
    assert world.introspect(told).scope == "chirps.read"
    with pytest.raises(InvalidScope):
        exchange(world, access, scope="chirps.write")


def _on(kind: type[Any], key: Any, **fields: Any) -> Any:
    return lambda world: world.change(kind, key(world), **fields)


DEAD: list[tuple[str, str, Any]] = [
    ("A56", "user disabled", _on(User, lambda world: world.miko.id, status="disabled")),
    ("A56", "grant paused", _on(Grant, lambda world: world.grant().id, status="paused")),
    ("A56", "grant stopped", _on(Grant, lambda world: world.grant().id, status="stopped")),
    ("A56", "family closed", _on(TokenFamily, lambda world: world.family().id, status="closed")),
    ("A56", "owner suspended", _on(Client, lambda world: "kite", status="suspended")),
    ("A56", "actor suspended", _on(Client, lambda world: "agent", status="suspended")),
]


@pytest.mark.parametrize("happens", [row(a, b, *rest) for a, b, *rest in DEAD])
def test_one_stop_ends_the_whole_tree(happens: Any) -> None:
    world = World()
    access = held(world)["access_token"]
    first = exchange(world, access)["access_token"]
    second = exchange(world, first, "printer")["access_token"]
    happens(world)
    assert not world.introspect(first).active
    assert not world.introspect(second, by="photos").active
    for subject, client in ((access, "agent"), (first, "printer")):
        acts = world.need(Client, client).status == "active"
        with pytest.raises(InvalidRequest if acts else InvalidClient):
            exchange(world, subject, client)


def test_who_gives_a_passed_on_key_back_gives_back_that_alone() -> None:
    """RFC 7009 2.1."""
    world = World()
    access = held(world)["access_token"]
    told = exchange(world, access)["access_token"]
    world.revoke("kite", told)
    assert world.introspect(told).active, "it is not Kite's to give back"
    world.revoke("agent", told)
    assert not world.introspect(told).active
    with pytest.raises(InvalidRequest):
        exchange(world, told, "printer")
    assert world.introspect(access).active


def test_a_passed_on_key_tells_nothing_of_the_user() -> None:
    world = World()
    told = exchange(world, held(world)["access_token"])["access_token"]
    with pytest.raises(InvalidToken):
        world.ask(userinfo(told, world.context))


def test_what_an_actor_lost_its_tokens_lose() -> None:
    world = World()
    told = exchange(world, held(world)["access_token"])["access_token"]
    world.change(Client, "agent", scope=("chirps.read",))
    assert world.introspect(told).scope == "chirps.read"


def test_a_token_for_one_resource_is_not_exchanged_for_another() -> None:
    """ATTACKS A09."""
    world = World()
    code = world.agree(request("kite", scope=SCOPE)).code
    access = world.redeem("kite", code, resource=(CHIRP,))["access_token"]
    with pytest.raises(InvalidTarget):
        exchange(world, access, audience=(PHOTOS,))


def test_registration() -> None:
    world = World()
    agent = world.need(Client, "agent")
    assert mistakes(agent, world.at) == []
    wrong = [
        replace(agent, exchange=None),
        replace(agent, exchange=Exchange(clients=("kite",))),
        replace(agent, exchange=Exchange(clients=("kite",), audiences=("https://x.example",))),
        replace(agent, exchange=Exchange(clients=("kite", "kite"), audiences=(CHIRP,))),
        replace(agent, grant_types=("client_credentials",)),
        replace(agent, auth_method="none", secrets=()),
    ]
    assert all(mistakes(one, world.at) for one in wrong)
