"""A161: administrators, and strangers' apps, that give themselves more power.

Attack: An administrator gives themselves a role, resets the factors of an owner, or takes over an
app that may do more; two owners take the role from each other at once; a stranger's app asks an
owner for a permission of the administration API, at the authorization endpoint or by registration.
Defense: To give and to take a role takes all that it confers, and so does every change of an
administrator's account and of a listed app. There is always an owner. Only apps that an owner
listed can request these permissions, and each call checks the listing again.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.attacks.play import AS_POST, asking, change, find, signed_in
from tests.browser import error_code
from tests.installation import SECRETS
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.admin.play import ALL, Administrator, bind, list_app, machine, person

from valetkey.server.model.client import Client, Provisioning
from valetkey.server.model.role import PATH, RoleBinding
from valetkey.server.model.user import User


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    more = {"unthrottled": ("127.0.0.0/8",), "enable": ("registration",)}
    folder = tmp_path_factory.mktemp("roles")
    with live(folder, registration="open", **more) as running:
        for client in ("machine", "web"):
            list_app(running, client, *ALL)
        list_app(running, "agent", "users.manage", "users.support", "apps.manage")
        bind(running, "miko", "owner")
        bind(running, "noor", "support")
        caught_up()
        yield running


@pytest.fixture(scope="module")
def support(server: Live) -> Administrator:
    return person(server, "noor", *ALL)


def test_a_role_does_not_widen_itself(server: Live, support: Administrator) -> None:
    path = f"/roles/{server.users['noor'].id}"
    answer = support.call("PUT", path, {"roles": ["owner"]}, if_match="*")
    assert (answer.status_code, answer.json()["permission"]) == (403, "roles.manage")


def test_a_token_for_roles_alone_gives_no_role_that_confers_more(server: Live) -> None:
    narrow = machine(server, "roles.read", "roles.manage")
    path = f"/roles/{server.users['noor'].id}"
    answer = narrow.call("PUT", path, {"roles": ["support", "operator"]}, if_match="*")
    assert (answer.status_code, answer.json()["role"]) == (403, "operator")
    answer = narrow.call("PUT", path, {"roles": []}, if_match="*")
    assert (answer.status_code, answer.json()["role"]) == (403, "support")


ACTS = [
    row("user", "edit", "PATCH", "", {"email": "noor@evil.example"}),
    row("user", "disable", "POST", "/disable", {}),
    row("user", "erase", "POST", "/erase", {"at_once": True}),
    row("user", "sign out", "POST", "/sign-out", {}),
    row("user", "password link", "POST", "/password-link", {}),
    row("user", "factors", "POST", "/reset-factors", {}),
    row("user", "password", "POST", "/password", {"password": "seven-gulls-at-dawn"}),
]


@pytest.mark.parametrize("method, path, body", ACTS)
def test_an_owner_is_out_of_reach_for_less(
    server: Live, method: str, path: str, body: dict[str, object]
) -> None:
    less = machine(server, "users.manage", "users.support", client="agent")
    before = find(server, User, server.users["miko"].id)
    answer = less.call(method, f"/users/{before.id}{path}", body, if_match="*")
    assert answer.status_code == 403, answer.text
    assert find(server, User, before.id) == before


CHANGES = [
    row("app", "redirect URI", "PATCH", "", {"redirect_uris": ["https://evil.example/"]}),
    row("app", "keys", "PATCH", "", {"jwks_uri": "https://evil.example/keys"}),
    row("app", "restore", "POST", "/restore", {}),
    row("app", "transfer", "POST", "/transfer", {"owner": ""}),
]


@pytest.mark.parametrize("method, path, body", CHANGES)
@pytest.mark.parametrize("app", ["web", "provisions"])
def test_a_tool_of_administrators_is_out_of_reach_for_less(
    server: Live, app: str, method: str, path: str, body: dict[str, object]
) -> None:
    less = machine(server, "apps.manage", client="agent")
    if app == "provisions":
        app = "till"
        till = find(server, Client, app)
        if till.scim is None:
            change(server, till, scim=Provisioning())
    before = find(server, Client, app)
    answer = less.call(method, f"/apps/{app}{path}", body, if_match="*")
    assert answer.status_code == 403, answer.text
    assert find(server, Client, app) == before


def test_an_app_cannot_be_registered_with_more(server: Live) -> None:
    less = machine(server, "apps.manage", client="agent")
    app = {"id": "x", "name": "x", "redirect_uris": ["https://x.example/"]}
    more = {**app, "scope": ["openid"], "scim": {"source": "platform"}}
    assert less.call("POST", "/apps", more).status_code == 403
    answer = less.call("POST", "/apps", {**app, "scope": ["openid", "admin.users.read"]})
    assert answer.status_code == 422
    assert "tools of administrators" in answer.json()["mistakes"][0]


def test_a_strangers_app_cannot_ask_an_owner(server: Live) -> None:
    browser = signed_in(server, "miko")
    page = browser.open(asking(AS_POST, scope="openid admin.users.read").path())
    assert error_code(page.text) == "invalid_scope"
    # Even if its scope has the permission, as from before the API was there.
    post = find(server, Client, "post")
    change(server, post, scope=(*post.scope, "admin.users.read"))
    caught_up()
    page = browser.open(asking(AS_POST, scope="openid admin.users.read").path())
    assert error_code(page.text) == "invalid_scope"


def test_nobody_registers_for_it(server: Live) -> None:
    document = {"redirect_uris": ["https://x.example/"], "client_name": "X"}
    for scope in ("admin.users.read", "openid admin.users.read"):
        answer = server.http.post("/register", json={**document, "scope": scope})
        assert answer.status_code == 400, answer.text
    answer = server.http.post("/register", json=document)
    assert answer.status_code == 201, answer.text
    assert "admin." not in answer.json()["scope"]
    app = find(server, Client, answer.json()["client_id"])
    assert app.admin == ()


def test_a_token_for_it_without_its_permissions_opens_nothing(server: Live) -> None:
    form = {"grant_type": "client_credentials", "resource": server.issuer + PATH}
    auth = ("machine", SECRETS["machine"])
    answer = server.http.post("/token", data={**form, "scope": "chirps.read"}, auth=auth)
    token = Administrator(server, answer.json()["access_token"])
    for path in ("/users", "/apps", "/roles"):
        assert token.call("GET", path).status_code == 403


def test_two_owners_who_take_the_role_from_each_other(server: Live) -> None:
    noor, miko = server.users["noor"].id, server.users["miko"].id
    root = machine(server)
    for _ in range(5):
        done = root.call("PUT", f"/roles/{noor}", {"roles": ["owner"]}, if_match="*")
        assert done.status_code == 200, done.text
        with ThreadPoolExecutor(2) as both:
            answers = list(
                both.map(
                    lambda user: root.call("PUT", f"/roles/{user}", {"roles": []}, if_match="*"),
                    (noor, miko),
                )
            )
        assert sorted(one.status_code for one in answers) == [200, 409]
        query = {user: root.get(f"/roles/{user}")["roles"] for user in (noor, miko)}
        assert sorted(query.values()) == [[], ["owner"]]
        for user in (noor, miko):
            root.call("PUT", f"/roles/{user}", {"roles": ["owner"]}, if_match="*")
    root.call("PUT", f"/roles/{noor}", {"roles": ["support"]}, if_match="*")
    assert find(server, RoleBinding, miko).roles == ("owner",)
