"""A110: a system that provisions users reaches further than it may.

Attack: A directory manages users of another source, takes over an account by its user name or
e-mail address, or its deactivated and erased users go on.
Defense: A client reaches the users of its own source alone. A deactivated user is refused by every
endpoint and grant type at once, and their sessions end. An erased one comes back as somebody new.
"""

import os
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from tests.attacks import test_a78_dead_parties as a78
from tests.attacks.play import (
    STEFAPP,
    call,
    change,
    desk,
    every,
    find,
    introspected,
    redeem,
    refresh,
    signed_in,
)
from tests.browser import Asking, authorize
from tests.live import Live, live
from tests.rows import row
from tests.server.endpoints.test_scim import USER, Scim, provision

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.store.settle import settle

if find_spec("scim2_models") is None:
    pytest.skip("the extra `scim` is not installed", allow_module_level=True)

story = a78.story


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("scim"), enable=("scim",)) as running:
        provision(running, "machine")
        provision(running, "agent", source="elsewhere")
        yield running


@pytest.fixture(scope="module")
def scim(server: Live) -> Scim:
    return Scim(server)


def _link(server: Live, username: str, subject: str) -> str:
    """The user signs in at the platform, too."""
    user = server.users[username].id
    env = Env(int(time.time()), os.urandom)
    one = Identity(
        id=ids.owned_id(env, owner=user),
        user=user,
        source="platform",
        subject=subject,
        created=env.now,
    )
    server.run(server.store.commit([Create(one)]))
    return user


@pytest.fixture(scope="module")
def miko(server: Live, scim: Scim) -> str:
    """The id of a user who has signed in at the platform, and whom it provisions now."""
    user = _link(server, "miko", "m-1")
    made = scim.user("miko@platform.example", externalId="m-1", active=True)
    assert made["id"] == user
    return user


def _active(scim: Scim, user: str, value: object) -> None:
    answer = scim.patch(f"/Users/{user}", {"op": "Replace", "path": "active", "value": value})
    assert answer.status_code == 200, answer.text


BACK = {
    **a78.EXPECTED["alive"],
    # The session ended: the user signs in again, and finds every grant.
    "silent": "login_required",
    "goes on": "sign-in",
    "own page": "sign-in",
}
del BACK["says yes"]


def test_a_deactivated_user_is_refused_everywhere_and_is_back_with_all_grants(
    server: Live, scim: Scim, miko: str, story: a78.Story
) -> None:
    _active(scim, miko, "False")
    expected = a78.EXPECTED["user disabled"]
    assert {way: a78.WAYS[way](server, story) for way in expected} == expected
    assert [one for one in every(server, Session) if one.user == miko] == []
    _active(scim, miko, "True")
    assert {way: a78.WAYS[way](server, story) for way in BACK} == BACK
    assert find(server, Grant, story.grant).status == "active"


def test_a_source_does_not_lift_what_an_administrator_did(
    server: Live, scim: Scim, miko: str, story: a78.Story
) -> None:
    context = desk(server)
    server.run(settle(server.store, lambda: change_user_status(miko, "disabled", context=context)))
    _active(scim, miko, False)
    _active(scim, miko, True)
    assert find(server, User, miko).status == "disabled"
    assert a78.WAYS["refreshes"](server, story) == "invalid_grant"
    _active(scim, miko, False)
    server.run(settle(server.store, lambda: change_user_status(miko, "active", context=context)))
    assert find(server, User, miko).disabled_by == ("platform",)
    _active(scim, miko, True)
    assert find(server, User, miko).status == "active"


FOREIGN = [
    row("A110", "read", "GET", None),
    row("A110", "replaced", "PUT", {"schemas": [USER], "userName": "taken-over"}),
    row(
        "A110",
        "deactivated",
        "PATCH",
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": False}],
        },
    ),
    row("A110", "erased", "DELETE", None),
]


@pytest.mark.parametrize("method,document", FOREIGN)
@pytest.mark.parametrize("whose", ["platform", "accounts here"])
def test_users_of_others_are_not_there(
    server: Live, miko: str, whose: str, method: str, document: object
) -> None:
    name = miko if whose == "platform" else server.users["noor"].id
    before = find(server, User, name)
    answer = Scim(server, "agent").call(method, f"/Users/{name}", document)
    assert answer.status_code == 404
    assert find(server, User, name) == before


def test_no_name_takes_over_an_account(server: Live, miko: str) -> None:
    """Neither a user name, an address, nor an id of another source's is anybody's account."""
    noor = find(server, User, server.users["noor"].id)
    made = Scim(server, "agent").user(
        "noor", externalId="m-1", emails=[{"value": "noor@example.org", "primary": True}]
    )
    assert made["id"] not in (miko, noor.id)
    user = find(server, User, made["id"])
    assert (user.password, user.email_verified) == ("", False)
    assert find(server, User, noor.id) == noor
    change(server, find(server, User, made["id"]), email_verified=True)
    Scim(server, "agent").patch(
        f"/Users/{made['id']}",
        {"op": "replace", "path": "emails[primary eq true].value", "value": "other@example.org"},
    )
    user = find(server, User, made["id"])
    assert (user.email, user.email_verified) == ("other@example.org", False)


def _users_token(server: Live) -> str:
    return str(redeem(server, authorize(signed_in(server, "noor"), STEFAPP)).json()["access_token"])


def _machines_token(server: Live) -> str:
    answer = call(
        server, "/token", {"grant_type": "client_credentials"}, Asking(client_id="machine")
    )
    return str(answer.json()["access_token"])


TOKENS = [
    row("A110", "none", lambda server: "", 401),
    row("A110", "a user's", _users_token, 401),
    row("A110", "no token", lambda server: "nonsense", 401),
    row("A110", "a client's for something else", _machines_token, 401),
]


@pytest.mark.parametrize("token,status", TOKENS)
def test_tokens(server: Live, token: object, status: int) -> None:
    text = token(server)  # type: ignore[operator]
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    answer = server.http.get("/scim/v2/Users", headers=headers)
    assert answer.status_code == status
    assert "www-authenticate" in answer.headers


def test_a_client_that_provisions_nobody_gets_no_such_token(server: Live) -> None:
    form = {"grant_type": "client_credentials", "scope": "scim"}
    answer = call(server, "/token", form, Asking(client_id="printer"))
    assert answer.status_code == 400, answer.text


def test_an_erased_user_comes_back_as_somebody_new(server: Live, scim: Scim) -> None:
    """A108: a new subject, no old grant, and nothing that names the person."""
    noor = _link(server, "noor", "n-1")
    made = scim.user("noor@platform.example", externalId="n-1", displayName="Noor Name")
    assert made["id"] == noor
    browser = signed_in(server, "noor")
    tokens = redeem(server, authorize(browser, STEFAPP)).json()
    assert scim.call("DELETE", f"/Users/{noor}").status_code == 204
    assert refresh(server, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert introspected(server, tokens["access_token"]) == {"active": False}
    assert browser.open("/apps").url.path == "/sign-in"
    again = scim.user("noor@platform.example", externalId="n-1")
    assert again["id"] != noor
    assert [one for one in every(server, Grant) if one.user == again["id"]] == []
    grants = [one for one in every(server, Grant) if one.user == noor]
    assert {one.status for one in grants} == {"stopped"}
    left = [
        *(one for one in every(server, Receipt) if one.user == noor),
        *(one for one in every(server, Event) if one.user == noor),
        *grants,
    ]
    assert left
    assert not [one for one in left if "Noor" in repr(one) or "noor@" in repr(one)]
    assert [one.id for one in every(server, ProvisionedUser) if one.id == noor] == []
