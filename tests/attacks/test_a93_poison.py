"""A93: one bad member spoils a batch.

Attack: A request contains text that no database can store, and fails a whole batch of other
requests.
Defense: The server refuses such text when it reads it, and other requests are not affected, on both
databases.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from tests.attacks.every_kind import scene
from tests.attacks.play import AS_WEB, tokens
from tests.attacks.poison import DOORS, PLAIN, VALUES
from tests.handoff import OPEN
from tests.installation import SECRETS
from tests.live import Live, live
from tests.postgres import MISSING, cluster
from tests.promises.wire import Connection, Reply, get, post
from tests.rows import row
from tests.server.oauth.clients.apps import MINE, jwks

from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many
from valetkey.server.oauth.features import FEATURES
from valetkey.server.store.database_url import PostgresURL

LONG: Final = {"a number of many digits", "a text without end"}
"""Where the size may be what is refused."""

PAGE: Final = (303, "invalid_request")
BODY: Final = (400, "invalid_request")
PROOF: Final = (400, "invalid_dpop_proof")
CLIENT: Final = (401, "invalid_client")

REFUSED: Final[dict[str, tuple[int, str]]] = {
    "claims, asked": PAGE,
    "claims, pushed": BODY,
    "a name in claims": BODY,
    "details, asked": (303, "invalid_authorization_details"),
    "details, pushed": (400, "invalid_authorization_details"),
    "the sub of an assertion": CLIENT,
    "the header of an assertion": CLIENT,
    "the jti of an assertion": CLIENT,
    "the end of an assertion": CLIENT,
    "the jti of a proof": PROOF,
    "the nonce of a proof": PROOF,
    "the address of a proof": PROOF,
    "the time of a proof": PROOF,
    "the key of a proof": PROOF,
    "a request object, asked": (303, "invalid_request_object"),
    "the classes in a request object": (303, "invalid_request_object"),
    "the header of a request object": (303, "invalid_request_object"),
    "a request object, pushed": (400, "invalid_request_object"),
    "a hint": PAGE,
    "a token shown": (401, "invalid_token"),
    "a token asked about": (200, ""),
    "an assertion of a server": (400, "invalid_grant"),
    "the user in an assertion of a server": (400, "invalid_grant"),
    "a registration": BODY,
    "a name in a registration": BODY,
    "keys in a registration": BODY,
    "a software statement": (400, "invalid_software_statement"),
}
"""What each door says: status and code."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def open_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server on which every door is open, on either database."""
    more: dict[str, Any] = {}
    with ExitStack() as stack:
        if request.param == "postgres":
            if MISSING:
                pytest.skip(MISSING)
            more["at"] = PostgresURL(stack.enter_context(cluster()).url)
        folder = tmp_path_factory.mktemp("poison")
        publishers = folder / "publishers.json"
        publishers.write_text(json.dumps(jwks(MINE)))
        given = live(
            folder,
            unthrottled=("127.0.0.0/8",),
            enable=[one.name for one in FEATURES if not one.on_by_default and not one.core],
            sign_in=OPEN,
            registration="open",
            registration_publishers_file=publishers,
            **more,
        )
        server = stack.enter_context(given)
        scene(server)
        yield server


def _code(reply: Reply) -> str:
    location = reply.headers.get("location", "")
    if location:
        return location.partition("error=")[2].partition("&")[0]
    if b"{" not in reply.body[:1]:
        return reply.headers.get("www-authenticate", "").partition('error="')[2].partition('"')[0]
    found: str = reply.document.get("error", "")
    return found


async def _honest(server: Live, token: str) -> list[Reply]:
    """What honest apps ask, so that it lies in batches with what is sent meanwhile."""
    asked = [
        post("/par", AS_WEB.parameters(), basic=("web", SECRETS["web"])),
        post("/introspect", {"token": token}, basic=("chirp", SECRETS["chirp"])),
        get(AS_WEB.path()),
    ]
    connection = Connection(server.port)
    found = [await connection.ask(one) for one in asked * 4]
    await connection.close()
    return found


async def _poisoned(server: Live, value: str) -> dict[str, Reply]:
    async def send(make: Any) -> Reply:
        connection = Connection(server.port)
        reply = await connection.ask(make(server.url, VALUES[value]()))
        await connection.close()
        return reply

    doors = list(DOORS)
    return dict(zip(doors, await asyncio.gather(*(send(DOORS[one]) for one in doors)), strict=True))


@pytest.mark.parametrize("value", [row("ATTACKS A93", name, name) for name in VALUES])
def test_it_is_refused_where_it_is_read(open_server: Live, value: str) -> None:
    token = tokens(open_server, AS_WEB)["access_token"]

    async def both() -> tuple[dict[str, Reply], list[list[Reply]]]:
        honest = asyncio.gather(*(_honest(open_server, token) for _ in range(8)))
        return await _poisoned(open_server, value), await honest

    replies, honest = asyncio.run(both())
    assert {reply.status for some in honest for reply in some} == {200, 201, 303}
    if value in LONG:
        assert {name: reply for name, reply in replies.items() if reply.status >= 500} == {}
        return
    told = {name: (reply.status, _code(reply)) for name, reply in replies.items()}
    assert told == REFUSED


@pytest.mark.parametrize("door", [row("ATTACKS A93", name, name) for name in PLAIN])
def test_so_is_what_is_not_json(open_server: Live, door: str) -> None:
    async def send() -> Reply:
        connection = Connection(open_server.port)
        reply = await connection.ask(PLAIN[door](open_server.url, ""))
        await connection.close()
        return reply

    assert asyncio.run(send()).status < 500


def test_nothing_of_it_is_kept(open_server: Live) -> None:
    kept = open_server.run(open_server.store.read(Many(Pending))).many(Many(Pending))
    assert not [one for one in kept if "\\u0000" in repr(one) or "\\ud8" in repr(one)]
