"""A11: stolen token (RFC 9700 4.10).

Attack: A thief uses a stolen access token.
Defense: A bound token opens nothing without its key, at the server and at the API.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.bound import THUMBPRINT, Place, at, redeem, shown
from tests.attacks.play import introspected, tokens
from tests.live import Live
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row

from valetkey.jose.jwk import PrivateKey

TOKEN = "invalid_token"

THEFTS = [
    row("9449 7.1", "as a bearer token", "Bearer", None, TOKEN),
    row("9449 7.1", "as a bearer token, with a proof of the thief's", "Bearer", OTHER, TOKEN),
    row("9449 7.1", "as a bearer token, even with the right proof", "Bearer", MINE, TOKEN),
    row("9449 7.1", "without a proof", "DPoP", None, "invalid_dpop_proof"),
    row("9449 7.1", "with a proof of the thief's", "DPoP", OTHER, TOKEN),
]


@pytest.fixture(params=["userinfo", "api"])
def place(request: pytest.FixtureRequest, server: Live) -> Iterator[Place]:
    with at(request.param, server) as where:
        yield where


def _with(place: Place, token: str, by: PrivateKey | None) -> list[str]:
    if by is None:
        return []
    return [proof(Wish(method="GET", address=place.address, token=token, by=by))]


@pytest.mark.parametrize("scheme, by, error", THEFTS)
def test_a_bound_token_without_its_key(
    scheme: str, by: PrivateKey | None, error: str, place: Place, server: Live
) -> None:
    token = redeem(server)["access_token"]
    stolen = place.call(shown(token, *_with(place, token, by), scheme=scheme))
    assert (stolen.status_code, stolen.json()["error"]) == (401, error)
    assert "sub" not in stolen.json()
    owner = place.call(shown(token, *_with(place, token, MINE)))
    assert owner.status_code == 200


def test_a_bearer_token_is_not_made_a_bound_one(place: Place, server: Live) -> None:
    token = tokens(server)["access_token"]
    tried = place.call(shown(token, *_with(place, token, OTHER)))
    assert (tried.status_code, tried.json()["error"]) == (401, "invalid_token")
    assert place.call(shown(token, scheme="Bearer")).status_code == 200


def test_introspection_says_what_it_is_bound_to(server: Live) -> None:
    told = introspected(server, redeem(server)["access_token"])
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": THUMBPRINT})
    free = introspected(server, tokens(server)["access_token"])
    assert free["token_type"] == "Bearer"
    assert "cnf" not in free


def test_who_shows_nothing_is_invited_in_both_schemes(server: Live) -> None:
    asked = server.http.get("/userinfo")
    assert asked.status_code == 401
    schemes = [one.partition(" ")[0] for one in asked.headers.get_list("www-authenticate")]
    assert schemes == ["DPoP", "Bearer"]
