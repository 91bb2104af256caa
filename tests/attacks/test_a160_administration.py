"""A160: a token that opens more of the administration API than it should.

Attack: Somebody calls an operation without a token, with a token for another API, with a token
without the permission, with one whose key was stopped or whose app was suspended, as a person whose
role does not have it, who signed in with one factor, or long ago; or with an owner's cookie; or for
a session or a secret below the path of somebody whose it is not.
Defense: Each operation has one permission, which the token, the app's listing and the person's
roles have to have, all at the time of the call. People need two factors, and fresh ones for what
cannot be undone. The API takes no cookie. What is below another one's path is not there.
"""

import functools
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.attacks.play import AS_POST, change, every, find, signed_in
from tests.installation import CHIRP, SECRETS
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.admin.play import (
    ALL,
    Administrator,
    bind,
    call_of,
    list_app,
    machine,
    person,
)

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model.assurance import PASSWORD, TWO_FACTORS
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.role import PATH, ROLES, RoleBinding
from valetkey.server.model.user import Session, User

EACH = [row(one.name, "as nobody may", one) for one in OPERATIONS]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("administration")
    with live(folder, unthrottled=("127.0.0.0/8",)) as running:
        for client in ("machine", "agent", "web", "post"):
            list_app(running, client, *ALL)
        bind(running, "miko", "owner")
        bind(running, "noor", "developer")
        caught_up()
        yield running


class Callers:
    """Everybody who may not, each with a token that was good for something."""

    def __init__(self, server: Live) -> None:
        self.server = server
        self.nobody = Administrator(server, "")
        self.elsewhere = Administrator(server, _token(server, "chirps.read", CHIRP))
        self.one_factor = person(server, "miko", *ALL, level=PASSWORD)
        self.owner = person(server, "miko", *ALL)
        self.developer = person(server, "noor", *ALL)
        self.wide = person(server, "miko", *ALL, more="openid chirps")
        self.late = person(server, "miko", *ALL, age=3600)
        self.machine = machine(server)

    @functools.cached_property
    def without(self) -> dict[str, Administrator]:
        """Machines that have every permission but one."""
        return {one: machine(self.server, *(set(ALL) - {one})) for one in ALL}


def _token(server: Live, scope: str, resource: str) -> str:
    form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
    answer = server.http.post("/token", data=form, auth=("machine", SECRETS["machine"]))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def callers(server: Live) -> Callers:
    return Callers(server)


def attempt(server: Live, caller: Administrator, operation: AnyOperation) -> httpx2.Response:
    names = {"user": server.users["noor"].id, "app": "spa"}
    method, path, body = call_of(operation, **names)
    return caller.call(method, path, body, if_match="*")


def refused(answer: httpx2.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"].endswith(f"#{kind}"), answer.text


@pytest.mark.parametrize("operation", EACH)
def test_each_operation_is_refused(server: Live, callers: Callers, operation: AnyOperation) -> None:
    before = find(server, User, server.users["noor"].id), find(server, Client, "spa")
    refused(attempt(server, callers.nobody, operation), 401, "invalid-token")
    refused(attempt(server, callers.elsewhere, operation), 401, "invalid-token")
    refused(attempt(server, callers.wide, operation), 401, "invalid-token")
    refused(attempt(server, callers.one_factor, operation), 401, "two-factors-needed")
    if operation.permission:
        other = attempt(server, callers.without[operation.permission], operation)
        refused(other, 403, "not-allowed")
        assert other.json()["permission"] == operation.permission
    if operation.permission not in ROLES["developer"] | {""}:
        refused(attempt(server, callers.developer, operation), 403, "not-allowed")
    after = find(server, User, server.users["noor"].id), find(server, Client, "spa")
    assert after == before


@pytest.fixture(scope="module")
def stopped(server: Live) -> Administrator:
    """The token of an owner who has stopped its key."""
    token = person(server, "miko", *ALL, client=AS_POST)
    assert token.call("GET", "/users").status_code == 200
    (grant,) = [one for one in every(server, Grant) if one.client == "post"]
    change(server, grant, status="paused")
    return token


@pytest.mark.parametrize("operation", EACH)
def test_a_stopped_key_opens_nothing(
    server: Live, stopped: Administrator, operation: AnyOperation
) -> None:
    refused(attempt(server, stopped, operation), 401, "invalid-token")


@pytest.fixture(scope="module")
def suspended(server: Live) -> Administrator:
    """The token of a machine that was suspended."""
    token = machine(server, client="agent")
    assert token.call("GET", "/users").status_code == 200
    change(server, find(server, Client, "agent"), status="suspended")
    caught_up()
    return token


@pytest.mark.parametrize("operation", EACH)
def test_a_suspended_app_opens_nothing(
    server: Live, suspended: Administrator, operation: AnyOperation
) -> None:
    refused(attempt(server, suspended, operation), 401, "invalid-token")


@pytest.mark.parametrize(
    "operation", [row(one.name, "after a while", one) for one in OPERATIONS if one.sensitive]
)
def test_what_is_sensitive_wants_a_fresh_proof(
    server: Live, callers: Callers, operation: AnyOperation
) -> None:
    answer = attempt(server, callers.late, operation)
    refused(answer, 401, "two-factors-needed")
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{TWO_FACTORS}"' in challenge
    assert 'max_age="600"' in challenge


NO_PARENTS = {"resources.revision", "resources.difference", "streams.show", "streams.edit"}
"""Operations whose second variable names nothing that another one has: a number, a kind."""


def test_nothing_is_reached_below_the_path_of_another(server: Live, callers: Callers) -> None:
    """By somebody who may do everything, so that no permission hides it."""
    admin, noor, miko = callers.machine, server.users["noor"].id, server.users["miko"].id
    signed_in(server, "miko")
    (*_, session) = (one.id for one in every(server, Session) if one.user == miko)
    for name in ("acme", "harbour"):
        admin.post("/organizations", {"id": name, "name": name})
    admin.post("/organizations/acme/members", {"user": miko})
    grant = next(one.id for one in every(server, Grant) if one.user == miko)
    secret = find(server, Client, "post").secrets[0].name
    paths = {
        "users.end-session": f"/users/{noor}/sessions/{session}",
        "apps.revoke-secret": f"/apps/till/secrets/{secret}",
        "organizations.remove-member": f"/organizations/harbour/members/{miko}",
        "organizations.grants": f"/organizations/harbour/members/{miko}/grants",
        "organizations.stop-grant": f"/organizations/harbour/grants/{grant}/stop",
    }
    deep = {one.name: one for one in OPERATIONS if one.path.count("{") > 1}
    assert paths.keys() | NO_PARENTS == deep.keys()
    before = every(server, Session), every(server, Client), every(server, Grant)
    for name, path in paths.items():
        body: Any = {} if deep[name].has_body else None
        answer = admin.call(deep[name].method, path, body, if_match="*")
        assert answer.status_code in (404, 409), (name, answer.text)
    assert (every(server, Session), every(server, Client), every(server, Grant)) == before
    assert admin.get("/organizations/acme/members")["items"]


def test_a_cookie_is_no_token(server: Live) -> None:
    browser = signed_in(server, "miko")
    answer = browser.http.get(f"{PATH}/users")
    refused(answer, 401, "invalid-token")


def test_a_role_counts_now(server: Live, callers: Callers) -> None:
    assert callers.owner.call("GET", "/users").status_code == 200
    binding = find(server, RoleBinding, server.users["miko"].id)
    change(server, binding, roles=("developer",))
    refused(callers.owner.call("GET", "/users"), 403, "not-allowed")
    change(server, find(server, RoleBinding, binding.user), roles=("owner",))
    assert callers.owner.call("GET", "/users").status_code == 200


def test_a_listing_counts_now(server: Live, callers: Callers) -> None:
    app = find(server, Client, "machine")
    change(server, app, admin=())
    caught_up()
    refused(callers.machine.call("GET", "/users"), 403, "not-allowed")
    change(server, find(server, Client, "machine"), admin=app.admin)
    caught_up()
    assert callers.machine.call("GET", "/users").status_code == 200


def test_the_owner_may(server: Live, callers: Callers) -> None:
    """So that the refusals above are for their reasons."""
    for operation in OPERATIONS:
        if operation.method == "GET":
            answer: Any = attempt(server, callers.owner, operation)
            assert answer.status_code in (200, 404), (operation.name, answer.text)
