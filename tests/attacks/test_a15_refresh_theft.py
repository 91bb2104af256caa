"""A15: refresh token theft (RFC 9700 4.14).

Attack: A thief uses a stolen refresh token, or another client's token.
Defense: A second use closes the token family. Another client's token is refused.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.attacks.play import (
    AS_POST,
    AS_SPA,
    AS_WEB,
    STEFAPP,
    change,
    claims,
    every,
    find,
    introspected,
    refresh,
    tokens,
)
from tests.browser import Asking
from tests.live import Live
from tests.rows import row

from valetkey.server.model.event import Event
from valetkey.server.model.grant import TokenFamily


def _family(server: Live, answer: dict[str, str]) -> TokenFamily:
    return find(server, TokenFamily, claims(answer["access_token"])["family_id"])


def _dead(server: Live, answer: dict[str, str], by: Asking = STEFAPP) -> bool:
    refused = refresh(server, answer["refresh_token"], by)
    return (
        refused.status_code == 400
        and refused.json()["error"] == "invalid_grant"
        and introspected(server, answer["access_token"]) == {"active": False}
    )


def test_an_old_one_after_the_window_closes_the_family(server: Live) -> None:
    first = tokens(server)
    second = refresh(server, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    family = _family(server, first)
    change(server, family, rotated=family.rotated - 31)
    stolen = refresh(server, first["refresh_token"])
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert _dead(server, second)
    told = [event for event in every(server, Event) if event.grant == family.grant]
    assert "replayed" in [event.kind for event in told]


def test_one_that_is_two_old_closes_the_family_within_the_window(server: Live) -> None:
    first = tokens(server)
    second = refresh(server, first["refresh_token"]).json()
    third = refresh(server, second["refresh_token"]).json()
    assert refresh(server, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert _dead(server, third)


def test_a_retry_within_the_window_gets_the_same_successor(server: Live) -> None:
    first = tokens(server)
    second = refresh(server, first["refresh_token"]).json()
    again = refresh(server, first["refresh_token"]).json()
    assert again["refresh_token"] == second["refresh_token"]


def test_fifty_at_once_leave_one_lineage(server: Live) -> None:
    first = tokens(server)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: refresh(server, first["refresh_token"]), range(50)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len({answer["refresh_token"] for answer in good}) == 1
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert refresh(server, good[0]["refresh_token"]).status_code == 200


THIEVES = [
    row("6749 6", "a public client's, at another public client", STEFAPP, AS_SPA),
    row("6749 6", "a public client's, at a confidential one", STEFAPP, AS_WEB),
    row("6749 6", "a confidential client's, at another", AS_WEB, AS_POST),
    row("6749 6", "a confidential client's, at a public one", AS_WEB, STEFAPP),
]


@pytest.mark.parametrize("owner, thief", THIEVES)
def test_another_client_gets_nothing_and_breaks_nothing(
    owner: Asking, thief: Asking, server: Live
) -> None:
    mine = tokens(server, owner)
    tried = refresh(server, mine["refresh_token"], thief)
    assert (tried.status_code, tried.json()["error"]) == (400, "invalid_grant")
    next_one = refresh(server, mine["refresh_token"], owner).json()["refresh_token"]
    family = _family(server, mine)
    change(server, family, rotated=family.rotated - 3600)
    if next_one != mine["refresh_token"]:
        # Nor by an old one: the alarm is the owner's to trip.
        assert refresh(server, mine["refresh_token"], thief).json()["error"] == "invalid_grant"
    assert refresh(server, next_one, owner).status_code == 200


def test_a_confidential_client_has_to_prove_itself(server: Live) -> None:
    mine = tokens(server, AS_WEB)
    form = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    for more in ({"client_id": "web"}, {"client_id": "web", "client_secret": "wrong"}, {}):
        tried = server.http.post("/token", data={**form, **more})
        assert (tried.status_code, tried.json()["error"]) == (401, "invalid_client")


def test_one_that_lay_idle_is_over(server: Live) -> None:
    mine = tokens(server)
    family = _family(server, mine)
    idle = server.settings.lifetimes.refresh_idle
    assert family.expires == family.used + idle
    change(server, family, expires=int(time.time()))
    assert refresh(server, mine["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_busy_one_ends_too(server: Live) -> None:
    mine = tokens(server)
    family = _family(server, mine)
    born = int(time.time()) - server.settings.lifetimes.refresh_token + 5
    change(server, family, created=born)
    assert refresh(server, mine["refresh_token"]).status_code == 200
    assert _family(server, mine).expires <= int(time.time()) + 5


def test_more_than_was_granted_is_refused(server: Live) -> None:
    mine = tokens(server)
    wider = refresh(server, mine["refresh_token"], scope="openid dms.send")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    narrower = refresh(server, mine["refresh_token"], scope="chirps.read")
    assert narrower.json()["scope"] == "chirps.read"
