"""A password that an administrator chooses: the server's rules, what ends, and where it is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import every, find, signed_in
from tests.installation import PASSWORDS
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, bind, list_app, machine, person

from valetkey.server.model.assurance import TWO_FACTORS
from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.user import Session, User

PASSWORD = "seven-gulls-at-dawn"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("passwords")) as running:
        for client in ("machine", "web"):
            list_app(running, client, *ALL)
        caught_up()
        yield running


@pytest.fixture
def admin(server: Live) -> Administrator:
    return machine(server)


def path(server: Live, username: str) -> str:
    return f"/users/{server.users[username].id}/password"


def order(password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    return {"password": password, **more}


def sessions(server: Live, username: str) -> int:
    return sum(one.user == server.users[username].id for one in every(server, Session))


def test_it_ends_what_a_change_of_the_password_ends(server: Live, admin: Administrator) -> None:
    signed_in(server, "miko")
    assert sessions(server, "miko") == 1
    done = admin.post(path(server, "miko"), order(reason="The phone was stolen."))
    assert done == {"user": server.users["miko"].id, "sessions": 1, "stopped": 0}
    assert sessions(server, "miko") == 0
    (noted,) = [one for one in every(server, Event) if one.kind == "password-changed"]
    assert (noted.by, noted.reason) == ("administrator", "The phone was stolen.")
    caught_up()
    browser = server.browser()
    browser.open("/sign-in")
    assert browser.sign_in("miko", PASSWORDS["miko"]).status_code == 400
    assert browser.sign_in("miko", PASSWORD).status_code == 200


def test_it_is_recorded_without_the_password(server: Live, admin: Administrator) -> None:
    before = find(server, User, server.users["miko"].id).password
    admin.post(path(server, "miko"), order(), idempotency_key="k1")
    (record,) = [one for one in every(server, AuditRecord) if "users.set-password" in one.public]
    after = find(server, User, server.users["miko"].id).password
    for text in (PASSWORD, before, after):
        assert text.encode() not in repr(record).encode()
    assert PASSWORD.encode() not in server.database.read_bytes()


def test_a_repeated_call_counts_once_and_hides_the_password(
    server: Live, admin: Administrator
) -> None:
    """What is stored of the call is no digest of the password: two users with one password under
    one key differ, and so do two servers (a MAC)."""
    first = admin.call("POST", path(server, "miko"), order(), idempotency_key="k1")
    again = admin.call("POST", path(server, "miko"), order(), idempotency_key="k1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = admin.call("POST", path(server, "miko"), order("another-gull-7"), idempotency_key="k1")
    assert other.status_code == 422
    assert other.json()["type"].endswith("#key-reused")
    (stored,) = every(server, IdempotentCall)
    assert PASSWORD not in repr(stored)


REFUSED = [
    ("short", "at least"),
    ("passwordpassword", "first that attackers try"),
    ("miko-miko-miko-miko", "names that others know"),
    ("x" * 1025, None),
    ("", None),
]


@pytest.mark.parametrize("password, why", REFUSED, ids=[one[0][:20] or "empty" for one in REFUSED])
def test_the_rules_for_passwords_apply(
    server: Live, admin: Administrator, password: str, why: str | None
) -> None:
    before = find(server, User, server.users["miko"].id)
    answer = admin.call("POST", path(server, "miko"), order(password))
    assert answer.status_code == (400 if why is None else 422), answer.text
    assert why is None or why in answer.json()["mistakes"][0]
    assert len(password) < 5 or password not in answer.text
    assert find(server, User, server.users["miko"].id) == before


def test_only_who_may_manage_users_with_a_fresh_proof(server: Live) -> None:
    bind(server, "noor", "support")
    support = person(server, "noor", "users.read", "users.support")
    assert support.call("POST", path(server, "miko"), order()).status_code == 403
    bind(server, "miko", "operator")
    person(server, "miko", "users.manage")
    stale = person(server, "miko", "users.manage", level=TWO_FACTORS, age=3600)
    answer = stale.call("POST", path(server, "noor"), order())
    assert answer.status_code == 401
    assert answer.json()["max_age"] == 600


def test_nobody_sets_the_password_of_somebody_who_may_do_more(server: Live) -> None:
    bind(server, "miko", "owner")
    few = machine(server, "users.manage")
    answer = few.call("POST", path(server, "miko"), order())
    assert answer.status_code == 403
    assert few.call("POST", path(server, "noor"), order()).status_code == 200


def test_it_stops_apps_where_it_is_asked_to(server: Live, admin: Administrator) -> None:
    bind(server, "miko", "operator")
    person(server, "miko", "users.read")
    done = admin.post(path(server, "miko"), order(stop_apps=True))
    assert done["stopped"] == 1
    assert {one.status for one in every(server, Grant)} == {"stopped"}


def test_a_user_who_is_not_there(admin: Administrator) -> None:
    assert admin.call("POST", "/users/nobody/password", order()).status_code == 404
