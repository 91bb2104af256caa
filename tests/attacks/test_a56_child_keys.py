"""A56: misuse of delegated access, offline.

Attack: A helper extends the key that an app delegated to it offline.
Defense: A delegated key works for its holder, for what it was made for, and for no longer.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.bound import redeem, shown
from tests.installation import CHIRP, CHIRP_CATALOG, SECRETS
from tests.keys import key
from tests.live import Live
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row

from valetkey.jose import jws
from valetkey.jose.jwk import PrivateKey
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan
from valetkey.wire import child_key, dpop

AGENT = key("ES256", "the agent's")
THIEF = OTHER


@pytest.fixture(scope="module")
def api(server: Live) -> Iterator[TestClient]:
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        max_delegations=2,
    )
    needs = Needs(kit)

    @needs("chirps.read")
    async def read(request: Request) -> Response:
        return JSONResponse({})

    @needs("chirps.write")
    async def write(request: Request) -> Response:
        return JSONResponse({})

    routes = [Route("/chirps", read), Route("/chirps", write, methods=["POST"])]
    with TestClient(Starlette(routes=routes, lifespan=lifespan(kit)), base_url=CHIRP) as client:
        yield client


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    """The app's key, which opens both routes."""
    text: str = redeem(server)["access_token"]
    return text


def block(behind: str, by: PrivateKey, to: PrivateKey, **fields: Any) -> str:
    """A block as whoever writes it likes."""
    now = int(time.time())
    told = {
        "parent": dpop.token_hash(behind),
        "cnf": {"jkt": to.public().thumbprint()},
        "scope": "chirps.read",
        "iat": now,
        "exp": now + 60,
        **fields,
    }
    return f"{behind}~{jws.sign_embedded(msgspec.json.encode(told), key=by, typ=child_key.TYPE)}"


def call(api: TestClient, text: str, by: PrivateKey, method: str = "GET") -> int:
    made = proof(Wish(method=method, address=f"{CHIRP}/chirps", token=text, by=by))
    return api.request(method, "/chirps", headers=dict(shown(text, made))).status_code


def test_the_agent_does_what_it_was_asked_to(api: TestClient, token: str) -> None:
    text = block(token, MINE, AGENT)
    assert call(api, text, AGENT) == 200
    assert call(api, text, AGENT, "POST") == 403


def _wider(token: str) -> str:
    return block(block(token, MINE, AGENT, depth=1), AGENT, THIEF, scope="chirps.write")


def _other_tree(token: str) -> str:
    # A block that the agent was given behind one key, put behind another one of the same app.
    return token + "~" + block(token + "x", MINE, AGENT).rpartition("~")[2]


ATTACKS = [
    row("A56", "a stolen child without its key", lambda t: block(t, MINE, AGENT), THIEF),
    row("A56", "with the key of the hand before", lambda t: block(t, MINE, AGENT), MINE),
    row("A56", "an agent that widens what it has", _wider, THIEF),
    row("A56", "a block of a thief's own", lambda t: block(t, THIEF, THIEF), THIEF),
    row("A56", "a block put behind another key", _other_tree, AGENT),
    row("A56", "the parent, cut off by the agent", lambda t: t, AGENT),
    row(
        "A56",
        "handed on though it may not be",
        lambda t: block(block(t, MINE, AGENT), AGENT, THIEF),
        THIEF,
    ),
    row("A56", "for ever", lambda t: block(t, MINE, AGENT, exp=int(time.time()) + 10**6), AGENT),
]


@pytest.mark.parametrize("makes,by", ATTACKS)
def test_whatever_else_is_shown_opens_nothing(
    api: TestClient, token: str, makes: Callable[[str], str], by: PrivateKey
) -> None:
    for method in ("GET", "POST"):
        assert call(api, makes(token), by, method) == 401


def test_a_child_is_no_bearer_token(api: TestClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {block(token, MINE, AGENT)}"}
    assert api.get("/chirps", headers=headers).status_code == 401
