"""A10: replay by a compromised API (RFC 9700 4.9.2).

Attack: An API uses the tokens of its callers at the server.
Defense: Such a token opens nothing at the server, on the user's pages, or at the registration
endpoints.
"""

from collections.abc import Iterator

import pytest
from tests.attacks.play import asking, call, claims, signed_in, tokens, userinfo
from tests.browser import Asking
from tests.installation import CHIRP, SECRETS
from tests.live import Live, live

from valetkey.spec import names

MACHINE = Asking(client_id="machine")


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """With everything that takes a bearer token."""
    with live(tmp_path_factory.mktemp("open"), enable=("registration",)) as server:
        yield server


@pytest.fixture(scope="module")
def seen(open_server: Live) -> str:
    """A token of a user's that is for Chirp alone, as Chirp sees it."""
    asked = asking(scope="chirps.read chirps.write", resource=CHIRP)
    token = str(tokens(open_server, asked)["access_token"])
    assert claims(token)["aud"] == [CHIRP]
    return token


NOT_TAKEN = {"/userinfo": ("PUT", "DELETE"), "/grants/x": ("POST", "PUT")}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/userinfo", "/register", "/register?client_id=stefapp", "/grants/x"]
)
def test_it_opens_nothing_of_the_servers(
    method: str, path: str, open_server: Live, seen: str
) -> None:
    headers = {"authorization": f"Bearer {seen}"}
    answer = open_server.http.request(method, path, headers=headers, json={})
    if method in NOT_TAKEN.get(path, ()):
        assert answer.status_code == 405
        return
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "sub" not in answer.text


def test_it_is_no_key_to_the_users_pages(open_server: Live, seen: str) -> None:
    for path in ("/apps", "/approvals", "/apps/export"):
        answer = open_server.http.get(path, headers={"authorization": f"Bearer {seen}"})
        asked = open_server.http.get(path, headers={"cookie": f"vk_session={seen}.{seen}"})
        for one in (answer, asked):
            assert (one.status_code, one.headers["location"]) == (303, f"/sign-in?next={path}")


def test_it_is_no_refresh_token_no_code_and_no_secret(open_server: Live, seen: str) -> None:
    forms = (
        ("refresh_token", {"refresh_token": seen}, "invalid_grant"),
        ("authorization_code", {"code": seen, "code_verifier": "v" * 43}, "invalid_grant"),
        (names.DEVICE_CODE, {"device_code": seen}, "unauthorized_client"),
    )
    for grant_type, brought, error in forms:
        form = {"grant_type": grant_type, **brought}
        answer = open_server.http.post("/token", data={**form, "client_id": "stefapp"})
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    answer = open_server.http.post("/introspect", data={"token": seen}, auth=("chirp", seen))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_the_api_cannot_get_a_token_of_its_own_by_its_name(open_server: Live) -> None:
    """An API proves itself at introspection, and is no client."""
    form = {"grant_type": "client_credentials"}
    answer = open_server.http.post("/token", data=form, auth=("chirp", SECRETS["chirp"]))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_clients_own_token_is_no_users(open_server: Live) -> None:
    token = call(open_server, "/token", {"grant_type": "client_credentials"}, MACHINE).json()
    assert userinfo(open_server, token["access_token"]).status_code == 401
    assert signed_in(open_server).open("/apps").status_code == 200
