"""SCIM at the running server: `scim2-tester`, the dialects of Entra and Okta, and filters."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import httpx2
import pytest
from tests.attacks.play import applied, find
from tests.installation import SECRETS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.client import Client, Provisioning
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

if find_spec("scim2_models") is None:
    pytest.skip("the extra `scim` is not installed", allow_module_level=True)

BASE = "/scim/v2"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("scim"), enable=("scim",)) as running:
        provision(running, "machine")
        yield running


def provision(server: Live, client: str, **terms: Any) -> None:
    """Lets a client provision the users of a source."""
    scope = find(server, Client, client).scope
    fields = {"scim": Provisioning(**terms), "scope": (*scope, "scim")}
    applied(server, DesiredRecord(place="test", kind="client", key=client, fields=fields))


def token(server: Live, client: str = "machine") -> str:
    form = {"grant_type": "client_credentials", "scope": "scim"}
    answer = server.http.post("/token", data=form, auth=(client, SECRETS[client]))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


class Scim:
    """A client of the endpoints."""

    def __init__(self, server: Live, client: str = "machine") -> None:
        self._http = server.http
        self._headers = {"Authorization": f"Bearer {token(server, client)}"}

    def call(self, method: str, path: str, document: Any = None, **headers: str) -> httpx2.Response:
        return self._http.request(
            method, f"{BASE}{path}", json=document, headers={**self._headers, **headers}
        )

    def made(self, path: str, document: Any) -> dict[str, Any]:
        answer = self.call("POST", path, document)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def user(self, name: str, **more: Any) -> dict[str, Any]:
        return self.made("/Users", {"schemas": [USER], "userName": name, **more})

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> httpx2.Response:
        document = {"schemas": [PATCH], "Operations": list(operations)}
        return self.call("PATCH", path, document, **headers)

    def names(self, text: str, **more: str) -> list[str]:
        query = httpx2.QueryParams({"filter": text, **more})
        answer = self.call("GET", f"/Users?{query}")
        assert answer.status_code == 200, answer.text
        return sorted(one["userName"] for one in answer.json()["Resources"])


@pytest.fixture(scope="module")
def scim(server: Live) -> Scim:
    return Scim(server)


def test_the_tester_finds_nothing(server: Live) -> None:
    tester = pytest.importorskip("scim2_tester")
    engine = pytest.importorskip("scim2_client.engines.httpx2")
    headers = {"Authorization": f"Bearer {token(server)}"}
    with httpx2.Client(base_url=f"{server.url}{BASE}", headers=headers) as http:
        results = tester.check_server(engine.SyncSCIMClient(http))
    wrong = [one for one in results if one.status.name not in ("SUCCESS", "SKIPPED", "ACCEPTABLE")]
    assert len(results) > 80
    assert "\n".join(f"{one.title}: {one.reason}" for one in wrong) == ""


def test_a_user_is_made_read_replaced_and_found(scim: Scim, server: Live) -> None:
    made = scim.user(
        "Barbara@chirp.example",
        externalId="b-1",
        displayName="Barbara Jensen",
        emails=[
            {"value": "home@chirp.example", "type": "home"},
            {"value": "barbara@chirp.example", "type": "work", "primary": True},
        ],
        title="is not kept",
    )
    assert "title" not in made
    assert made["meta"]["location"] == f"{server.issuer}{BASE}/Users/{made['id']}"
    user = find(server, User, made["id"])
    assert (user.status, user.claims["name"]) == ("active", "Barbara Jensen")
    assert (user.email, user.email_verified) == ("barbara@chirp.example", False)
    assert user.label == "barbara@chirp.example"
    read = scim.call("GET", f"/Users/{made['id']}")
    assert read.json() == made
    assert read.headers["etag"] == made["meta"]["version"] == 'W/"1"'
    whole = {"schemas": [USER], "userName": "barbara@chirp.example", "id": "other", "active": True}
    replaced = scim.call("PUT", f"/Users/{made['id']}", whole).json()
    assert (replaced["id"], replaced["userName"]) == (made["id"], "barbara@chirp.example")
    assert "emails" not in replaced
    assert find(server, User, made["id"]).email == ""


PATCHES = [
    row(
        "Entra",
        "False in capitals",
        {"op": "Replace", "path": "active", "value": "False"},
        "active",
        False,
    ),
    row(
        "Entra", "without a path", {"op": "Replace", "value": {"active": "False"}}, "active", False
    ),
    row("Okta", "without a path", {"op": "replace", "value": {"active": False}}, "active", False),
    row(
        "Entra",
        "True in capitals",
        {"op": "Add", "path": "active", "value": "True"},
        "active",
        True,
    ),
    row(
        "Entra",
        "an entry that is not there yet",
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "w@chirp.example"},
        "emails",
        [{"value": "w@chirp.example", "type": "work"}],
    ),
    row(
        "Entra",
        "paths as keys",
        {"op": "Replace", "value": {"name.familyName": "Jensen", "displayName": "BJ"}},
        "name",
        {"familyName": "Jensen"},
    ),
    row(
        "Entra",
        "an attribute that is not kept",
        {
            "op": "Replace",
            "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "value": "x",
        },
        "userName",
        None,
    ),
    row("RFC", "a removal", {"op": "remove", "path": "displayName"}, "displayName", None),
]


@pytest.mark.parametrize("operation,attribute,value", PATCHES)
def test_patches(scim: Scim, operation: dict[str, Any], attribute: str, value: Any) -> None:
    made = scim.user(f"patched-{abs(hash(str(operation)))}", displayName="Before")
    answer = scim.patch(f"/Users/{made['id']}", operation)
    assert answer.status_code == 200, answer.text
    assert answer.json().get(attribute) == (
        made.get(attribute) if value is None and attribute == "userName" else value
    )


@pytest.fixture(scope="module")
def taken(scim: Scim) -> str:
    """The id of a user whose names are taken."""
    return str(scim.user("taken", externalId="t-1")["id"])


def _user(**more: Any) -> dict[str, Any]:
    return {"schemas": [USER], **more}


def _patch(**operation: Any) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [operation]}


STRANGE_GROUP = {"schemas": [GROUP], "displayName": "g", "members": [{"value": "nobody"}]}

WRONG = [
    row("3.12", "no userName", "POST", "/Users", _user(), 400, "invalidValue"),
    row("3.12", "an array", "POST", "/Users", [], 400, "invalidSyntax"),
    row("3.12", "a userName of spaces", "POST", "/Users", _user(userName=" "), 400, "invalidValue"),
    row("3.12", "a taken userName", "POST", "/Users", _user(userName="TAKEN"), 409, "uniqueness"),
    row(
        "3.12",
        "a taken externalId",
        "POST",
        "/Users",
        _user(userName="n", externalId="t-1"),
        409,
        "uniqueness",
    ),
    row("3.12", "no such user", "GET", "/Users/nobody", None, 404, None),
    row(
        "3.12",
        "no such group",
        "PATCH",
        "/Groups/none",
        _patch(op="remove", path="members"),
        404,
        None,
    ),
    row(
        "3.12",
        "a read-only attribute",
        "PATCH",
        "/Users/@",
        _patch(op="replace", path="id", value="x"),
        400,
        "mutability",
    ),
    row("3.12", "a removal of nothing", "PATCH", "/Users/@", _patch(op="remove"), 400, "noTarget"),
    row("3.12", "a bad filter", "GET", '/Users?filter=userName+is+"x"', None, 400, "invalidFilter"),
    row(
        "3.12",
        "a filter of an unknown attribute",
        "GET",
        '/Users?filter=nonsense+eq+"x"',
        None,
        400,
        "invalidFilter",
    ),
    row("3.12", "a member that is nobody", "POST", "/Groups", STRANGE_GROUP, 400, "invalidValue"),
    row("3.12", "sorting", "GET", "/Users?sortBy=userName", None, 501, None),
    row("3.12", "bulk", "POST", "/Bulk", {}, 404, None),
    row("3.12", "a bad cursor", "GET", "/Users?cursor=%00", None, 400, "invalidCursor"),
    row("3.12", "the wrong method", "DELETE", "/Users", None, 405, None),
    row("3.12", "a parameter twice", "GET", "/Users?count=1&count=2", None, 400, "invalidSyntax"),
    row("3.12", "too large", "POST", "/Users", _user(userName="x" * 70_000), 413, None),
]


@pytest.mark.parametrize("method,path,document,status,kind", WRONG)
def test_mistakes(
    scim: Scim,
    taken: str,
    method: str,
    path: str,
    document: Any,
    status: int,
    kind: str | None,
) -> None:
    answer = scim.call(method, path.replace("@", taken), document)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    told = answer.json()
    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (told["status"], told.get("scimType")) == (str(status), kind)


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scim]:
    """A server with three users, for filters."""
    with live(tmp_path_factory.mktemp("filters"), enable=("scim",)) as running:
        provision(running, "machine")
        scim = Scim(running)
        for name in ("ada", "bob", "cem"):
            scim.user(
                name,
                externalId=f"x-{name}",
                displayName=name.title(),
                active=name != "cem",
                emails=[
                    {"value": f"{name}@chirp.example", "type": "work"},
                    {"value": f"{name}@home.example", "type": "home"},
                ],
            )
        yield scim


FILTERS = [
    ('userName eq "ADA"', "ada"),
    ('userName eq "ada" and active eq true', "ada"),
    ('userName eq "ada" and active eq false', ""),
    ('externalId eq "x-bob"', "bob"),
    ('externalId eq "X-BOB"', ""),
    ('emails.value eq "ADA@chirp.example"', "ada"),
    ('emails eq "bob@home.example"', "bob"),
    ('emails[type eq "home" and value eq "cem@home.example"]', "cem"),
    ('emails[type eq "work"].value eq "cem@home.example"', ""),
    ('emails[type eq "work"].value eq "cem@chirp.example"', "cem"),
    ('userName sw "a" or displayName co "E"', "ada cem"),
    ('userName ew "b"', "bob"),
    ("active eq false", "cem"),
    ('not (userName eq "ada")', "bob cem"),
    ("displayName pr and title pr", None),
    ("externalId pr", "ada bob cem"),
    ('userName ne "ada"', "bob cem"),
    ('userName gt "b"', "bob cem"),
    ('meta.created gt "2020-01-01T00:00:00Z"', "ada bob cem"),
    ('meta.lastModified lt "2020-01-01T00:00:00Z"', ""),
    ('id eq "nobody"', ""),
]


@pytest.mark.parametrize("text,names", FILTERS)
def test_filters(filtered: Scim, text: str, names: str | None) -> None:
    if names is None:
        answer = filtered.call("GET", f"/Users?{httpx2.QueryParams({'filter': text})}")
        assert answer.status_code == 400
        return
    assert filtered.names(text) == names.split()


def test_pages(filtered: Scim) -> None:
    def page(query: str) -> dict[str, Any]:
        found: dict[str, Any] = filtered.call("GET", f"/Users?{query}").json()
        return found

    first, second = page("count=2"), page("startIndex=3&count=2")
    assert (first["totalResults"], first["itemsPerPage"], first["startIndex"]) == (3, 2, 1)
    assert (second["totalResults"], second["itemsPerPage"]) == (3, 1)
    names = {one["userName"] for one in first["Resources"] + second["Resources"]}
    assert names == {"ada", "bob", "cem"}
    assert page("count=0")["Resources"] == []
    seen, cursor = [], ""
    while True:
        found = page(f"count=1&cursor={cursor}&attributes=userName")
        seen += [one["userName"] for one in found["Resources"]]
        assert all(one.keys() == {"schemas", "id", "userName"} for one in found["Resources"])
        cursor = found.get("nextCursor", "")
        if not cursor:
            break
    assert sorted(seen) == ["ada", "bob", "cem"]
    search = {"filter": 'userName eq "bob"', "attributes": ["userName"], "count": 5}
    assert filtered.call("POST", "/Users/.search", search).json()["totalResults"] == 1


def test_groups_and_their_members(scim: Scim) -> None:
    users = [scim.user(f"member-{number}")["id"] for number in range(3)]
    group = scim.made(
        "/Groups", {"schemas": [GROUP], "displayName": "Crew", "members": [{"value": users[0]}]}
    )
    path = f"/Groups/{group['id']}"

    def members(answer: httpx2.Response) -> list[str]:
        assert answer.status_code == 200, answer.text
        return sorted(one["value"] for one in answer.json().get("members", ()))

    joined = [{"value": one} for one in users[1:]]
    assert members(scim.patch(path, {"op": "Add", "path": "members", "value": joined})) == sorted(
        users
    )
    by_filter = f'members[value eq "{users[0]}"]'
    assert members(scim.patch(path, {"op": "remove", "path": by_filter})) == sorted(users[1:])
    entra = {"op": "Remove", "path": "members", "value": [{"value": users[1]}]}
    assert members(scim.patch(path, entra)) == [users[2]]
    found = scim.call("GET", f'/Groups?filter=members.value+eq+"{users[2]}"').json()
    assert [one["id"] for one in found["Resources"]] == [group["id"]]
    assert scim.call("GET", '/Groups?filter=displayName+eq+"crew"').json()["totalResults"] == 1
    bare = scim.call("GET", "/Groups?excludedAttributes=members").json()
    assert all("members" not in one for one in bare["Resources"])
    assert scim.call("DELETE", f"/Users/{users[2]}").status_code == 204
    assert members(scim.call("GET", path)) == []
    assert scim.call("DELETE", path).status_code == 204
    assert scim.call("GET", path).status_code == 404


def test_versions(scim: Scim) -> None:
    made = scim.user("versioned")
    path, change = f"/Users/{made['id']}", {"op": "replace", "path": "displayName", "value": "V"}
    assert scim.patch(path, change, **{"If-Match": 'W/"1"'}).headers["etag"] == 'W/"2"'
    stale = scim.patch(path, change, **{"If-Match": 'W/"1"'})
    assert (stale.status_code, stale.json()["status"]) == (412, "412")
    assert scim.call("DELETE", path, None, **{"If-Match": 'W/"1"'}).status_code == 412
    assert scim.call("GET", path, None, **{"If-None-Match": 'W/"2"'}).status_code == 304
    assert scim.patch(path, change).headers["etag"] == 'W/"2"', "nothing has changed"
    assert scim.call("DELETE", path, None, **{"If-Match": "*"}).status_code == 204


def test_a_source_sees_only_its_own(scim: Scim, server: Live) -> None:
    provision(server, "agent", source="elsewhere")
    other = Scim(server, "agent")
    mine = scim.user("shared-name", externalId="shared")
    theirs = other.user("shared-name", externalId="shared")
    assert mine["id"] != theirs["id"]
    for method in ("GET", "DELETE"):
        assert other.call(method, f"/Users/{mine['id']}").status_code == 404
    assert other.call("GET", "/Users").json()["totalResults"] == 1
    assert other.call("GET", f'/Users?filter=id+eq+"{mine["id"]}"').json()["totalResults"] == 0
    group = {"schemas": [GROUP], "displayName": "g", "members": [{"value": mine["id"]}]}
    assert other.call("POST", "/Groups", group).status_code == 400
    assert find(server, ProvisionedUser, mine["id"]).source == "platform"
