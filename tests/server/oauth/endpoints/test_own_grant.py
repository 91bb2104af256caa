"""An app has less of its own grant, or gives it back, by its refresh token.

ATTACKS A15, A26, A77.
"""

import pytest
from tests.proofs import OTHER
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.grant_types.story import code_of, leaf, refused
from tests.server.oauth.senders import proving, redeem, refresh
from tests.server.oauth.shards.app import TWO, Harbour
from tests.server.oauth.world import World

from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.grant_management import manage_own
from valetkey.spec.errors import (
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    OAuthError,
)
from valetkey.wire.token_response import OwnGrant


def sent(text: str, action: str = "stop", *, client: str = "kite", **more: str) -> Call:
    return call(client, refresh_token=text, action=action, **more)


def manage(world: World, made: Call) -> OwnGrant:
    answer = world.post(manage_own, made)
    assert isinstance(answer, Answer)
    assert isinstance(answer.document, OwnGrant)
    return answer.document


@pytest.mark.parametrize("client", ["kite", "web"])
def test_an_app_narrows_its_grant(client: str) -> None:
    """On every device at once, and never wider again by itself."""
    world = World()
    tokens, other = (world.connect(client, scope="chirps.read chirps.write") for _ in range(2))
    told = manage(world, sent(leaf(tokens), "narrow", client=client, scope="chirps.read"))
    assert (told.status, told.scope) == ("active", "chirps.read")
    assert world.grant(client).permissions == ("chirps.read",)
    for one in (tokens, other):
        assert world.introspect(one["access_token"]).scope == "chirps.read"
        assert world.refresh(client, leaf(one))["scope"] == "chirps.read"
    told_of = next(one for one in world.all(Event) if one.kind == "downgraded")
    assert (told_of.by, told_of.permissions) == ("app", ("chirps.write",))


def test_an_app_gives_its_grant_back() -> None:
    """On every device. A reply that was lost is asked for again."""
    world = World()
    tokens, other = world.connect(), world.connect()
    for _ in range(2):
        assert manage(world, sent(leaf(tokens))) == OwnGrant(status="stopped")
    assert world.kinds().count("stopped") == 1
    for one in (tokens, other):
        assert not world.introspect(one["access_token"]).active
        assert refused(world, leaf(one))


def test_a_paused_grant_can_be_given_back() -> None:
    world = World()
    tokens = world.connect()
    world.change(Grant, world.grant().id, status="paused")
    assert manage(world, sent(leaf(tokens), "narrow", scope="chirps.read")).status == "paused"
    assert manage(world, sent(leaf(tokens))).status == "stopped"


def test_the_refresh_token_is_not_turned() -> None:
    world = World()
    tokens = world.connect(scope="chirps.read chirps.write")
    family = world.family()
    manage(world, sent(leaf(tokens), "narrow", scope="chirps.read"))
    assert world.family() == family
    assert leaf(world.refresh("kite", leaf(tokens))) != leaf(tokens)


def test_it_never_gives_more() -> None:
    world = World()
    tokens = world.connect(scope="chirps.read")
    told = manage(world, sent(leaf(tokens), "narrow", scope="chirps.read profile.write"))
    assert told.scope == "chirps.read"
    assert world.grant().permissions == ("chirps.read",)


# What proves it.


WRONG: list[tuple[str, str, dict[str, str], type[OAuthError]]] = [
    ("6749 5.2", "no action", {"action": ""}, InvalidRequest),
    ("6749 5.2", "an action that gives", {"action": "widen"}, InvalidRequest),
    ("6749 5.2", "narrowed to nothing that is said", {"action": "narrow"}, InvalidRequest),
    (
        "6749 5.2",
        "narrowed to something unknown",
        {"action": "narrow", "scope": "nonsense"},
        InvalidScope,
    ),
]


@pytest.mark.parametrize("changed,error", [row(a, b, *rest) for a, b, *rest in WRONG])
def test_what_is_asked_wrongly(changed: dict[str, str], error: type[OAuthError]) -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    with pytest.raises(error):
        manage(world, call("kite", **({"refresh_token": leaf(tokens)} | changed)))
    assert world.digest() == before


def test_an_access_token_proves_nothing() -> None:
    """Every API that it was shown to has it."""
    world = World()
    tokens = world.connect()
    with pytest.raises(InvalidGrant):
        manage(world, sent(tokens["access_token"]))
    assert world.grant().status == "active"


def test_another_client_has_no_business_with_it() -> None:
    world = World()
    tokens = world.connect()
    before = world.digest()
    with pytest.raises(InvalidGrant):
        manage(world, sent(leaf(tokens), client="web"))
    assert world.digest() == before


def test_a_bound_token_needs_its_key() -> None:
    """Neither a thief of the token, nor one who saw a proof for the token endpoint."""
    world = World()
    tokens = redeem(world, "kite", code_of(world))
    before = world.digest()
    made = sent(leaf(tokens))
    for wrong in (made, proving(world, made, "/grant", by=OTHER)):
        with pytest.raises(InvalidGrant):
            manage(world, wrong)
        assert world.digest() == before
    elsewhere = proving(world, made, "/token")
    with pytest.raises(InvalidDpopProof):
        manage(
            world,
            Call(
                form=made.form,
                request=type(elsewhere.request)(
                    method="POST", path="/grant", headers=elsewhere.request.headers
                ),
            ),
        )
    assert world.digest() == before
    proved = proving(world, made, "/grant")
    assert manage(world, proved).status == "stopped"
    with pytest.raises(InvalidDpopProof):
        manage(world, proved)


def test_the_one_before_is_good_as_at_the_token_endpoint() -> None:
    world = World()
    old = leaf(redeem(world, "kite", code_of(world)))
    refresh(world, "kite", old)
    world.later(86400)
    made = proving(world, sent(old, "narrow", scope="chirps.read"), "/grant")
    assert manage(world, made).status == "active"


def test_a_spent_bearer_token_is_a_replay_here_too() -> None:
    world = World()
    first = leaf(world.connect())
    world.refresh("kite", leaf(world.refresh("kite", first)))
    with pytest.raises(InvalidGrant, match="used before"):
        manage(world, sent(first))
    assert world.family().status == "closed"
    assert world.grant().status == "active"


def test_one_shard_ends_nothing() -> None:
    app = Harbour(TWO)
    with pytest.raises(InvalidRequest, match="shards"):
        manage(app.world, sent(app.phone, client="harbour"))
    assert app.status == "open"


def test_a_grant_from_before_a_restored_backup_is_over() -> None:
    world = World()
    tokens = world.connect()
    world.change(Grant, world.grant().id, epoch=7)
    with pytest.raises(InvalidGrant):
        manage(world, sent(leaf(tokens)))
