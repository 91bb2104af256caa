"""The same for an API that does not await."""

import os
from collections.abc import Callable

os.environ |= {"ISSUER": "https://id.example", "CHIRP_SECRET": "no secret of anybody's"}

from api_flask import app, server

from valetkey.resource import ResourceServer
from valetkey.resource.testing import Keys, Limit


def test_two_chirps_and_no_more(keys_for: Callable[[ResourceServer], Keys]) -> None:
    keys = keys_for(server)
    key = keys.issue("chirps.write", dpop=True, limits={"chirps.write": Limit(uses=2)})
    api = app.test_client()
    answers = [
        api.post("/chirps", json={"text": "Hi"}, headers=key.headers("POST", "/chirps"))
        for _ in range(3)
    ]
    assert [one.status_code for one in answers] == [201, 201, 403]
    assert answers[2].get_json()["error"] == "limit_reached"
