"""The API's own tests: no server, no network, real keys. `pytest` finds `keys_for` by itself."""

import os
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

os.environ |= {"ISSUER": "https://id.example", "CHIRP_SECRET": "no secret of anybody's"}

from api_fastapi import app, server

from valetkey.resource import ResourceServer
from valetkey.resource.testing import Keys, Limit

KeysFor = Callable[[ResourceServer], Keys]


@pytest.fixture
def keys(keys_for: KeysFor) -> Keys:
    return keys_for(server)


@pytest.fixture
def api(keys: Keys) -> Iterator[TestClient]:
    with TestClient(app, base_url=server.resource) as client:
        yield client


def test_who_may_write_writes(keys: Keys, api: TestClient) -> None:
    key = keys.issue("chirps.write", sub="miko", client_id="stefapp")
    answer = api.post("/chirps", json={"text": "Hi"}, headers=key.headers())
    assert answer.json() == {"by": "miko", "with": "stefapp"}


def test_who_may_only_read_does_not(keys: Keys, api: TestClient) -> None:
    key = keys.issue("chirps.read")
    answer = api.post("/chirps", json={"text": "Hi"}, headers=key.headers())
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


def test_a_bound_key_comes_with_a_proof(keys: Keys, api: TestClient) -> None:
    key = keys.issue("chirps.read", dpop=True)
    assert api.get("/chirps", headers=key.headers("GET", "/chirps")).status_code == 200
    assert api.get("/chirps", headers=key.headers("GET", "/tips")).status_code == 401


def test_tips_end_where_the_user_says(keys: Keys, api: TestClient) -> None:
    key = keys.issue("tips.send", limits={"tips.send": Limit(amount="5.00")})
    tips = [
        api.post("/tips", json={"amount": amount}, headers=key.headers()).status_code
        for amount in ("4.00", "1.01", "1.00")
    ]
    assert tips == [200, 403, 200]


def test_an_account_is_closed_after_a_fresh_sign_in_only(keys: Keys, api: TestClient) -> None:
    old = keys.issue("account.close", auth_time=int(time.time()) - 3600)
    assert api.delete("/account", headers=old.headers()).status_code == 401
    assert api.delete("/account", headers=keys.issue("account.close").headers()).status_code == 200


def test_what_is_taken_away_is_gone(keys: Keys, api: TestClient) -> None:
    key = keys.issue("chirps.read", "chirps.write")
    keys.narrow(key, "chirps.read")
    assert api.post("/chirps", json={"text": "Hi"}, headers=key.headers()).status_code == 403
    keys.stop(key)
    assert api.get("/chirps", headers=key.headers()).status_code == 401


def test_nobody_gets_in_while_the_issuer_is_silent(keys: Keys, api: TestClient) -> None:
    key = keys.issue("chirps.read")
    with keys.silence():
        assert api.get("/chirps", headers=key.headers()).status_code == 503
