"""What administrators did, and tried, is found in the audit log through its operations."""

from collections.abc import Iterator

import pytest
from tests.live import Live, live
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.audit.ocsf import VERSION


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("events")) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def test_an_act_and_a_refused_one_are_found_by_their_request(
    server: Live, admin: Administrator
) -> None:
    miko = server.users["miko"].id
    done = admin.call("POST", f"/users/{miko}/disable", {"reason": "spam"})
    assert done.status_code == 200, done.text
    refused = machine(server, "users.read").call("POST", f"/users/{miko}/enable", {})
    assert refused.status_code == 403
    act = admin.get("/events", request=done.headers["request-id"])["items"]
    assert {one["operation"] for one in act} == {"users.disable", "disabled"}
    assert {(one["actor"]["kind"], one["actor"]["id"]) for one in act} == {("app", "machine")}
    assert {one["target"]["user"] for one in act} == {miko}
    (operation,) = [one for one in act if one["operation"] == "users.disable"]
    assert ["active", "disabled"] in operation["changes"].values()
    assert operation["address"] == "127.0.0.1"
    (attempt,) = admin.get("/events", request=refused.headers["request-id"])["items"]
    assert (attempt["operation"], attempt["outcome"]) == ("users.enable", "refused")
    assert admin.get(f"/events/{attempt['id']}") == attempt
    # The same by user and actor, and as OCSF.
    found = admin.get("/events", user=miko, actor="machine")["items"]
    assert {one["id"] for one in found} == {one["id"] for one in (*act, attempt)}
    events = admin.get("/events/export", user=miko)["items"]
    assert {one["class_uid"] for one in events} == {3001, 3004, 6003}
    assert {one["metadata"]["version"] for one in events} == {VERSION}
    export = admin.get("/events", operation="events.export")["items"]
    assert [one["outcome"] for one in export] == ["success"]


def test_nobody_else_reads_it(server: Live) -> None:
    other = machine(server, "users.read", "users.manage")
    for path in ("/events", "/events/export", "/events/x"):
        assert other.call("GET", path).status_code == 403
    assert machine(server, "audit.read").call("GET", "/events/x").status_code == 404
