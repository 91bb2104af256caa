"""The administration API at a running server: addresses, refusals, and the headers of every
answer."""

from collections.abc import Iterator

import pytest
from tests.live import Live, live
from tests.rows import row
from tests.server.admin.play import ALL, Administrator, list_app, machine

from valetkey.server.model.role import PATH
from valetkey.server.settings.administration import AdministrationSettings


@pytest.fixture(scope="module", params=["", "/id"], ids=["no path", "path"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("admin")
    with live(folder, path=request.param) as running:
        list_app(running, "machine", *ALL)
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def test_a_user_is_found_shown_disabled_and_enabled(server: Live, admin: Administrator) -> None:
    (found,) = admin.get("/users", username="MIKO")["items"]
    assert found["email"] == "miko@example.org"
    shown = admin.call("GET", f"/users/{found['id']}")
    assert shown.headers["etag"] == '"1"'
    assert "password" not in shown.text.replace("has_password", "")
    disabled = admin.post(f"/users/{found['id']}/disable", {"reason": "spam"})
    assert (disabled["status"], disabled["disabled_by"]) == ("disabled", ["administrator"])
    assert disabled["version"] == 2
    enabled = admin.post(f"/users/{found['id']}/enable", {}, if_match='"2"')
    assert (enabled["status"], enabled["version"]) == ("active", 3)
    assert admin.get(f"/users/{found['id']}") == enabled


def test_a_list_has_pages(admin: Administrator) -> None:
    first = admin.get("/users", limit="1")
    second = admin.get("/users", limit="1", cursor=first["next"])
    assert {one["username"] for page in (first, second) for one in page["items"]} == {
        "miko",
        "noor",
    }
    assert "next" not in second


REFUSED = [
    row("path", "nothing there", "GET", "/nowhere", None, 404, "not-found"),
    row("path", "the root", "GET", "", None, 404, "not-found"),
    row("path", "another method", "PUT", "/users", {}, 405, "method-not-allowed"),
    row("path", "no such user", "GET", "/users/nobody", None, 404, "not-found"),
    row("path", "a zero byte", "GET", "/users/%00", None, 404, "not-found"),
    row("path", "no UTF-8", "GET", "/users/%ff", None, 400, "invalid-request"),
    row("query", "too many", "GET", "/users?limit=201", None, 400, "invalid-request"),
    row("query", "too few", "GET", "/users?limit=0", None, 400, "invalid-request"),
    row("query", "unknown", "GET", "/users?limt=1", None, 400, "invalid-request"),
    row("query", "repeated", "GET", "/users?limit=1&limit=2", None, 400, "invalid-request"),
    row("query", "no cursor", "GET", "/users?cursor=x", None, 400, "invalid-request"),
    row("body", "unknown field", "POST", "/users/x/disable", {"a": 1}, 400, "invalid-request"),
    row("body", "no object", "POST", "/users/x/disable", [], 400, "invalid-request"),
    row("body", "nobody", "POST", "/users/x/disable", {}, 404, "not-found"),
]


@pytest.mark.parametrize("method, path, document, status, kind", REFUSED)
def test_a_refusal_is_a_problem_document(
    admin: Administrator, *, method: str, path: str, document: object, status: int, kind: str
) -> None:
    answer = admin.call(method, path, document)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].endswith(f"{PATH}/problems#{kind}")
    assert (problem["status"], problem["request_id"]) == (status, answer.headers["request-id"])


def test_a_stale_caller_is_told(server: Live, admin: Administrator) -> None:
    name = server.users["noor"].id
    answer = admin.call("POST", f"/users/{name}/disable", {}, if_match='"7"')
    assert answer.status_code == 412
    assert admin.get(f"/users/{name}")["status"] == "active"


def test_a_caller_without_a_token_gets_a_challenge(server: Live) -> None:
    answer = Administrator(server, "").call("GET", "/users")
    assert answer.status_code == 401
    assert "Bearer realm=" in answer.headers["www-authenticate"]
    answer = Administrator(server, "nonsense").call("GET", "/users")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_opens_what_it_names(server: Live) -> None:
    reader = machine(server, "users.read")
    reader.get("/users")
    answer = reader.call("POST", f"/users/{server.users['noor'].id}/disable", {})
    assert answer.status_code == 403
    assert answer.json()["permission"] == "users.manage"
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_repeated_call_is_answered_as_before(server: Live, admin: Administrator) -> None:
    path = f"/users/{server.users['noor'].id}"
    key = {"idempotency_key": "one"}
    first = admin.call("POST", f"{path}/disable", {"reason": "a"}, **key)
    admin.post(f"{path}/enable", {})
    again = admin.call("POST", f"{path}/disable", {"reason": "a"}, **key)
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotent-replayed"] == "true"
    assert admin.get(path)["status"] == "active"
    other = admin.call("POST", f"{path}/disable", {"reason": "b"}, **key)
    assert (other.status_code, other.json()["type"].partition("#")[2]) == (422, "key-reused")


def test_no_page_and_no_scope_speaks_of_it(server: Live) -> None:
    metadata = server.http.get("/.well-known/openid-configuration").json()
    assert not [one for one in metadata["scopes_supported"] if one.startswith("admin.")]
    assert not [one for one in metadata.get("protected_resources", ()) if PATH in one]


def test_the_document_is_served_to_everybody(server: Live, admin: Administrator) -> None:
    answer = Administrator(server, "").call("GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["servers"] == [{"url": server.issuer + PATH}]
    assert "request-id" in answer.headers


def test_a_caller_who_calls_too_often_waits(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rules = AdministrationSettings(calls_per_minute=10)
    with live(tmp_path_factory.mktemp("limited"), administration=rules) as server:
        list_app(server, "machine", "users.read")
        reader = machine(server)
        answers = [reader.call("GET", "/users") for _ in range(21)]
    assert answers[0].headers["ratelimit-policy"] == '"calls";q=10;w=60'
    assert answers[0].headers["ratelimit"].startswith('"calls";r=9;t=')
    refused = next(one for one in answers if one.status_code == 429)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.json()["type"].endswith("#too-many-requests")


@pytest.mark.parametrize(
    "path, says", [("/docs", 'id="users.disable"'), ("/problems", 'id="stale"')]
)
def test_pages_explain_it_without_scripts_or_inline_styles(
    server: Live, path: str, says: str
) -> None:
    answer = Administrator(server, "").call("GET", path)
    assert answer.status_code == 200
    assert says in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert f'href="{server.path}/static/valetkey.css"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
