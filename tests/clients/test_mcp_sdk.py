"""The OAuth client of the `mcp` SDK, unchanged: an agent that nobody registered gets a key to an
API that speaks like an MCP server and is protected by the kit."""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest
import uvicorn
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.clients.person import agree
from tests.installation import SECRETS
from tests.live import Live, caught_up, free_port, live
from tests.outside import Host, outside

from valetkey.jose.seal import digest
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, documents, lifespan
from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.query import Many
from valetkey.server.model.resource import ResourceServer as Registered
from valetkey.wire.catalog import Catalog, Permission

CALLBACK = "http://127.0.0.1:49152/callback"

pytestmark = pytest.mark.anyio


@contextlib.contextmanager
def serving(app: Starlette, *, port: int) -> Iterator[None]:
    """The application on a loopback port, in a thread of its own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def catalog(resource: str) -> Catalog:
    return Catalog(
        resource=resource,
        name="Notes",
        permissions=(
            Permission(id="notes.read", can="read your notes", group="view"),
            Permission(id="notes.write", can="write notes", risk="medium"),
            Permission(id="notes.erase", can="erase all notes", risk="high"),
        ),
    )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Where the agent publishes what it is."""
    with outside(tmp_path_factory.mktemp("agent")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("mcp"),
        enable=("registration", "client id metadata documents"),
        registration="open",
        fetch_local=(host.place,),
        fetch_ca_file=host.ca,
    ) as server:
        yield server


@pytest.fixture(scope="module")
def mcp(server: Live) -> Iterator[str]:
    """The address of the API."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    secrets = (StoredSecret(digest(SECRETS["chirp"]), 0),)
    record = Registered(id="notes", catalog=catalog(address), secrets=secrets)
    server.run(server.store.commit([Create(record)]))
    caught_up()
    kit = ResourceServer(
        issuer=server.issuer, catalog=catalog(address), credentials=("notes", SECRETS["chirp"])
    )
    needs = Needs(kit)

    @needs("notes.read")
    async def call(request: Request) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": request.state.principal.sub})

    @needs("notes.read", "notes.write")
    async def write(request: Request) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": "written"})

    @needs("notes.erase")
    async def erase(request: Request) -> Response:
        return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": "erased"})

    app = Starlette(
        routes=[
            Route("/mcp", call, methods=["POST"]),
            Route("/mcp/write", write, methods=["POST"]),
            Route("/mcp/erase", erase, methods=["POST"]),
            *documents(kit),
        ],
        lifespan=lifespan(kit),
    )
    with serving(app, port=port):
        yield address


class Memory(TokenStorage):
    """What the agent keeps."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Agent:
    """The SDK's client, and the person who says yes in a browser."""

    def __init__(self, server: Live, address: str, *, document: str | None = None) -> None:
        self.memory = Memory()
        self.asked = 0
        self.scope = ""
        """What it asked for last."""
        self.boxes: set[str] | None = None
        """What the person ticks; None for what is ticked at first."""
        self._browser = server.browser()
        self._callback = ""
        self.auth = OAuthClientProvider(
            server_url=address,
            client_metadata=OAuthClientMetadata(
                client_name="An agent",
                redirect_uris=[CALLBACK],  # type: ignore[list-item]
                grant_types=["authorization_code", "refresh_token"],
                token_endpoint_auth_method="none",
            ),
            storage=self.memory,
            redirect_handler=self._open,
            callback_handler=self._answer,
            client_metadata_url=document,
        )

    async def _open(self, url: str) -> None:
        self.asked += 1
        self.scope = parse_qs(urlsplit(url).query).get("scope", [""])[0]
        yes = functools.partial(agree, self._browser, url, boxes=self.boxes)
        self._callback = await asyncio.to_thread(yes)

    async def _answer(self) -> AuthorizationCodeResult:
        given = {
            name: values[0] for name, values in parse_qs(urlsplit(self._callback).query).items()
        }
        return AuthorizationCodeResult(
            code=given["code"], state=given.get("state"), iss=given.get("iss")
        )

    async def post(self, address: str) -> dict[str, Any]:
        async with httpx2.AsyncClient(auth=self.auth) as client:
            answer = await client.post(address, json={"jsonrpc": "2.0", "id": 1, "method": "x"})
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found


def every(server: Live) -> dict[str, Client]:
    wanted = Many(Client)
    return {one.id: one for one in server.run(server.store.read(wanted)).many(wanted)}


async def test_an_agent_that_describes_itself(server: Live, mcp: str, host: Host) -> None:
    document = host.publish(
        "/agent/client.json",
        {
            "client_id": host.url("/agent/client.json"),
            "client_name": "An agent",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
    )
    agent = Agent(server, mcp, document=document)
    before = every(server)
    assert (await agent.post(mcp))["result"] == server.users["miko"].id
    assert agent.asked == 1
    (client,) = [one for name, one in every(server).items() if name not in before]
    assert (client.id, client.origin, client.verified) == (document, "document", False)
    # It goes on by what it has.
    assert (await agent.post(mcp))["result"] == server.users["miko"].id
    assert agent.asked == 1


async def test_an_agent_that_registers(server: Live, mcp: str) -> None:
    agent = Agent(server, mcp)
    before = every(server)
    assert (await agent.post(mcp))["result"] == server.users["miko"].id
    (client,) = [one for name, one in every(server).items() if name not in before]
    assert (client.origin, client.auth_method) == ("registered", "none")
    assert agent.memory.client is not None
    assert agent.memory.client.client_id == client.id


async def test_more_is_asked_for_when_it_is_needed(server: Live, mcp: str) -> None:
    """403 with the scope that the call needs, and the user is asked once more."""
    agent = Agent(server, mcp)
    agent.boxes = {"notes.read", "offline_access"}
    await agent.post(mcp)
    agent.boxes = {"notes.write"}  # What was left out before is not ticked by itself.
    assert agent.memory.tokens is not None
    assert "notes.write" not in (agent.memory.tokens.scope or "").split()
    assert (await agent.post(f"{mcp}/write"))["result"] == "written"
    assert agent.asked == 2
    assert {"notes.read", "notes.write"} <= {*(agent.memory.tokens.scope or "").split()}


async def test_it_asks_for_all_and_gets_what_strangers_may_have(server: Live, mcp: str) -> None:
    """The SDK asks for all of `scopes_supported`, here one of high risk too."""
    async with httpx2.AsyncClient() as client:
        address = mcp.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert "notes.erase" in (await client.get(address)).json()["scopes_supported"]
    agent = Agent(server, mcp)
    await agent.post(mcp)
    assert agent.memory.tokens is not None
    assert "notes.erase" in agent.scope
    assert {*(agent.memory.tokens.scope or "").split()} >= {"notes.read", "notes.write"}
    assert "notes.erase" not in (agent.memory.tokens.scope or "").split()


async def test_what_strangers_may_not_have_is_refused_and_named(server: Live, mcp: str) -> None:
    """The step-up asks once more, and no browser opens again and again."""
    agent = Agent(server, mcp)
    await agent.post(mcp)
    with pytest.raises(httpx2.HTTPStatusError) as caught:
        await agent.post(f"{mcp}/erase")
    assert caught.value.response.status_code == 403
    challenge = caught.value.response.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert "notes.erase" in challenge
    assert agent.asked == 2
    # What it had, it still has.
    assert (await agent.post(f"{mcp}/write"))["result"] == "written"


async def test_what_an_operator_allows_strangers_comes_by_step_up(server: Live, mcp: str) -> None:
    agent = Agent(server, mcp)
    await agent.post(mcp)
    assert agent.memory.client is not None
    client = every(server)[agent.memory.client.client_id or ""]
    allowed = msgspec.structs.replace(client, scope=(*client.scope, "notes.erase"))
    server.run(server.store.commit([Update(allowed)]))
    agent.boxes = {"notes.erase"}
    assert (await agent.post(f"{mcp}/erase"))["result"] == "erased"
    assert agent.memory.tokens is not None
    assert {"notes.read", "notes.erase"} <= {*(agent.memory.tokens.scope or "").split()}


async def test_what_an_mcp_server_has_to_say(server: Live, mcp: str) -> None:
    """MCP, authorization: 401 leads to the metadata, which names the issuer and the resource."""
    async with httpx2.AsyncClient() as client:
        refused = await client.post(mcp, json={})
        assert refused.status_code == 401
        challenge = refused.headers["www-authenticate"]
        address = challenge.partition('resource_metadata="')[2].partition('"')[0]
        parts = urlsplit(mcp)
        assert address == (
            f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource/mcp"
        )
        said = (await client.get(address)).json()
    assert said["resource"] == mcp
    assert said["authorization_servers"] == [server.issuer]
    assert not said["authorization_servers"][0].endswith("/")
    assert "offline_access" not in said.get("scopes_supported", [])
    assert "header" in said["bearer_methods_supported"]
    metadata = server.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["issuer"] == server.issuer
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["client_id_metadata_document_supported"] is True
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
