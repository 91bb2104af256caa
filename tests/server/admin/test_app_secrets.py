"""The secrets of an app over the API, and who calls it."""

from collections.abc import Iterator

import pytest
from tests.attacks.play import change, find
from tests.live import Live, live
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.model.client import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("secrets"), enable=("administration",)) as running:
        list_app(running, "machine", *ALL)
        change(running, find(running, Client, "printer"), grant_types=("client_credentials",))
        list_app(running, "printer", "apps.manage", "apps.read")
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def works(server: Live, secret: str) -> bool:
    form = {"grant_type": "client_credentials"}
    return server.http.post("/token", data=form, auth=("agent", secret)).status_code != 401


def test_a_secret_is_rotated_shown_once_and_revoked(server: Live, admin: Administrator) -> None:
    (old,) = admin.get("/apps/agent/secrets")["items"]
    new = admin.post("/apps/agent/secrets", {"keep_old": 3600}, idempotency_key="rotate")
    assert works(server, new["client_secret"])
    assert new["old_until"] > 0
    again = admin.post("/apps/agent/secrets", {"keep_old": 3600}, idempotency_key="rotate")
    assert again == {**new, "client_secret": ""}
    listed = admin.get("/apps/agent/secrets")["items"]
    assert [one["id"] for one in listed] == [new["id"], old["id"]]
    assert listed[0]["last_four"] == new["client_secret"][-4:]
    admin.call("DELETE", f"/apps/agent/secrets/{old['id']}")
    (only,) = admin.get("/apps/agent/secrets")["items"]
    assert only["id"] == new["id"]
    answer = admin.call("DELETE", f"/apps/agent/secrets/{new['id']}")
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (409, "conflict")
    assert works(server, new["client_secret"])


REFUSED = [
    ("POST", "/apps/agent/secrets", {"keep_old": 91 * 86400}, 400),
    ("POST", "/apps/agent/secrets", {"keep_old": -1}, 400),
    ("POST", "/apps/nobody/secrets", {}, 404),
    ("GET", "/apps/nobody/secrets", None, 404),
    ("DELETE", "/apps/agent/secrets/nope", None, 409),
    ("POST", "/apps/stefapp/secrets", {}, 409),
]


@pytest.mark.parametrize("method, path, body, status", REFUSED)
def test_what_does_not_fit(
    admin: Administrator, method: str, path: str, body: object, status: int
) -> None:
    assert admin.call(method, path, body).status_code == status


def test_nobody_gets_the_secret_of_a_tool_that_may_do_more(server: Live) -> None:
    """It would be worth the tool's permissions (ATTACKS A121)."""
    lesser = machine(server, "apps.manage", "apps.read", client="printer")
    before = find(server, Client, "machine").secrets
    answer = lesser.call("POST", "/apps/machine/secrets", {})
    assert answer.status_code == 403
    assert lesser.call("DELETE", "/apps/machine/secrets/0").status_code == 403
    assert find(server, Client, "machine").secrets == before


def test_who_calls(server: Live, admin: Administrator) -> None:
    me = admin.get("/me")
    assert (me["kind"], me["id"], me["app"], me["roles"]) == ("app", "machine", "machine", [])
    assert me["permissions"] == sorted(ALL)
    few = machine(server, "users.read").get("/me")
    assert few["permissions"] == ["users.read"]
    assert Administrator(server, "").call("GET", "/me").status_code == 401


def test_secrets_cost_no_new_version_of_the_client(server: Live, admin: Administrator) -> None:
    """The use of a secret is noted beside the client, so an administrator's edit does not fail."""
    version = find(server, Client, "agent").version
    secret = admin.post("/apps/agent/secrets", {})["client_secret"]
    for _ in range(3):
        works(server, secret)
    assert find(server, Client, "agent").version == version + 1
