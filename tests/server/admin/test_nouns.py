"""APIs, policies, keys, messages, streams, settings, and searches of users and apps, over a running
server."""

import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import change, every, find
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.model.change import Create
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.stream import Job, Stream
from valetkey.server.model.user import User


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("nouns"), enable=("administration",)) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


# --- users and apps ------------------------------------------------------------------------------


def test_users_are_found_by_the_beginning_of_what_people_know(
    server: Live, admin: Administrator
) -> None:
    noor = find(server, User, server.users["noor"].id)
    change(
        server,
        noor,
        email="Noor.Haddad@Chirp.example",
        claims={"name": "Noor Haddad"},
        external="platform-17",
    )
    for query in (
        {"email": "noor.h"},
        {"name": "hadd"},
        {"name": "NOOR"},
        {"external": "platform-17"},
        {"username": "noor"},
    ):
        items = admin.get("/users", **query)["items"]
        assert [one["username"] for one in items] == ["noor"], query
    for query in ({"email": "haddad"}, {"name": "oor"}, {"external": "platform-1"}):
        assert admin.get("/users", **query)["items"] == [], query
    assert admin.call("GET", "/users?email=a&name=b").status_code == 400


def test_all_users_are_listed_page_by_page(server: Live, admin: Administrator) -> None:
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        page = admin.get("/users", **query)
        found += [one["id"] for one in page["items"]]
        if "next" not in page:
            break
        query = {"limit": "2", "cursor": page["next"]}
    assert sorted(found) == sorted(one.id for one in every(server, User))


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", "\\", "a\x00b", "\U0001f511"])
def test_a_search_is_no_language(admin: Administrator, text: str) -> None:
    for field in ("email", "name", "external"):
        assert admin.get("/users", **{field: text})["items"] == []
    for field in ("name", "domain", "owner"):
        assert admin.get("/apps", **{field: text})["items"] == []
    for field in ("app", "permission", "user"):
        assert admin.get("/grants", **{field: text})["items"] == []
    assert admin.get("/organizations", search=text)["items"] == []


def test_apps_are_found_by_name_domain_and_owner(server: Live, admin: Administrator) -> None:
    def ids(**query: str) -> list[str]:
        return [one["id"] for one in admin.get("/apps", **query)["items"]]

    assert ids(domain="web.example") == ["web"]
    assert "web" in ids(domain="example")
    assert ids(domain="eb.example") == []
    app = admin.get("/apps/web")
    assert "web" in ids(name=app["name"][:4])
    assert ids(owner="nobody") == []


def test_organizations_are_found_by_id_name_and_its_words(admin: Administrator) -> None:
    names = {"acme": "Acme Rockets", "bolt-1": "The Bolt Works", "zed": "Ærø Boats"}
    for name, title in names.items():
        admin.post("/organizations", {"id": name, "name": title})

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in admin.get("/organizations", **query)["items"]]

    for text in ("acme", "Acme r", "ROCK", "acm"):
        assert ids(search=text) == ["acme"], text
    assert ids(search="bolt") == ["bolt-1"]
    assert ids(search="the bolt w") == ["bolt-1"]
    assert ids(search="ærø") == ["zed"]
    assert ids(search="olt") == ids(search="works b") == []
    assert admin.call("GET", "/organizations?id=a&search=b").status_code == 400
    tag = str(admin.call("GET", "/organizations/zed").headers["etag"])
    edited = admin.call("PATCH", "/organizations/zed", {"name": "Vela"}, if_match=tag)
    assert edited.status_code == 200
    assert (ids(search="ærø"), ids(search="vela"), ids(search="zed")) == ([], ["zed"], ["zed"])
    found: list[str] = []
    query = {"search": "b", "limit": "1"}
    while True:
        page = admin.get("/organizations", **query)
        found += [one["id"] for one in page["items"]]
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert set(found) == {"bolt-1"}
    for name in names:
        tag = str(admin.call("GET", f"/organizations/{name}").headers["etag"])
        admin.call("DELETE", f"/organizations/{name}", if_match=tag)
    assert ids(search="acme") == []


# --- APIs ----------------------------------------------------------------------------------------


def test_a_catalog_is_previewed_with_how_many_it_concerns(admin: Administrator) -> None:
    api = admin.get("/resources/chirp")
    assert api["id"] in [one["id"] for one in admin.get("/resources")["items"]]
    catalog = api["catalog"]
    first, *rest = catalog["permissions"]
    changed = {**first, "can": "do something else"}
    new = {"id": "chirps.teleport", "can": "teleport chirps", "risk": "high"}
    preview = admin.post(
        "/resources/chirp/preview",
        {"catalog": {**catalog, "permissions": [changed, *rest[:-1], new]}},
    )
    signs = {one["name"]: one["sign"] for one in preview["items"]}
    assert signs[first["id"]] == "~"
    assert signs["chirps.teleport"] == "+"
    assert signs[rest[-1]["id"]] == "-"
    assert admin.get("/resources/chirp")["version"] == api["version"]
    broken = admin.call("POST", "/resources/chirp/preview", {"catalog": {"name": 7}})
    assert broken.status_code == 422
    other = {**catalog, "permissions": []}
    assert admin.post("/resources/chirp/preview", {"catalog": other})["mistakes"]


def test_revisions_are_compared(server: Live, admin: Administrator) -> None:
    assert admin.get("/resources/chirp/revisions")["items"] == []
    for number in ("1", "0", "-1", "x", "9" * 30):
        assert admin.call("GET", f"/resources/chirp/revisions/{number}").status_code == 404


def test_a_new_secret_overlaps_with_the_others(server: Live, admin: Administrator) -> None:
    answer = admin.call("POST", "/resources/chirp/secrets", {"overlap": 60}, idempotency_key="s")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert len(made["secrets"]) == 2
    again = admin.call("POST", "/resources/chirp/secrets", {"overlap": 60}, idempotency_key="s")
    assert again.json() == {**made, "secret": ""}
    caught_up()
    told = server.http.post("/introspect", data={"token": "x"}, auth=("chirp", made["secret"]))
    assert told.json() == {"active": False}
    stored = find(server, ResourceServer, "chirp")
    assert sum(one.is_valid(int(time.time())) for one in stored.secrets) == 2
    assert sum(one.is_valid(int(time.time()) + 61) for one in stored.secrets) == 1


# --- keys ----------------------------------------------------------------------------------------


def test_keys_rotate_and_not_twice_too_soon(server: Live, admin: Administrator) -> None:
    def current() -> str:
        keys = admin.get("/keys")["items"]
        return next(
            str(one["kid"]) for one in keys if (one["use"], one["status"]) == ("ES256", "current")
        )

    assert "sealed" not in admin.call("GET", "/keys").text
    for key in every(server, SigningKey):
        if key.status == "coming":
            change(server, key, since=key.since - 301)
    before = current()
    rotated = admin.post("/keys/rotate", {"uses": ["ES256"]})
    assert current() != before
    assert {one["kid"] for one in rotated["items"]} == {
        one.kid for one in every(server, SigningKey)
    }
    second = admin.call("POST", "/keys/rotate", {"uses": ["ES256"]})
    assert second.status_code == 409
    assert second.json()["not_before"] > time.time()
    caught_up()
    answer = admin.call("POST", f"/keys/{before}/revoke", {})
    assert answer.status_code == 200, answer.text
    assert before not in [one["kid"] for one in admin.get("/keys")["items"]]


def test_a_mac_key_is_not_revoked_by_accident(admin: Administrator) -> None:
    keys = admin.get("/keys")["items"]
    mac = next(one["kid"] for one in keys if one["use"] == "mac")
    salt = next(one["kid"] for one in keys if one["use"] == "salt")
    assert admin.call("POST", f"/keys/{mac}/revoke", {}).status_code == 409
    assert admin.call("POST", f"/keys/{salt}/revoke", {"refresh_tokens": True}).status_code == 409
    assert admin.call("POST", "/keys/none/revoke", {}).status_code == 404


# --- the rest ------------------------------------------------------------------------------------


def test_a_message_is_sent_again_now(server: Live, admin: Administrator) -> None:
    now = int(time.time())
    job = Job(
        id="a" * 26,
        kind="nothing",
        url="https://app.example/ping?secret=1",
        due=now + 3000,
        created=now,
        tried=3,
    )
    server.run(server.store.commit([Create(job)]))
    (listed,) = [one for one in admin.get("/jobs")["items"] if one["kind"] == "nothing"]
    assert (listed["host"], listed["tried"]) == ("app.example", 3)
    assert "secret" not in str(listed)
    assert admin.get(f"/jobs/{listed['id']}") == listed
    retried = admin.post(f"/jobs/{listed['id']}/retry")
    assert retried["due"] <= time.time()
    assert admin.call("POST", f"/jobs/{listed['id']}/retry").status_code == 404


def test_a_stream_is_paused(server: Live, admin: Administrator) -> None:
    stream = Stream(
        receiver="client web",
        id="s" * 26,
        delivers="push",
        url="https://web.example/events",
        authorization=b"sealed",
        created=1,
    )
    server.run(server.store.commit([Create(stream)]))
    shown = admin.get("/streams/client/web")
    assert (shown["host"], shown["status"], shown["waiting"]) == ("web.example", "enabled", 0)
    assert "sealed" not in str(shown)
    change = {"status": "paused", "reason": "too many errors"}
    assert admin.call("PATCH", "/streams/client/web", change).status_code == 428
    done = admin.call("PATCH", "/streams/client/web", change, if_match='"1"')
    assert done.json() == {**shown, **change, "version": 2}
    assert admin.call("GET", "/streams/user/web").status_code == 404


def test_policies_and_settings_are_read(server: Live, admin: Administrator) -> None:
    policies = admin.get("/policies")["items"]
    assert policies
    one = admin.get(f"/policies/{policies[0]['name']}")
    assert one["fields"]["pkce"] in ("required", "optional")
    settings = {row["name"]: row for row in admin.get("/settings")["items"]}
    assert settings["issuer"]["value"] == server.issuer
    assert settings["master_key"]["value"] != server.master_key
    assert {"name", "value", "origin"} == set(settings["issuer"])
