"""A62: an unknown algorithm disables a hash check.

Attack: A server sends an ID Token with an unusual algorithm, so that the SDK skips the check of
`at_hash`.
Defense: An unknown algorithm is an error, and the SDK rejects the whole token.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.client.serving import Serving, serving
from tests.jose.forge import b64, signed
from tests.keys import key
from tests.rows import row

from valetkey.client import Aborted, App, Key, MemoryStore
from valetkey.client.errors import ClientError
from valetkey.wire.id_token import at_hash

OURS = key("ES256", "of the odd server")
ACCESS = "an access token"


@pytest.fixture
def odd() -> Iterator[Serving]:
    with serving() as one:
        one.replies["/jwks"] = (200, json.dumps({"keys": [OURS.public().jwk()]}).encode())
        yield one


def connected(odd: Serving, header: dict[str, Any], **claims: Any) -> Key:
    """What an app has once the server answered with this ID Token."""
    app = Key(App(issuer=odd.url, client_id="stefapp", scope=("openid",)), MemoryStore())

    def browser(address: str) -> None:
        asked = {name: one for name, (one,) in parse_qs(urlsplit(address).query).items()}
        now = int(time.time())
        given = {
            "iss": odd.url,
            "sub": "miko",
            "aud": "stefapp",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            "at_hash": at_hash(ACCESS),
            **claims,
        }
        payload = json.dumps({k: v for k, v in given.items() if v is not None}).encode()
        token = signed({"alg": "ES256", "kid": OURS.kid, **header}, payload, OURS)
        answer = {"access_token": ACCESS, "token_type": "Bearer", "id_token": token}
        odd.replies["/token"] = (200, json.dumps(answer).encode())
        httpx2.get(f"{asked['redirect_uri']}?code=c&state={asked['state']}&iss={odd.url}")

    app.connect(open_browser=browser, seconds=20)
    return app


ALGORITHMS = ["none", "HS256", "ES384", "ES512", "PS512", "RS1", "", None, 256, ["ES256"], "es256"]


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=repr)
def test_an_odd_algorithm(algorithm: Any, odd: Serving) -> None:
    with pytest.raises(Aborted):
        connected(odd, {"alg": algorithm})


HASHES: list[Any] = [
    row("Core 3.1.3.8", "of another access token", at_hash("another")),
    row("Core 3.1.3.8", "that is cut", at_hash(ACCESS)[:-1]),
    row("Core 3.1.3.8", "of the whole digest", b64(b"0" * 32)),
    row("Core 3.1.3.8", "that is a number", 7),
    row("Core 3.1.3.8", "that is a list", [at_hash(ACCESS)]),
]


@pytest.mark.parametrize("value", HASHES)
def test_a_hash_that_does_not_fit(value: Any, odd: Serving) -> None:
    with pytest.raises(ClientError):
        connected(odd, {}, at_hash=value)


def test_one_that_fits(odd: Serving) -> None:
    held = connected(odd, {}).tokens
    assert held is not None
    assert held.sub == "miko"
