"""The kit asks for a fresh or a stronger sign-in (RFC 9470), and the SDK sees to it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import change, every
from tests.client.person import app, user
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live, live
from tests.resource.issuing import CATALOG, Issuing

from valetkey.client import Key, KeyStopped, MemoryStore, SignInAgain, raise_for_refusal
from valetkey.resource import Principal, ResourceServer
from valetkey.resource.fastapi import Kit
from valetkey.resource.starlette import Needs, lifespan
from valetkey.server.model.assurance import PASSWORD
from valetkey.server.model.user import Session
from valetkey.wire.bearer import read_challenge

STRONG, WEAK = "urn:example:strong", "urn:example:weak"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    one = Issuing()
    yield one
    one.stop()


def starlette_api(kit: ResourceServer, **need: Any) -> Starlette:
    @Needs(kit)("chirps.read", **need)
    async def read(request: Request) -> Response:
        return JSONResponse({})

    return Starlette(routes=[Route("/", read)], lifespan=lifespan(kit))


def fastapi_api(kit: ResourceServer, **need: Any) -> FastAPI:
    api = FastAPI(lifespan=lifespan(kit))
    guard = Kit(kit, authorize="https://id.example/authorize", token="https://id.example/token")

    @api.get("/")
    async def read(
        caller: Annotated[Principal, guard.needs("chirps.read", **need)],
    ) -> dict[str, str]:
        return {}

    return api


ROWS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str] | None]] = [
    ("nothing is asked", {}, {}, None),
    ("fresh enough", {"max_age": 60}, {"auth_time": 30}, None),
    ("too long ago", {"max_age": 60}, {"auth_time": 90}, {"max_age": "60"}),
    ("nobody knows when", {"max_age": 60}, {}, {"max_age": "60"}),
    ("just now", {"max_age": 5}, {"auth_time": 0}, None),
    ("strong", {"acr": STRONG}, {"acr": STRONG}, None),
    ("weak", {"acr": STRONG}, {"acr": WEAK}, {"acr_values": STRONG}),
    ("nobody knows how", {"acr": STRONG}, {}, {"acr_values": STRONG}),
    ("one of two", {"acr": (STRONG, WEAK)}, {"acr": WEAK}, None),
    (
        "weak and long ago",
        {"acr": (STRONG,), "max_age": 0},
        {"acr": WEAK, "auth_time": 90},
        {"acr_values": STRONG, "max_age": "0"},
    ),
]


@pytest.mark.parametrize("result", [starlette_api, fastapi_api])
@pytest.mark.parametrize("_words, need, claims, answer", ROWS, ids=[row[0] for row in ROWS])
def test_what_the_kit_asks_for(
    _words: str,
    need: dict[str, Any],
    claims: dict[str, Any],
    answer: dict[str, str] | None,
    result: Callable[..., Any],
    issuing: Issuing,
) -> None:
    """RFC 9470 3."""
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG)
    state = dict(claims)
    if "auth_time" in state:
        state["auth_time"] = int(time.time()) - state["auth_time"]
    headers = {"Authorization": f"Bearer {issuing.token(**state)}"}
    with TestClient(result(kit, **need)) as api:
        response = api.get("/", headers=headers)
    if answer is None:
        assert response.status_code == 200
        return
    assert response.status_code == 401
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert challenge.error == "insufficient_user_authentication"
    assert {
        name: value for name in ("acr_values", "max_age") if (value := getattr(challenge, name))
    } == answer
    assert challenge.resource_metadata


def test_a_permission_that_lacks_comes_first(issuing: Issuing) -> None:
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG)
    headers = {"Authorization": f"Bearer {issuing.token(scope='chirps.write')}"}
    with TestClient(starlette_api(kit, max_age=1)) as api:
        assert api.get("/", headers=headers).status_code == 403


@pytest.mark.parametrize("age", [-1, -100])
def test_an_age_that_is_none(age: int, issuing: Issuing) -> None:
    kit = ResourceServer(issuer=issuing.issuer, catalog=CATALOG)
    with pytest.raises(ValueError, match="max_age"):
        Needs(kit)("chirps.read", max_age=age)


# The whole way, against the running server.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("step"), unthrottled=("127.0.0.0/8",)) as running:
        yield running


def guarded(server: Live, key: Key, **need: Any) -> TestClient:
    kit = ResourceServer(
        issuer=server.issuer, catalog=CHIRP_CATALOG, credentials=("chirp", SECRETS["chirp"])
    )
    return TestClient(starlette_api(kit, **need))


def aged(server: Live) -> None:
    """Everybody signed in an hour ago."""
    for session in every(server, Session):
        change(server, session, auth_time=session.auth_time - 3600)


def call(api: TestClient, key: Key) -> Callable[[], httpx2.Response]:
    def result() -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key.access_token()}"}
        return httpx2.Response(**_parts(api.get("/", headers=headers)))

    return result


def _parts(response: Any) -> dict[str, Any]:
    return {"status_code": response.status_code, "headers": dict(response.headers)}


def test_the_user_signs_in_again_and_the_call_goes_through(server: Live, tmp_path: Path) -> None:
    key, browser = Key(app(server), MemoryStore()), server.browser()
    key.connect(open_browser=user(browser), seconds=20)
    aged(server)
    key.connect(open_browser=user(browser), seconds=20)
    with guarded(server, key, max_age=60) as api:
        with pytest.raises(SignInAgain) as refused:
            raise_for_refusal(call(api, key)())
        assert refused.value.max_age == 60
        answer = key.calling(call(api, key), open_browser=user(browser), seconds=20)
    assert answer.status_code == 200
    key.close()


def test_an_api_that_is_never_satisfied_does_not_ask_for_ever(server: Live) -> None:
    key, browser = Key(app(server), MemoryStore()), server.browser()
    key.connect(open_browser=user(browser), seconds=20)
    requests: list[str] = []

    def counted(address: str) -> None:
        requests.append(address)
        user(browser)(address)

    with (
        guarded(server, key, acr="urn:example:nothing-has-this") as api,
        pytest.raises(SignInAgain),
    ):
        key.calling(call(api, key), open_browser=counted, seconds=20)
    assert len(requests) == 2
    key.close()


def test_a_key_that_is_worth_nothing_is_no_step_up(server: Live) -> None:
    key, browser = Key(app(server), MemoryStore()), server.browser()
    key.connect(open_browser=user(browser), seconds=20)
    with guarded(server, key, max_age=60) as api:
        refused = httpx2.Response(**_parts(api.get("/", headers={"Authorization": "Bearer x"})))
    with pytest.raises(KeyStopped):
        raise_for_refusal(refused)
    key.close()


def test_a_token_says_how_its_user_signed_in(server: Live) -> None:
    key, browser = Key(app(server), MemoryStore()), server.browser()
    key.connect(open_browser=user(browser), seconds=20)
    with guarded(server, key, acr=PASSWORD) as api:
        assert call(api, key)().status_code == 200
    key.close()
