"""Grants over a running server: found, paused, resumed, stopped in bulk; and what is counted."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.attacks.play import STEFAPP, introspected, refresh, tokens
from tests.live import Live, caught_up, live
from tests.postgres import MISSING, cluster
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.last_use import DAY, LastUse, grant_use_id
from valetkey.server.store.database_url import PostgresURL

STEF = STEFAPP.client_id


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("grants")
    if request.param == "sqlite":
        with live(folder, enable=("administration",)) as running:
            list_app(running, "machine", *ALL)
            yield running
        return
    pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    if MISSING:
        pytest.skip(MISSING)
    with (
        cluster() as database,
        live(folder, enable=("administration",), at=PostgresURL(database.fresh())) as running,
    ):
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


@pytest.fixture
def held(server: Live) -> dict[str, Any]:
    """The tokens of Miko's grant for stefApp."""
    return tokens(server)


def its_grant(admin: Administrator) -> dict[str, Any]:
    """Miko's live grant for stefApp, as a search by app finds it."""
    found: list[dict[str, Any]] = admin.get("/grants", app=STEF, status="active")["items"]
    assert len(found) == 1
    return found[0]


def others(server: Live, count: int, app: str = "crowd", **fields: Any) -> list[Grant]:
    """Grants of that many other people, without accounts."""
    made = []
    for _ in range(count):
        env = Env.at(time.time_ns(), os.urandom)
        owner = ids.user_id(env)
        name = ids.owned_id(env, owner=owner)
        one = Grant(id=name, user=owner, client=app, created=env.now, changed=env.now, **fields)
        made.append(one)
    server.run(server.store.commit([Create(one) for one in made]))
    return made


def test_a_grant_is_found_by_all_that_people_search_for(
    server: Live, admin: Administrator, held: dict[str, Any]
) -> None:
    grant = its_grant(admin)
    miko = server.users["miko"].id
    assert (grant["user"], grant["username"], grant["app"]) == (miko, "miko", STEF)
    permission = grant["permissions"][0]
    for query in (
        {"user": miko},
        {"user": miko, "app": STEF},
        {"app": STEF},
        {"permission": permission},
        {"permission": permission, "app": STEF},
        {},
    ):
        found = admin.get("/grants", **query)["items"]
        assert grant["id"] in [one["id"] for one in found], query
    assert admin.get("/grants", permission=permission, app="nobody")["items"] == []
    assert admin.get("/grants", user=miko, app="nobody")["items"] == []
    detail = admin.get(f"/grants/{grant['id']}")
    assert [one["status"] for one in detail["devices"]].count("open") >= 1


def test_a_use_is_known_by_the_day(
    server: Live, admin: Administrator, held: dict[str, Any]
) -> None:
    refresh(server, held["refresh_token"])
    until = time.monotonic() + 30
    while not its_grant(admin)["last_used"]:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert time.time() - its_grant(admin)["last_used"] < 2 * 86400
    unused = admin.get("/grants", unused_since=str(int(time.time())), app=STEF)
    assert unused["items"] == []
    report = admin.get("/statistics", period="day", length="1")
    numbers = report["points"][0]["numbers"]
    assert numbers["tokens.authorization_code"] >= 1
    assert numbers["users"] == 1
    assert numbers["consent.allowed"] + numbers.get("consent.partly", 0) >= 1
    assert numbers["sign_in.password"] >= 1
    assert report["consent"]["displayed"] >= 1
    of_app = admin.get("/statistics", period="day", length="1", app=STEF)
    assert not [one for one in of_app["points"][0]["numbers"] if one.startswith("who.")]


def test_what_no_app_has_used_is_found(server: Live, admin: Administrator) -> None:
    made = others(server, 3, app="idle")
    day = int(time.time()) // DAY
    rows = [
        LastUse(id=grant_use_id(one.id), user=one.user, grant=one.id, client="idle", day=used)
        for one, used in zip(made, (0, day - 400, day), strict=True)
    ]
    aged = [replace(one, created=1, version=1) for one in made]
    server.run(server.store.commit([*map(Create, rows), *map(Update, aged)]))
    since = str((day - 90) * DAY)
    found = admin.get("/grants", app="idle", unused_since=since)["items"]
    assert [one["id"] for one in found] == [made[0].id, made[1].id]
    assert [one["last_used"] for one in found] == [0, (day - 400) * DAY]
    every_app = [one["id"] for one in admin.get("/grants", unused_since=since)["items"]]
    assert made[0].id in every_app
    assert made[2].id not in every_app
    preview = admin.post("/bulk-stops/preview", {"app": "idle", "unused_since": int(since)})
    assert preview["number"] == 2


def test_a_page_follows_the_other(server: Live, admin: Administrator) -> None:
    made = others(server, 7, app="paged")
    found: list[str] = []
    query = {"app": "paged", "limit": "3", "count": "true"}
    while True:
        page = admin.get("/grants", **query)
        assert page["total"] == 7
        found += [one["id"] for one in page["items"]]
        if "next" not in page:
            break
        query = {**query, "cursor": page["next"]}
    assert sorted(found) == sorted(one.id for one in made)
    foreign = admin.call("GET", f"/grants?app=other&cursor={query['cursor']}")
    assert foreign.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "unused_since=1&permission=x",
        "status=paused",
        "user=x&permission=y",
        "limit=201",
        "cursor=nonsense",
        "status=gone&app=x",
        "app=x&order=asc",
    ],
)
def test_what_has_no_index_is_refused(admin: Administrator, query: str) -> None:
    assert admin.call("GET", f"/grants?{query}").status_code == 400


def test_a_pause_of_administrators_is_taken_back(
    server: Live, admin: Administrator, held: dict[str, Any]
) -> None:
    name = its_grant(admin)["id"]
    paused = admin.post(f"/grants/{name}/pause", {"reason": "odd calls"})
    assert paused["status"] == "paused"
    assert not introspected(server, held["access_token"])["active"]
    assert admin.get("/grants", app=STEF, status="paused")["items"][0]["id"] == name
    assert admin.post(f"/grants/{name}/resume", {})["status"] == "active"
    assert introspected(server, held["access_token"])["active"]
    history = admin.get(f"/users/{server.users['miko'].id}/activity")["items"]
    assert "odd calls" in [one["reason"] for one in history]


def test_a_pause_of_the_user_is_not(server: Live, admin: Administrator) -> None:
    (one,) = others(server, 1, app="private", status="paused")
    env = Env.at(time.time_ns(), os.urandom)
    own = event(env, "paused", by="user", user=one.user, client="private", grant=one.id)
    server.run(server.store.commit([], [own]))
    answer = admin.call("POST", f"/grants/{one.id}/resume", {})
    assert answer.status_code == 409
    assert "only the user" in answer.json()["detail"]


# --- bulk stops ----------------------------------------------------------------------------------


def finished(admin: Administrator, name: str) -> dict[str, Any]:
    """The bulk stop, once it is over."""
    until = time.monotonic() + 60
    while (state := admin.get(f"/bulk-stops/{name}"))["status"] == "running":
        assert time.monotonic() < until, state
        time.sleep(0.1)
    return state


def test_a_bulk_stop_stops_what_its_preview_counted(server: Live, admin: Administrator) -> None:
    made = others(server, 60)
    preview = admin.post("/bulk-stops/preview", {"app": "crowd"})
    assert preview["number"] == 60
    assert len(preview["grants"]) == 20
    order = {"token": preview["token"], "reason": "misuse"}
    answer = admin.call("POST", "/bulk-stops", order)
    assert answer.status_code == 202, answer.text
    name = answer.json()["id"]
    assert answer.headers["location"].endswith(f"/bulk-stops/{name}")
    state = finished(admin, name)
    assert (state["status"], state["stopped"], state["number"]) == ("finished", 60, 60)
    assert admin.get("/grants", app="crowd")["items"] == []
    stopped = admin.get("/grants", app="crowd", status="stopped", limit="200", count="true")
    assert stopped["total"] == len(made)
    assert name in [one["id"] for one in admin.get("/bulk-stops")["items"]]


def test_a_token_counts_only_while_the_number_is_the_same(
    server: Live, admin: Administrator
) -> None:
    others(server, 2, app="growing")
    preview = admin.post("/bulk-stops/preview", {"app": "growing"})
    others(server, 1, app="growing")
    answer = admin.call("POST", "/bulk-stops", {"token": preview["token"]})
    assert (answer.status_code, answer.json()["number"]) == (409, 3)
    assert len(admin.get("/grants", app="growing")["items"]) == 3


@pytest.mark.parametrize("change", ["", "x", "flip"])
def test_a_forged_token_stops_nothing(server: Live, admin: Administrator, change: str) -> None:
    others(server, 1, app="forged")
    token = admin.post("/bulk-stops/preview", {"app": "forged"})["token"]
    forged = token[:-6] + "AAAAAA" if change == "flip" else change
    assert admin.call("POST", "/bulk-stops", {"token": forged}).status_code == 400
    assert len(admin.get("/grants", app="forged")["items"]) >= 1


def test_nothing_is_stopped_by_leaving_something_out(admin: Administrator) -> None:
    for body in ({}, {"all": True, "app": "x"}, {"unused_since": 9_999_999_999}):
        assert admin.call("POST", "/bulk-stops/preview", body).status_code == 400, body


def test_a_cancelled_bulk_stop_stops_no_more(server: Live, admin: Administrator) -> None:
    others(server, 150, app="cancelled")
    token = admin.post("/bulk-stops/preview", {"app": "cancelled"})["token"]
    name = admin.call("POST", "/bulk-stops", {"token": token}).json()["id"]
    state = admin.post(f"/bulk-stops/{name}/cancel")
    assert state["status"] == "cancelled"
    done = finished(admin, name)["stopped"]
    caught_up()
    assert admin.get(f"/bulk-stops/{name}")["stopped"] == done
    live_ones = admin.get("/grants", app="cancelled", count="true")["total"]
    assert live_ones == 150 - done
