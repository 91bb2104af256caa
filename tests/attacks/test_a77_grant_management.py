"""A77: other parties' records, at the grant management endpoint.

Attack: A client queries or revokes another client's grant.
Defense: Each method checks the owner, and another client's grant looks like one that doesn't exist.
"""

import pytest
from tests.attacks.play import (
    AS_WEB,
    asking,
    call,
    change,
    every,
    find,
    refresh,
    sent_back,
    signed_in,
    tokens,
)
from tests.installation import SECRETS
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant

BOTH = "grant_management_query grant_management_revoke"


@pytest.fixture(scope="module")
def grant(server: Live) -> str:
    """A grant of the web app, which has opted in, as has another app."""
    more = ("authorization_code", "refresh_token", "client_credentials")
    for client in every(server, Client):
        if client.id in {"web", "post"}:
            change(server, client, understands=("grant_management",), grant_types=more)
    return str(tokens(server, AS_WEB)["grant_id"])


def own(server: Live, client: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "scope": BOTH}
    secret = SECRETS[client]
    if client == "post":
        answer = server.http.post(
            "/token", data={**form, "client_id": client, "client_secret": secret}
        )
    else:
        answer = call(server, "/token", form, AS_WEB)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_apps_grant_is_no_grant(method: str, grant: str, server: Live) -> None:
    before, headers = find(server, Grant, grant), own(server, "post")
    theirs = server.http.request(method, f"/grants/{grant}", headers=headers)
    absent = server.http.request(method, f"/grants/{'0' * 26}", headers=headers)
    assert theirs.status_code == absent.status_code == 404
    assert theirs.content == absent.content
    assert theirs.json()["error"] == "invalid_grant_id"
    assert find(server, Grant, grant) == before


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "below,status",
    [("", 401), ("/", 401), ("/{}", 401), ("/{}/", 404), ("/{}/more", 404), ("//{}", 404)],
)
def test_nobody_learns_anything(
    below: str, status: int, method: str, grant: str, server: Live
) -> None:
    before = find(server, Grant, grant)
    answer = server.http.request(method, "/grants" + below.format(grant))
    assert answer.status_code == status
    # RFC 6750 3.1: who sends no token is told nothing more.
    assert "error" not in answer.headers.get("www-authenticate", "")
    assert grant not in answer.text
    assert find(server, Grant, grant) == before


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", ["", "/", "/x", "/" + "x" * 1000, "/%00", "/%2e%2e", "/ü"])
def test_what_is_no_name_is_no_grant(name: str, method: str, grant: str, server: Live) -> None:
    answer = server.http.request(method, f"/grants{name}", headers=own(server, "web"))
    assert (answer.status_code, answer.json()["error"]) == (404, "invalid_grant_id")
    assert find(server, Grant, grant).status == "active"


def test_a_page_may_ask_which_methods_there_are(grant: str, server: Live) -> None:
    answer = server.http.request("OPTIONS", f"/grants/{grant}")
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET, DELETE"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_other_verbs_are_not_there(method: str, grant: str, server: Live) -> None:
    answer = server.http.request(method, f"/grants/{grant}", headers=own(server, "web"))
    assert answer.status_code == 405


def test_a_token_in_the_address_is_none(grant: str, server: Live) -> None:
    token = own(server, "web")["authorization"].removeprefix("Bearer ")
    answer = server.http.get(f"/grants/{grant}", params={"access_token": token})
    assert answer.status_code == 400


@pytest.mark.parametrize("action", ["merge", "replace"])
def test_another_users_grant_is_not_changed(action: str, grant: str, server: Live) -> None:
    before = find(server, Grant, grant)
    what = asking(AS_WEB, grant_management_action=action, grant_id=grant)
    answer = signed_in(server, "noor").http.get(what.path())
    assert sent_back(answer)["error"] == "access_denied"
    assert find(server, Grant, grant) == before


def test_its_owner_merges_it(grant: str, server: Live) -> None:
    first = tokens(server, AS_WEB)
    what = asking(AS_WEB, grant_management_action="merge", grant_id=grant)
    assert tokens(server, what)["grant_id"] == grant
    refused = refresh(server, first["refresh_token"], AS_WEB)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_its_holder_asks_and_gives_it_back(grant: str, server: Live) -> None:
    headers = own(server, "web")
    told = server.http.get(f"/grants/{grant}", headers=headers)
    assert told.status_code == 200
    assert told.headers["cache-control"] == "no-store"
    assert told.json()["grant_id"] == grant
    given_back = server.http.delete(f"/grants/{grant}", headers=headers)
    assert (given_back.status_code, given_back.content) == (204, b"")
    assert find(server, Grant, grant).status == "stopped"
    assert server.http.delete(f"/grants/{grant}", headers=headers).status_code == 404
