"""A11, A48: stolen token, with split tokens.

Attack: A thief reads the logs of the app or the API, and uses the half of a token that they
contain.
Defense: Neither half opens anything alone. Together, at the right API, they work, on both
databases.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from tests.attacks.bound import posted, redeem
from tests.attacks.play import call, change, find, introspected
from tests.attacks.signing import at_token
from tests.browser import Asking, authorize
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.live import Live, caught_up, live
from tests.postgres import MISSING, cluster
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row

from valetkey.jose.jwk import PrivateKey
from valetkey.resource import ResourceServer
from valetkey.resource.guard import Guard
from valetkey.resource.routes import Route
from valetkey.server.model.grant import Grant
from valetkey.server.model.resource import ResourceServer as Registered
from valetkey.server.store.database_url import PostgresURL
from valetkey.wire import split_token

CHIRPS = Asking(scope="openid chirps")
AUTH = ("chirp", SECRETS["chirp"])
DATABASES = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING)),
]


@pytest.fixture(scope="module", params=DATABASES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("split")
    if request.param == "sqlite":
        with live(folder) as running:
            yield running
        return
    with cluster() as database, live(folder, at=PostgresURL(database.fresh())) as running:
        yield running


class Halves:
    """A token in two, and a place where it opens something: an API behind a gateway."""

    def __init__(self, server: Live, gateway: TestClient) -> None:
        self.server = server
        self.gateway = gateway
        self.app = redeem(server, CHIRPS)["access_token"]
        self.api = told(server, self.app)["access_token_half"]

    def shown(self, text: str, *, by: PrivateKey | None = MINE) -> int:
        """What the gateway says to a call with this token, and a proof of this key."""
        headers = {"x-original-method": "GET", "x-original-uri": "/chirps"}
        if by is None:
            headers["authorization"] = f"Bearer {text}"
        else:
            wish = Wish(method="GET", address=f"{CHIRP}/chirps", token=text, by=by)
            headers |= {"authorization": f"DPoP {text}", "dpop": proof(wish)}
        return self.gateway.get("/verify", headers=headers).status_code


def told(server: Live, text: str, auth: Any = AUTH) -> Any:
    answer = server.http.post(split_token.PATH, data={"token": text}, auth=auth)
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.fixture(scope="module")
def halves(server: Live) -> Iterator[Halves]:
    change(server, find(server, Registered, "chirp"), split=True)
    caught_up()
    kit = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=AUTH, live="follow", split=True
    )
    guard = Guard(kit, (Route(path="/chirps", needs=("chirps.read",)),), "nginx")
    with TestClient(guard, base_url="http://guard.test") as gateway:
        made = Halves(server, gateway)
        until = time.monotonic() + 30
        while made.shown(made.app) == 503:
            assert time.monotonic() < until
            time.sleep(0.1)
        yield made


def test_both_halves_open_what_they_should(halves: Halves) -> None:
    assert split_token.is_app_half(halves.app)
    assert halves.shown(halves.app) == 200


def _userinfo(halves: Halves, text: str) -> bool:
    headers = {"authorization": f"Bearer {text}"}
    return halves.server.http.get("/userinfo", headers=headers).status_code == 200


def _userinfo_by_a_thief(halves: Halves, text: str) -> bool:
    wish = Wish(method="GET", address=f"{halves.server.issuer}/userinfo", token=text, by=OTHER)
    headers = {"authorization": f"DPoP {text}", "dpop": proof(wish)}
    return halves.server.http.get("/userinfo", headers=headers).status_code == 200


def _exchange(halves: Halves, text: str) -> bool:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": text,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": CHIRP,
    }
    auth = ("agent", SECRETS["agent"])
    bearer = halves.server.http.post("/token", data=form, auth=auth)
    by = proof(Wish(address=f"{halves.server.issuer}/token", by=OTHER))
    proved = halves.server.http.post("/token", data=form, auth=auth, headers={"DPoP": by})
    return 200 in {bearer.status_code, proved.status_code}


def _refresh(halves: Halves, text: str) -> bool:
    form = {"grant_type": "refresh_token", "refresh_token": text}
    return posted(halves.server, "/token", form).status_code == 200


def _changes(halves: Halves, text: str) -> bool:
    headers = {"authorization": f"Bearer {text}"}
    return halves.server.http.get("/changes", headers=headers).status_code == 200


PLACES: list[tuple[str, Callable[[Halves, str], bool]]] = [
    ("the gateway, by a thief's key", lambda halves, text: halves.shown(text, by=OTHER) == 200),
    ("the gateway, without a proof", lambda halves, text: halves.shown(text, by=None) == 200),
    ("userinfo", _userinfo),
    ("userinfo, by a thief's key", _userinfo_by_a_thief),
    ("an exchange", _exchange),
    ("a refresh", _refresh),
    ("the change log", _changes),
    ("client authentication", lambda halves, text: at_token(halves.server, text)[0] == 200),
    (
        "the other half, for an app",
        lambda halves, text: bool(told(halves.server, text, ("web", SECRETS["web"])).get("active")),
    ),
    (
        "the other half, for nobody",
        lambda halves, text: bool(told(halves.server, text, None).get("active")),
    ),
    (
        "the other half, for another API",
        lambda halves, text: told(halves.server, text, ("photos", SECRETS["photos"]))["active"],
    ),
]


@pytest.mark.parametrize("half", ["app", "api"])
@pytest.mark.parametrize("tried", [row("A11", f"at {name}", place) for name, place in PLACES])
def test_a_half_alone_opens_nothing(
    tried: Callable[[Halves, str], bool], half: str, halves: Halves
) -> None:
    assert not tried(halves, getattr(halves, half))
    assert halves.shown(halves.app) == 200, "and its owner is not locked out"


NO_TOKENS: list[Any] = [
    row("A48", "the API's half", lambda halves: halves.api),
    row("-", "both, one behind the other", lambda halves: halves.app + halves.api),
    row("-", "both, joined", lambda halves: f"{halves.app}~{halves.api}"),
    row("-", "without its last character", lambda halves: halves.app[:-1]),
    row("-", "its first half", lambda halves: halves.app[: len(halves.app) // 2]),
    row("-", "its last half", lambda halves: "vk_at_" + halves.app[len(halves.app) // 2 :]),
]


@pytest.mark.parametrize("make", NO_TOKENS)
def test_what_is_put_together_wrongly_is_no_token(
    make: Callable[[Halves], str], halves: Halves
) -> None:
    """Even for whoever holds the app's key."""
    text = make(halves)
    assert halves.shown(text) == 401
    assert told(halves.server, text) == {"active": False}
    assert introspected(halves.server, text) == {"active": False}
    call(halves.server, "/revoke", {"token": text})
    assert halves.shown(halves.app) == 200, "and nothing is revoked"


def test_a_key_that_is_bound_to_nobody_is_not_issued(halves: Halves) -> None:
    form = CHIRPS.redemption(authorize(halves.server.browser(), CHIRPS))
    answer = call(halves.server, "/token", form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_introspection_tells_the_api(halves: Halves) -> None:
    said = introspected(halves.server, halves.app)
    assert (said["active"], said["token_type"]) == (True, "DPoP")


def comes_to(wanted: int, shown: Callable[[], int]) -> None:
    """No call that began after two seconds is answered otherwise, however long an answer takes."""
    until = (asked := time.monotonic()) + 2
    while shown() != wanted:
        assert asked < until
        asked = time.monotonic()


def test_a_pause_is_seen_within_a_second_and_what_is_resumed_opens_again(halves: Halves) -> None:
    name = introspected(halves.server, halves.app)["grant_id"]
    for status, wanted in (("paused", 401), ("active", 200)):
        change(halves.server, find(halves.server, Grant, name), status=status)
        comes_to(wanted, lambda: halves.shown(halves.app))
    fresh = redeem(halves.server, CHIRPS)["access_token"]
    assert halves.shown(fresh) == 200


def test_the_app_gives_it_back_by_its_half(halves: Halves) -> None:
    mine = redeem(halves.server, CHIRPS)["access_token"]
    assert halves.shown(mine) == 200
    call(halves.server, "/revoke", {"token": mine})
    comes_to(401, lambda: halves.shown(mine))
    assert told(halves.server, mine) == {"active": False}


def test_discovery_says_where_the_half_is(server: Live) -> None:
    about = httpx2.get(f"{server.url}/.well-known/oauth-authorization-server").json()
    assert about["access_token_half_endpoint"] == server.issuer + split_token.PATH
