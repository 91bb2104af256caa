"""A16: a client poses as a user (RFC 9700 4.15).

Attack: A client that acts for itself chooses an id that an API takes for a user's.
Defense: The `sub` of such a client has its own form, and user endpoints refuse its tokens.
"""

import time
from os import urandom

import pytest
from tests.attacks.play import call, claims, introspected, planned, userinfo
from tests.browser import Asking
from tests.installation import SECRETS
from tests.live import Live

from valetkey.jose.seal import digest
from valetkey.server.model import ids
from valetkey.server.model.environment import Env
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

MACHINE = Asking(client_id="machine")


@pytest.fixture(scope="module")
def token(server: Live) -> str:
    """A token of a client for itself."""
    answer = call(server, "/token", {"grant_type": "client_credentials"}, MACHINE)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "scope"}
    return str(answer.json()["access_token"])


def test_its_subject_lies_in_a_namespace_of_its_own(token: str, server: Live) -> None:
    said = claims(token)
    assert said["sub"] == "client:machine"
    assert not {"auth_time", "grant_id", "family_id"} & set(said)
    assert said["sub"] not in [user.id for user in server.users.values()]
    assert introspected(server, token)["sub"] == "client:machine"


def test_it_is_nobody_at_userinfo(token: str, server: Live) -> None:
    answer = userinfo(server, token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_it_opens_no_page(token: str, server: Live) -> None:
    answer = server.http.get("/apps", headers={"authorization": f"Bearer {token}"})
    assert answer.headers["location"].startswith("/sign-in")
    answer = server.http.get("/apps", headers={"cookie": f"vk_session={token}"})
    assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("scope", ["openid", "profile", "email", "offline_access", "openid chirps"])
def test_it_may_not_ask_for_what_is_a_users(scope: str, server: Live) -> None:
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = call(server, "/token", form, MACHINE)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_no_client_may_be_named_like_a_user(server: Live) -> None:
    env = Env(int(time.time()), urandom)
    for name in (server.users["miko"].id, ids.user_id(env), ids.free_id(env)):
        made = planned(server, _client(name))
        assert "has the form of a user id" in "\n".join(made.mistakes)
    for name in ("client:machine", "client:x", "a b", "", "x" * 200, "http://evil.example"):
        assert planned(server, _client(name)).mistakes
    assert not planned(server, _client("another-machine")).mistakes


def _client(name: str) -> DesiredRecord:
    fields = {
        "auth_method": "client_secret_basic",
        "grant_types": ("client_credentials",),
        "scope": ("chirps",),
    }
    return DesiredRecord(
        place="here", kind="client", key=name, fields=fields, secret=digest(SECRETS["machine"])
    )
