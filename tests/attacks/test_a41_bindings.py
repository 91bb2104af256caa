"""A41: code and refresh token with another key (RFC 9449 5, 10).

Attack: A thief redeems a bound code, or refreshes a bound token, with another key.
Defense: The server refuses it.
"""

import msgspec
import pytest
from tests.attacks.bound import THUMBPRINT, posted, redeem
from tests.attacks.play import AS_WEB, STEFAPP, call, introspected
from tests.browser import Asking, authorize
from tests.live import Live
from tests.proofs import MINE, OTHER
from tests.rows import row

CLIENTS = [row("9449 10", "public", STEFAPP), row("9449 10", "confidential", AS_WEB)]


@pytest.mark.parametrize("by", CLIENTS)
@pytest.mark.parametrize("proved", [True, False], ids=["another key", "no proof"])
def test_a_code_that_dpop_jkt_binds(by: Asking, proved: bool, server: Live) -> None:
    code = authorize(
        server.browser(), msgspec.structs.replace(by, more={**by.more, "dpop_jkt": THUMBPRINT})
    )
    form = by.redemption(code)
    tried = (
        posted(server, "/token", form, by, key=OTHER)
        if proved
        else call(server, "/token", form, by)
    )
    assert (tried.status_code, tried.json()["error"]) == (400, "invalid_grant")
    honest = posted(server, "/token", form, by, key=MINE)
    assert (honest.status_code, honest.json()["error"]) == (400, "invalid_grant"), "it is burnt"


@pytest.mark.parametrize("by", CLIENTS)
def test_a_code_that_the_proof_of_a_pushed_request_binds(by: Asking, server: Live) -> None:
    uri = posted(server, "/par", by.parameters(), by).json()["request_uri"]
    browser = server.browser()
    browser.open(f"/authorize?client_id={by.client_id}&request_uri={uri}")
    browser.sign_in()
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    form = by.redemption(browser.answer()["code"])
    tried = posted(server, "/token", form, by, key=OTHER)
    assert (tried.status_code, tried.json()["error"]) == (400, "invalid_grant")


def test_a_pushed_request_whose_two_keys_differ(server: Live) -> None:
    other = {**STEFAPP.parameters(), "dpop_jkt": OTHER.public().thumbprint()}
    tried = posted(server, "/par", other)
    assert (tried.status_code, tried.json()["error"]) == (400, "invalid_request")


def test_a_public_clients_refresh_token(server: Live) -> None:
    mine = redeem(server)
    form = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    for tried in (posted(server, "/token", form, key=OTHER), call(server, "/token", form)):
        assert (tried.status_code, tried.json()["error"]) == (400, "invalid_grant")
    assert posted(server, "/token", form).status_code == 200


def test_a_confidential_client_may_change_its_key(server: Live) -> None:
    mine = redeem(server, AS_WEB)
    form = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    other = posted(server, "/token", form, AS_WEB, key=OTHER)
    assert other.status_code == 200
    told = introspected(server, other.json()["access_token"])
    assert told["cnf"] == {"jkt": OTHER.public().thumbprint()}
