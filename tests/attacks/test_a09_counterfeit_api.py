"""A09: counterfeit API (RFC 9700 4.9.1).

Attack: A malicious API uses a token that an app sent to it at another API.
Defense: A token names its APIs, and no other API accepts it. The server issues no token for an API
that is not registered.
"""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.attacks.play import AS_WEB, asking, call, claims, introspected, stayed, tokens
from tests.browser import Asking
from tests.installation import CHIRP, PHOTOS, PHOTOS_CATALOG, SECRETS
from tests.live import Live

from valetkey.resource import ResourceServer
from valetkey.resource.starlette import Needs, lifespan

MACHINE = Asking(client_id="machine")
EVIL = ("https://evil.example", f"{CHIRP}/x", f"{CHIRP}.evil.example", f"{CHIRP}#x", "chirp", "//")


@pytest.mark.parametrize("live", ["ask", "token", "follow"])
def test_a_token_for_one_api_is_refused_at_another(live: str, server: Live) -> None:
    form = {"grant_type": "client_credentials", "scope": "chirps.read"}
    token = call(server, "/token", form, MACHINE).json()["access_token"]
    assert claims(token)["aud"] == [CHIRP]
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=PHOTOS_CATALOG,
        credentials=("photos", SECRETS["photos"]),
        live=live,  # type: ignore[arg-type]
    )

    @Needs(kit)("photos.read")
    async def read(request: Request) -> Response:
        return JSONResponse({})

    with TestClient(Starlette(routes=[Route("/", read)], lifespan=lifespan(kit))) as api:
        answer = api.get("/", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert introspected(server, token, by="photos") == {"active": False}


def test_a_token_is_narrowed_to_the_api_that_was_named(server: Live) -> None:
    form = {"grant_type": "client_credentials", "resource": PHOTOS}
    token = call(server, "/token", form, MACHINE).json()["access_token"]
    assert (claims(token)["aud"], claims(token)["scope"]) == ([PHOTOS], "photos.read")
    assert introspected(server, token) == {"active": False}


@pytest.mark.parametrize("resource", EVIL)
def test_an_unknown_api_gets_nothing_and_is_not_repeated(resource: str, server: Live) -> None:
    form = {"grant_type": "client_credentials", "resource": resource}
    answer = call(server, "/token", form, MACHINE)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert resource not in answer.text
    refused = server.http.get(asking(AS_WEB, resource=resource).path())
    assert "error=invalid_target" in refused.headers["location"]
    held = tokens(server, AS_WEB)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": held, "resource": resource}
    answer = call(server, "/token", form, AS_WEB)
    stayed(answer)
    assert answer.json()["error"] == "invalid_target"
