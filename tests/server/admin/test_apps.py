"""Apps, administered by a machine that may do everything."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import find
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.model.client import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("apps")) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def order(name: str, /, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "scope": ["chirps.read"],
        **more,
    }


def test_an_app_is_registered_and_works(server: Live, admin: Administrator) -> None:
    answer = admin.call("POST", "/apps", order("nightly"), idempotency_key="make-it")
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{server.issuer}/admin/v1/apps/nightly"
    created = answer.json()
    form = {"grant_type": "client_credentials"}
    token = server.http.post("/token", data=form, auth=("nightly", created["client_secret"]))
    assert token.status_code == 200, token.text
    again = admin.call("POST", "/apps", order("nightly"), idempotency_key="make-it")
    assert again.json() == {**created, "client_secret": ""}
    assert created["client_secret"] not in again.text
    assert admin.get("/apps/nightly") == created["app"]
    assert "secrets" not in created["app"]
    assert "nightly" in [one["id"] for one in admin.get("/apps")["items"]]


def test_an_app_without_an_id_gets_one(admin: Administrator) -> None:
    created = admin.post("/apps", order("", name="Nameless"))
    assert len(created["app"]["id"]) == 16


def test_mistakes_are_listed(admin: Administrator) -> None:
    answer = admin.call("POST", "/apps", order("bad", scope=["nothing"], uri="ftp://x"))
    assert answer.status_code == 422
    fields = [one.partition(":")[0] for one in answer.json()["mistakes"]]
    assert fields == ["scope", "uri"]


@pytest.mark.parametrize("name", ["stefapp", "chirp"])
def test_an_id_is_taken_once(admin: Administrator, name: str) -> None:
    assert admin.call("POST", "/apps", order(name)).status_code == 409


def test_an_edit_wants_the_version_that_was_seen(admin: Administrator) -> None:
    created = admin.post("/apps", order("edited"))["app"]
    change = {"name": "Edited", "uri": "https://edited.example"}
    assert admin.call("PATCH", "/apps/edited", change).status_code == 428
    assert admin.call("PATCH", "/apps/edited", change, if_match='"9"').status_code == 412
    done = admin.call("PATCH", "/apps/edited", change, if_match=f'"{created["version"]}"')
    assert done.status_code == 200, done.text
    assert done.json() == {**created, **change, "version": 2}
    same = admin.call("PATCH", "/apps/edited", change, if_match='"2"')
    assert same.json()["version"] == 2


def test_an_app_is_suspended_and_restored(server: Live, admin: Administrator) -> None:
    created = admin.post("/apps", order("paused"))
    secret = ("paused", created["client_secret"])
    suspended = admin.post("/apps/paused/suspend", {"reason": "spam"})
    assert (suspended["status"], suspended["suspension"]["reason"]) == ("suspended", "spam")
    caught_up()
    form = {"grant_type": "client_credentials"}
    assert server.http.post("/token", data=form, auth=secret).status_code == 401
    assert admin.post("/apps/paused/restore", {})["suspension"] is None
    caught_up()
    assert server.http.post("/token", data=form, auth=secret).status_code == 200


def test_an_app_is_verified_transferred_and_removed(server: Live, admin: Administrator) -> None:
    admin.post("/apps", order("passing"))
    assert admin.post("/apps/passing/verify", {"verified": False})["verified"] is False
    noor = server.users["noor"].id
    assert admin.post("/apps/passing/transfer", {"owner": noor})["owner"] == noor
    assert admin.call("POST", "/apps/passing/transfer", {"owner": "x"}).status_code == 404
    assert find(server, Client, "passing").owner == noor
    assert admin.call("DELETE", "/apps/passing").status_code == 428
    removed = admin.call("DELETE", "/apps/passing", if_match="*")
    assert removed.json() == {"id": "passing", "stopped": 0}
    assert admin.call("GET", "/apps/passing").status_code == 404


def test_an_app_is_listed_as_a_tool_of_administrators(server: Live, admin: Administrator) -> None:
    created = admin.post("/apps", order("tool"))
    path = "/apps/tool/administration"
    listing = {"permissions": ["users.read"]}
    done = admin.call("PUT", path, listing, if_match='"1"')
    assert done.status_code == 200, done.text
    assert done.json()["scope"] == ["chirps.read", "admin.users.read"]
    wrong = admin.call("PUT", path, {"permissions": ["everything"]}, if_match='"2"')
    assert wrong.status_code == 422
    form = {"grant_type": "client_credentials", "scope": "admin.users.read"}
    caught_up()
    answer = server.http.post("/token", data=form, auth=("tool", created["client_secret"]))
    tool = Administrator(server, answer.json()["access_token"])
    assert tool.get("/users")["items"]
    assert tool.call("GET", "/apps").status_code == 403
