"""The SDK against our server and against oidc-provider: the same tests, in threads and in tasks."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.client.running import running
from tests.client.standard.peers import (
    API,
    CLAIMED,
    FOLDER,
    MINE,
    NODE,
    NOTES,
    SCHEME,
    Peer,
    node_oidc_provider,
    ours,
)

from valetkey.client import (
    Aborted,
    App,
    AsyncKey,
    AsyncMachine,
    Attempt,
    Denied,
    Key,
    KeyStopped,
    Machine,
    MemoryStore,
    PermissionMissing,
    TokenStore,
    Waiting,
    raise_for_refusal,
)
from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan

NEEDS_NODE = [
    pytest.mark.node,
    pytest.mark.skipif(not NODE.exists(), reason="Node.js 24 does not run on this platform"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules/oidc-provider").exists(),
        reason="npm packages are not installed: scripts/node-packages.sh tests/clients/node",
    ),
]


@pytest.fixture(scope="module", params=["ours", pytest.param("oidc-provider", marks=NEEDS_NODE)])
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    if request.param == "ours":
        with ours(tmp_path_factory.mktemp("standard")) as one:
            yield one
    else:
        with node_oidc_provider() as one:
            yield one


class InTasks:
    """An async thing, called from a test: each call in the one loop that it has."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._runner = asyncio.Runner()
        self._made = make()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            async def run() -> Any:
                result = getattr(self._made, name)(*given, **named)
                return await result if inspect.isawaitable(result) else result

            return self._runner.run(run())

        return call

    def close(self) -> None:
        self.aclose()
        self._runner.close()


Faces = Callable[[App, TokenStore | None], Any]


@pytest.fixture(params=["threads", "tasks"])
def face(request: pytest.FixtureRequest) -> Iterator[Faces]:
    """A key to a server, in the one way or the other."""
    result: list[Any] = []

    def make(app: App, store: TokenStore | None) -> Any:
        one: Any
        threads = request.param == "threads"
        if store is None:
            one = Machine(app) if threads else InTasks(lambda: AsyncMachine(app))
        else:
            one = (
                Key(app, store, sleep=lambda _: None)
                if threads
                else InTasks(lambda: AsyncKey(app, store, sleep=lambda _: asyncio.sleep(0)))
            )
        result.append(one)
        return one

    yield make
    for one in result:
        one.close()


def browser(peer: Peer) -> Callable[[str], None]:
    """Miko's: it agrees, and goes where it is sent."""

    def play(address: str) -> None:
        httpx2.get(peer.yes(address))

    return lambda address: threading.Thread(target=play, args=(address,), daemon=True).start()


def good(key: Any) -> bool:
    """Whether the server takes the access token."""
    try:
        return bool(key.userinfo()["sub"])
    except (Denied, KeyStopped):
        return False


def lives_and_ends(key: Any, store: MemoryStore) -> None:
    """What every key does once it is there: it is used, renewed, and given back."""
    first = store.load()
    assert first is not None
    assert first.sub
    assert good(key)
    renewed = key.refresh()
    assert renewed.access_token != first.access_token
    assert renewed.sub == first.sub
    assert good(key)
    key.revoke()
    assert store.load() is None
    store.save(renewed)
    with pytest.raises(KeyStopped):
        key.refresh()


@pytest.mark.parametrize("dpop", [True, False], ids=["dpop", "bearer"])
def test_loopback(peer: Peer, face: Faces, dpop: bool) -> None:
    """RFC 8252 7.3, with PKCE, PAR and iss."""
    store = MemoryStore()
    key = face(peer.app("stefapp", dpop=dpop), store)
    came = key.connect(open_browser=browser(peer), seconds=30, prompt="consent")
    assert set(peer.scope) <= came.granted
    assert not came.missing
    held = store.load()
    assert held is not None
    assert bool(held.key) is dpop
    lives_and_ends(key, store)


def test_nonces(peer: Peer, face: Faces) -> None:
    """RFC 9449 8, 9: the server wants its own in each proof."""
    store = MemoryStore()
    key = face(peer.app("nonces", dpop=True), store)
    key.connect(open_browser=browser(peer), seconds=30, prompt="consent")
    lives_and_ends(key, store)


def test_a_private_scheme(peer: Peer, face: Faces) -> None:
    """RFC 8252 7.1. The attempt outlives the process that began it."""
    store = MemoryStore()
    app = peer.app("stefapp", redirect_uri=SCHEME, dpop=True)
    kept = msgspec.json.encode(face(app, MemoryStore()).begin(prompt="consent"))
    attempt = msgspec.json.decode(kept, type=Attempt)
    answer = peer.yes(attempt.address)
    assert answer.startswith(f"{SCHEME}?")
    key = face(app, store)
    with pytest.raises(Aborted, match="state"):
        key.finish(attempt, answer.replace("state=", "state=x"))
    assert set(peer.scope) <= key.finish(attempt, answer).granted
    with pytest.raises(Denied):
        key.finish(attempt, answer)


@pytest.mark.parametrize("dpop", [True, False], ids=["dpop", "bearer"])
def test_a_claimed_address_and_a_client_that_signs(peer: Peer, face: Faces, dpop: bool) -> None:
    """RFC 8252 7.2, RFC 7523."""
    store = MemoryStore()
    key = face(peer.app("signer", redirect_uri=CLAIMED, private_key=MINE, dpop=dpop), store)
    attempt = key.begin(prompt="consent")
    answer = peer.yes(attempt.address)
    assert answer.startswith(f"{CLAIMED}?")
    key.finish(attempt, answer.partition("?")[2])
    lives_and_ends(key, store)


@pytest.mark.parametrize("dpop", [True, False], ids=["dpop", "bearer"])
def test_a_device(peer: Peer, face: Faces, dpop: bool) -> None:
    """RFC 8628."""
    store, presented = MemoryStore(), list[Waiting]()

    def show(waiting: Waiting) -> None:
        presented.append(msgspec.structs.replace(waiting))
        peer.types(waiting)

    key = face(peer.app("tv", dpop=dpop), store)
    came = key.connect_by_code(show)
    assert set(peer.scope) <= came.granted
    assert presented[0].code in presented[0].complete
    lives_and_ends(key, store)


@pytest.mark.parametrize("dpop", [True, False], ids=["dpop", "bearer"])
def test_a_program(peer: Peer, face: Faces, dpop: bool) -> None:
    """RFC 6749 4.4, with a secret and with a signature."""
    signer = App(issuer=peer.issuer, client_id="signer", private_key=MINE, scope=peer.machine.scope)
    for app in (peer.machine, signer):
        machine = face(msgspec.structs.replace(app, dpop=dpop), None)
        token = machine.access_token()
        assert token == machine.access_token()


@pytest.fixture(scope="module")
def api(peer: Peer) -> Iterator[str]:
    """An API behind the kit, which knows of the server what its metadata says, and no more."""
    kit = ResourceServer(issuer=peer.issuer, catalog=NOTES, live="token")
    needs = Needs(kit)

    @needs("read")
    async def read(request: Request) -> Response:
        caller = request.state.principal
        return JSONResponse([caller.sub, caller.client_id, *sorted(caller.permissions)])

    @needs("write")
    async def write(request: Request) -> Response:
        return JSONResponse({})

    routes = [Route("/notes", read), Route("/notes", write, methods=["POST"])]
    port = int(API.rpartition(":")[2])
    with running(Starlette(routes=routes, lifespan=lifespan(kit)), port=port):
        yield f"{API}/notes"


@pytest.mark.parametrize("dpop", [True, False], ids=["dpop", "bearer"])
def test_an_api_behind_the_kit(peer: Peer, api: str, dpop: bool) -> None:
    """RFC 9068 4, RFC 8707, RFC 9449 7: whoever the server is."""
    app = peer.app("noter", dpop=dpop, resource=API)
    key = Key(
        msgspec.structs.replace(app, scope=("openid", "offline_access", "read")), MemoryStore()
    )
    key.connect(open_browser=browser(peer), seconds=30, prompt="consent")
    token = key.access_token()
    with httpx2.Client(auth=key.auth()) as client:
        sub, client_id, *opens = raise_for_refusal(client.get(api)).json()
        assert (bool(sub), client_id, opens) == (True, "noter", ["read"])
        with pytest.raises(PermissionMissing) as missing:
            raise_for_refusal(client.post(api))
        assert missing.value.permissions == {"write"}
    key.connect(
        open_browser=browser(peer),
        seconds=30,
        prompt="consent",
        scope=("openid", "offline_access", "read", "write"),
    )
    with httpx2.Client(auth=key.auth()) as client:
        assert client.post(api).status_code == 200
    key.close()
    # RFC 9449 7.2: what is bound is worth nothing without its proof.
    alone = httpx2.get(api, headers={"authorization": f"Bearer {token}"})
    assert alone.status_code == (401 if dpop else 200)
    spoilt = httpx2.get(api, headers={"authorization": f"Bearer {token[:-8]}AAAAAAAA"})
    assert spoilt.status_code == 401


def test_another_clients_secret(peer: Peer, face: Faces) -> None:
    app = msgspec.structs.replace(peer.machine, secret="another's" * 8)
    with pytest.raises(Denied) as refused:
        face(app, None).access_token()
    assert refused.value.code == "invalid_client"
