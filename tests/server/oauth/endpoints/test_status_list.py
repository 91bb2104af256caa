"""Status lists: who gets a place, and what stands there."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.attacks.play import claims
from tests.installation import RESOURCE_SERVERS
from tests.rows import row
from tests.server.oauth.forms import call
from tests.server.oauth.world import ISSUER, World, done

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Epoch
from valetkey.server.model.policy import DEFAULT
from valetkey.server.model.user import User
from valetkey.server.oauth.core.feature import Endpoint
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints import status_list
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.grants.changes import StatusChange, change_status
from valetkey.server.oauth.issue import status
from valetkey.spec.errors import InvalidClient, InvalidRequest, TemporarilyUnavailable
from valetkey.wire.status_list import INVALID, SUSPENDED, VALID, read


def world() -> World:
    """A world in which Chirp looks into status lists."""
    found = World()
    servers = [replace(one, status_list=one.id == "chirp") for one in RESOURCE_SERVERS]
    found.at = replace(found.at, offer=Offer(ISSUER, servers))
    return found


def reference(tokens: dict[str, Any]) -> tuple[str, int] | None:
    """The list and the place that an access token names."""
    said = claims(tokens["access_token"]).get("status")
    return None if said is None else (said["status_list"]["uri"], said["status_list"]["idx"])


def stands(at: World, place: tuple[str, int] | None) -> int:
    """What its list says of it, by the log as a whole."""
    assert place is not None
    uri, idx = place
    entries = done(at.store.log(0, limit=1000)).entries
    told = at.ask(status_list.changed_statuses(entries, at.context))
    listing = at.ask(status_list.find_list(uri.rpartition("/")[2], at.context))
    mine = {
        one.rpartition(" ")[2]: found
        for one, found in told.items()
        if one.rpartition(" ")[0] == listing.client
    }
    text = status_list.write(listing, mine, at.context)
    keys = at.at.keyring.published
    return read(text, keys=keys, issuer=ISSUER, uri=uri, now=at.now).at(idx)


def test_a_token_is_small_unless_somebody_asks() -> None:
    assert reference(World().connect()) is None


def test_a_token_for_an_api_that_asks_names_its_place() -> None:
    found = reference(world().connect())
    assert found is not None
    assert found[0].startswith(f"{ISSUER}/status/0.0.")


def test_a_token_for_another_api_does_not() -> None:
    assert reference(world().connect(scope="photos.read")) is None


def test_a_client_can_be_held_to_it() -> None:
    at = World()
    policy = replace(DEFAULT, name="listed", status_list=True)
    at.at = replace(at.at, policies={**at.at.policies, "listed": policy})
    at.change(Client, "kite", policy="listed")
    assert reference(at.connect(scope="photos.read")) is not None


def test_switched_off_there_is_none() -> None:
    at = World(switched(off=[status.NAME]))
    servers = [replace(one, status_list=True) for one in RESOURCE_SERVERS]
    at.at = replace(at.at, offer=Offer(ISSUER, servers))
    assert reference(at.connect()) is None


def test_a_family_keeps_its_place_and_no_token_has_a_row() -> None:
    at = world()
    tokens = at.connect()
    first = reference(tokens)
    before = at.digest().keys()
    for _ in range(3):
        tokens = at.refresh("kite", tokens["refresh_token"])
        assert reference(tokens) == first
    assert at.digest().keys() == before


def test_a_family_from_before_gets_one_at_its_next_refresh() -> None:
    at = World()
    tokens = at.connect()
    at.at = replace(at.at, offer=world().at.offer)
    at.later(60)
    assert reference(at.refresh("kite", tokens["refresh_token"])) is not None


def test_no_two_families_share_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are two in all, and the third finds none."""
    monkeypatch.setattr(status, "SIZE", 1)
    monkeypatch.setattr(status, "LISTS", 2)
    at = world()
    places = {reference(at.connect()) for _ in range(2)}
    assert len(places) == 2
    with pytest.raises(TemporarilyUnavailable):
        at.connect()


def _turned(*ways: StatusChange) -> Callable[[World], None]:
    def act(at: World) -> None:
        name = at.grant().id
        for way in ways:
            _turn(at, name, way)

    return act


def _turn(at: World, name: str, way: StatusChange) -> None:
    at.settle(lambda: change_status(name, way, user=at.miko.id, by="user", context=at.context))


def _restored(at: World) -> None:
    at.put(Epoch(number=1, since=at.now))
    at.at = replace(at.at, epoch=1)


CHANGES: list[Any] = [
    row("8.3", "nothing", lambda at: None, VALID),
    row("7", "paused", _turned("pause"), SUSPENDED),
    row("7", "resumed", _turned("pause", "resume"), VALID),
    row("7", "stopped", _turned("stop"), INVALID),
    row("7", "stopped while paused", _turned("pause", "stop"), INVALID),
    row(
        "7",
        "the device is disconnected",
        lambda at: at.change(TokenFamily, at.family().id, status="closed"),
        INVALID,
    ),
    row(
        "7",
        "the user is disabled",
        lambda at: at.change(User, at.miko.id, status="disabled"),
        SUSPENDED,
    ),
    row(
        "7",
        "the client is suspended",
        lambda at: at.change(Client, "kite", status="suspended"),
        SUSPENDED,
    ),
    row("7", "another client is", lambda at: at.change(Client, "web", status="suspended"), VALID),
    row("7", "a backup is restored", _restored, INVALID),
    row(
        "7",
        "a permission is taken away",
        lambda at: at.change(Grant, at.grant().id, permissions=("chirps.read",)),
        VALID,
    ),
]


@pytest.mark.parametrize("change,says", CHANGES)
def test_what_a_list_says(change: Callable[[World], None], says: int) -> None:
    at = world()
    place, others = reference(at.connect()), reference(at.connect("web", state="2"))
    change(at)
    assert stands(at, place) == says
    if "kite" in str(change):
        assert stands(at, others) == VALID


def test_a_key_that_is_over_stays_so_when_its_client_comes_back() -> None:
    at = world()
    place = reference(at.connect())
    _turned("stop")(at)
    at.change(Client, "kite", status="suspended")
    assert stands(at, place) == INVALID
    at.change(Client, "kite", status="active")
    assert stands(at, place) == INVALID


NAMES = [
    row("A77", "no client", "0.0.bm9ib2R5"),
    row("A77", "no number", "0.9.a2l0ZQ"),
    row("A77", "a number with a sign", "0.-1.a2l0ZQ"),
    row("A77", "no base64url", "0.0.a2l0Z"),
    row("A77", "no text", "0.0._w"),
    row("A77", "nothing", ""),
    row("A77", "a path", "../etc/passwd"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_list_that_is_not_there(name: str) -> None:
    at = world()
    with pytest.raises(InvalidRequest) as refused:
        at.ask(status_list.find_list(name, at.context))
    assert refused.value.status == 404


def test_only_an_api_is_told_where_the_lists_are() -> None:
    """They name clients: no stranger and no app learns which there are."""
    at = world()
    (endpoint,) = status_list.STATUS_LISTS.endpoints
    assert isinstance(endpoint, Endpoint)
    answer: Any = at.ask(endpoint.rule(call("photos"), at.context))
    told = answer.document["status_lists"]
    lists = {uri.rpartition(".")[2] for uri in told}
    assert len(told) == 4 * len(lists)
    assert "a2l0ZQ" in lists  # kite, in base64url
    with pytest.raises(InvalidClient):
        at.ask(endpoint.rule(call("web"), at.context))
