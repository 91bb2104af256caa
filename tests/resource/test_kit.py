"""The kit in front of real APIs, against the running server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.browser import Asking, authorize
from tests.installation import CHIRP, CHIRP_CATALOG, PHOTOS_CATALOG, SECRETS
from tests.live import Live, live

from valetkey.client import Detail, PermissionMissing, raise_for_refusal
from valetkey.resource import Principal, ResourceServer
from valetkey.resource.fastapi import Kit
from valetkey.resource.starlette import Needs, documents, lifespan
from valetkey.wire.authorization_details import read_remedy, type_metadata, write
from valetkey.wire.bearer import read_challenge

UNCOUNTED = replace(
    CHIRP_CATALOG,
    permissions=tuple(replace(one, counted=False) for one in CHIRP_CATALOG.permissions),
)
METADATA = f"{CHIRP}/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("kit")) as running:
        yield running


def chirp(server: Live, **options: Any) -> ResourceServer:
    return ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        **options,
    )


def starlette_api(kit: ResourceServer) -> Starlette:
    needs = Needs(kit)

    @needs("chirps.read")
    async def read(request: Request) -> Response:
        return JSONResponse({"sub": request.state.principal.sub})

    @needs("chirps.write")
    def write(request: Request) -> Response:
        return JSONResponse({"client": request.state.principal.client_id})

    @needs("dms.read", "dms.send")
    async def send(request: Request) -> Response:
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/chirps", read, methods=["GET"]),
            Route("/chirps", write, methods=["POST"]),
            Route("/dms", send, methods=["POST"]),
            *documents(kit),
        ],
        lifespan=lifespan(kit),
    )


def fastapi_api(kit: ResourceServer) -> FastAPI:
    app = FastAPI(lifespan=lifespan(kit))
    guard = Kit(kit, authorize="https://id.example/authorize", token="https://id.example/token")
    guard.publish(app)

    @app.get("/chirps")
    async def read(caller: Annotated[Principal, guard.needs("chirps.read")]) -> dict[str, str]:
        return {"sub": caller.sub}

    @app.post("/chirps")
    async def write(caller: Annotated[Principal, guard.needs("chirps.write")]) -> dict[str, str]:
        return {"client": caller.client_id}

    @app.post("/dms")
    async def send(
        caller: Annotated[Principal, guard.needs("dms.read", "dms.send")],
    ) -> dict[str, str]:
        return {}

    return app


@pytest.fixture(params=[starlette_api, fastapi_api], ids=["starlette", "fastapi"])
def api(request: pytest.FixtureRequest, server: Live) -> Iterator[TestClient]:
    with TestClient(request.param(chirp(server)), base_url=CHIRP) as client:
        yield client


def key(server: Live, scope: str = "chirps") -> str:
    asking = Asking(scope=scope)
    code = authorize(server.browser(), asking)
    answer = server.http.post("/token", data=asking.redemption(code)).json()
    token: str = answer["access_token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_key_opens_what_was_granted(server: Live, api: TestClient) -> None:
    token = key(server)
    read = api.get("/chirps", headers=bearer(token))
    assert (read.status_code, read.json()) == (200, {"sub": server.users["miko"].id})
    written = api.post("/chirps", headers=bearer(token))
    assert (written.status_code, written.json()) == (200, {"client": "stefapp"})


def test_a_refusal_names_all_that_is_missing(server: Live, api: TestClient) -> None:
    response = api.post("/dms", headers=bearer(key(server)))
    assert response.status_code == 403
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert challenge.error == "insufficient_scope"
    assert challenge.scope == "dms.read dms.send"
    assert challenge.resource_metadata == METADATA


def by_details(server: Live, *actions: str) -> str:
    """A token of an app that asks by details (RFC 9396)."""
    details = write([Detail(type=CHIRP, actions=actions)])
    asking = Asking(scope="openid", more={"authorization_details": details})
    code = authorize(server.browser(), asking)
    answer = server.http.post("/token", data=asking.redemption(code)).json()
    return str(answer["access_token"])


def test_a_key_that_was_asked_for_by_details_opens_what_was_granted(
    server: Live, api: TestClient
) -> None:
    token = by_details(server, "chirps.read")
    assert api.get("/chirps", headers=bearer(token)).status_code == 200


def test_who_asks_by_details_is_told_what_to_ask_for_in_details(
    server: Live, api: TestClient
) -> None:
    """draft-ietf-oauth-rar-metadata-remediation 4."""
    token = by_details(server, "chirps.read")
    response = api.post("/dms", headers=bearer(token))
    assert response.status_code == 403
    assert response.headers["cache-control"] == "no-store"
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert challenge.error == "insufficient_authorization"
    needed = Detail(type=CHIRP, actions=("dms.read", "dms.send"))
    assert read_remedy(challenge.authorization_remediation) == (needed,)
    with pytest.raises(PermissionMissing) as missing:
        raise_for_refusal(httpx2.Response(403, headers=dict(response.headers)))
    assert missing.value.details == (needed,)
    assert missing.value.permissions == {"dms.read", "dms.send"}


def test_the_catalog_is_published_as_the_metadata_of_a_type(api: TestClient) -> None:
    about = api.get("/.well-known/oauth-protected-resource").json()
    assert about["authorization_details_types_supported"] == [CHIRP]
    address = about["authorization_details_types_metadata_endpoint"]
    answer = api.get(address.removeprefix(CHIRP))
    types = answer.json()["authorization_details_types_metadata"]
    assert types == {CHIRP: type_metadata(CHIRP_CATALOG)}


def test_who_sends_no_token_is_told_nothing_more(api: TestClient) -> None:
    response = api.get("/chirps")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f'Bearer resource_metadata="{METADATA}"'


@pytest.mark.parametrize(
    "authorization,query,status,error",
    [
        ("Bearer nonsense", "", 401, "invalid_token"),
        ("Bearer a.b.c", "", 401, "invalid_token"),
        ("Bearer", "", 401, "invalid_token"),
        ("Bearer two words", "", 401, "invalid_token"),
        ("bearer a.b.c", "", 401, "invalid_token"),
        ("Basic bWlrbzp4", "", 401, ""),
        ("BearerX a.b.c", "", 401, ""),
        ("", "?access_token=x", 400, "invalid_request"),
        ("Bearer x", "?a=1&access_token=x", 400, "invalid_request"),
        ("Bearer x", "?access%5Ftoken=x", 400, "invalid_request"),
    ],
)
def test_what_is_no_token_of_ours(
    api: TestClient, authorization: str, query: str, status: int, error: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = api.get(f"/chirps{query}", headers=headers)
    assert response.status_code == status
    challenge = read_challenge(response.headers["www-authenticate"])
    assert challenge is not None
    assert challenge.error == error


def test_a_token_for_another_api_is_refused(server: Live) -> None:
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=PHOTOS_CATALOG,
        credentials=("photos", SECRETS["photos"]),
    )
    needs = Needs(kit)

    @needs("photos.read")
    async def photos(request: Request) -> Response:
        return JSONResponse({})

    with TestClient(Starlette(routes=[Route("/photos", photos)], lifespan=lifespan(kit))) as client:
        assert client.get("/photos", headers=bearer(key(server))).status_code == 401


def test_a_permission_taken_away_and_a_stop_count_at_once(server: Live, api: TestClient) -> None:
    token, browser = key(server), server.browser()
    browser.open("/sign-in")
    browser.sign_in()
    path = next(
        part.split('"')[0] for part in browser.page.text.split('href="') if part[:6] == "/apps/"
    )
    browser.open(path)
    browser.press("save", boxes={"offline_access"})
    assert api.get("/chirps", headers=bearer(token)).status_code == 200
    assert api.post("/chirps", headers=bearer(token)).status_code == 403
    browser.open(path)
    browser.press("pause")
    assert api.get("/chirps", headers=bearer(token)).status_code == 401
    browser.press("resume")
    assert api.get("/chirps", headers=bearer(token)).status_code == 200
    browser.press("stop")
    browser.press("stop")
    response = api.get("/chirps", headers=bearer(token))
    assert response.status_code == 401
    assert "invalid_token" in response.headers["www-authenticate"]


def test_the_documents_tell_of_the_api(server: Live, api: TestClient) -> None:
    about = api.get("/.well-known/oauth-protected-resource").json()
    assert about["resource"] == CHIRP
    assert about["authorization_servers"] == [server.issuer]
    assert {"chirps.read", "chirps"} <= set(about["scopes_supported"])
    catalog = api.get(about["permission_catalog"].removeprefix(CHIRP)).json()
    assert {one["id"] for one in catalog["permissions"]} == {
        one.id for one in CHIRP_CATALOG.permissions
    }


def test_openapi_says_what_a_route_needs(server: Live) -> None:
    schema = fastapi_api(chirp(server)).openapi()
    assert [*schema["paths"]["/dms"]["post"]["security"][0].values()] == [["dms.read", "dms.send"]]


def test_a_permission_that_the_catalog_lacks_is_an_error_at_once(server: Live) -> None:
    with pytest.raises(ValueError, match=r"chirps\.fly"):
        Needs(chirp(server))("chirps.fly")
    with pytest.raises(ValueError, match="not in the catalog"):
        Needs(chirp(server))()


def test_nothing_is_allowed_while_the_server_cannot_be_asked(tmp_path: Path) -> None:
    with live(tmp_path) as server:
        token = key(server)
        kit = chirp(server)
        with TestClient(starlette_api(kit)) as client:
            assert client.get("/chirps", headers=bearer(token)).status_code == 200
            server.stop()
            response = client.get("/chirps", headers=bearer(token))
            assert response.status_code == 503
            assert response.headers["retry-after"] == "1"


def test_local_checks_need_no_server_once_the_keys_are_there(server: Live) -> None:
    token = key(server)
    kit = ResourceServer(issuer=server.issuer, catalog=UNCOUNTED)
    assert kit.live == "token"
    with TestClient(starlette_api(kit)) as client:
        assert client.get("/chirps", headers=bearer(token)).status_code == 200
