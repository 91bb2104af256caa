"""Administrators at a running server: machines that an owner listed, and people with roles."""

import time
from typing import Any, Final

import httpx2
import msgspec
from msgspec.structs import fields
from tests.attacks.play import AS_WEB, change, find, redeem, signed_in
from tests.browser import Asking
from tests.installation import SECRETS
from tests.live import Live

from valetkey.server.admin.operation import AnyOperation
from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.query import Many
from valetkey.server.model.role import PATH, PERMISSIONS, PREFIX, Role, RoleBinding
from valetkey.server.model.user import Session

ALL: Final = PERMISSIONS


class Administrator:
    """Somebody who calls the administration API with a token."""

    def __init__(self, server: Live, token: str) -> None:
        self.token = token
        self._http = server.http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, document: Any = None, **headers: str) -> httpx2.Response:
        """One call; a header's name is written with _ for -."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(
            method, PATH + path, json=document, headers={**self._headers, **more}
        )

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """What a call that only reads answers."""
        answer = self.call("GET", f"{path}?{httpx2.QueryParams(query)}" if query else path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, document: Any = None, **headers: str) -> dict[str, Any]:
        """What a POST answers that is done."""
        answer = self.call("POST", path, document, **headers)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found


def list_app(server: Live, client: str, *permissions: str) -> None:
    """Lists an app as a tool of administrators, as an owner does. It counts a second later."""
    app = find(server, Client, client)
    scopes = tuple(PREFIX + one for one in permissions)
    kept = tuple(one for one in app.scope if not one.startswith(PREFIX))
    change(server, app, admin=scopes, scope=(*kept, *scopes))


def machine(server: Live, *permissions: str, client: str = "machine") -> Administrator:
    """A machine with a token for these permissions, () for all that it is listed for."""
    scope = " ".join(PREFIX + one for one in permissions)
    form = {"grant_type": "client_credentials", "resource": server.issuer + PATH}
    form |= {"scope": scope} if scope else {}
    answer = server.http.post("/token", data=form, auth=(client, SECRETS[client]))
    assert answer.status_code == 200, answer.text
    return Administrator(server, answer.json()["access_token"])


def bind(server: Live, username: str, *roles: Role) -> None:
    """Gives a user roles."""
    binding = RoleBinding(user=server.users[username].id, roles=roles, changed=int(time.time()))
    server.run(server.store.commit((Create(binding),)))


def person(
    server: Live,
    username: str,
    *permissions: str,
    client: Asking = AS_WEB,
    level: str = TWO_FACTORS,
    more: str = "",
    age: int = 0,
) -> Administrator:
    """A person who signed in at this level, some seconds ago, and let a listed app have these
    permissions."""
    browser = signed_in(server, username)
    query = Many(Session, "user", server.users[username].id)
    for session in server.run(server.store.read(query)).many(query):
        change(server, session, acr=level, auth_time=session.auth_time - age)
    scope = " ".join((*(PREFIX + one for one in permissions), more)).strip()
    asking = msgspec.structs.replace(client, scope=scope)
    browser.open(asking.path())
    if 'id="allow"' in browser.page.text:
        browser.press("allow", boxes=set(browser.form("allow").boxes))
    answer = redeem(server, browser.answer()["code"], asking)
    assert answer.status_code == 200, answer.text
    return Administrator(server, answer.json()["access_token"])


def call_of(operation: AnyOperation, **names: str) -> tuple[str, str, Any]:
    """A method, a path and a body that fit the operation. `names` are the variables of paths."""
    segments = (
        names.get(one[1:-1], "x") if one.startswith("{") else one
        for one in operation.path.split("/")
    )
    body = {one.encode_name: _example(one.type) for one in fields(operation.body) if one.required}
    return operation.method, "/".join(segments), body if operation.has_body else None


def _example(kind: Any) -> Any:
    text = str(kind)
    if "tuple" in text or "list" in text:
        return []
    if "bool" in text:
        return True
    if "int" in text:
        return 1
    return {} if "dict" in text else "x"
