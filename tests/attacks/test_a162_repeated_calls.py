"""A162: an Idempotency-Key that gives more than the call did.

Attack: Somebody repeats a call to see a secret again, guesses somebody else's key, uses a key for
another call, or sends the same call many times at once; two administrators edit the same record.
Defense: A key belongs to its caller and its operation, and carries a digest of the call. The answer
is stored in the change's own commit, without secrets. An edit needs the version that was seen.
"""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.attacks.play import AS_POST, every, find
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, bind, list_app, machine, person

from valetkey.server.model.client import Client
from valetkey.server.model.idempotency import IdempotentCall
from valetkey.server.model.user import User


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("repeated")
    with live(folder) as running:
        for client in ("machine", "agent", "web", "post"):
            list_app(running, client, *ALL)
        caught_up()
        yield running


@pytest.fixture(scope="module")
def admin(server: Live) -> Administrator:
    return machine(server)


def order(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "scope": ["chirps.read"],
    }


def at_once(*calls: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def test_a_secret_is_shown_once_and_stored_nowhere(server: Live, admin: Administrator) -> None:
    first = admin.call("POST", "/apps", order("once"), idempotency_key="k1")
    value = first.json()["client_secret"]
    again = admin.call("POST", "/apps", order("once"), idempotency_key="k1")
    assert again.json()["client_secret"] == ""
    assert value not in repr(every(server, IdempotentCall))
    assert value.encode() not in server.database.read_bytes()


def test_somebody_elses_key_is_another_one(server: Live, admin: Administrator) -> None:
    miko = f"/users/{server.users['miko'].id}"
    link = admin.post(f"{miko}/password-link", {}, idempotency_key="mine")
    other = machine(server, client="agent")
    theirs = other.call("POST", f"{miko}/password-link", {}, idempotency_key="mine")
    assert theirs.status_code == 200
    assert "idempotent-replayed" not in theirs.headers
    assert theirs.json()["link"] not in ("", link["link"])


def test_two_people_at_one_app_and_one_person_at_two_have_keys_of_their_own(server: Live) -> None:
    bind(server, "miko", "operator")
    bind(server, "noor", "operator")
    path = f"/users/{server.users['noor'].id}/password-link"
    callers = (
        person(server, "miko", *ALL),
        person(server, "noor", *ALL),
        person(server, "miko", *ALL, client=AS_POST),
    )
    answers = [one.call("POST", path, {}, idempotency_key="ours") for one in callers]
    assert [one.status_code for one in answers] == [200, 200, 200], [one.text for one in answers]
    assert not [one for one in answers if "idempotent-replayed" in one.headers]
    assert len({one.json()["link"] for one in answers} - {""}) == 3
    again = callers[0].call("POST", path, {}, idempotency_key="ours")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["link"] == ""


def test_a_key_is_for_one_operation_and_one_target(server: Live, admin: Administrator) -> None:
    noor, miko = (server.users[one].id for one in ("noor", "miko"))
    admin.post(f"/users/{noor}/sign-out", {}, idempotency_key="k2")
    other = admin.call("POST", f"/users/{miko}/sign-out", {}, idempotency_key="k2")
    assert other.status_code == 422
    admin.post(f"/users/{noor}/enable", {}, idempotency_key="k2")


def test_a_lost_permission_shows_no_answer_again(server: Live, admin: Administrator) -> None:
    path = f"/users/{server.users['noor'].id}/sign-out"
    admin.post(path, {}, idempotency_key="k3")
    reader = machine(server, "users.read")
    answer = reader.call("POST", path, {}, idempotency_key="k3")
    assert answer.status_code == 403


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
def test_a_key_has_a_form(admin: Administrator, server: Live, key: str) -> None:
    path = f"/users/{server.users['noor'].id}/sign-out"
    answer = admin.call("POST", path, {}, idempotency_key=key)
    assert answer.status_code == (400 if key else 200)


def test_the_same_call_at_once_counts_once(server: Live, admin: Administrator) -> None:
    for turn in range(5):
        body = order(f"parallel{turn}")
        call = functools.partial(admin.call, "POST", "/apps", body, idempotency_key=body["id"])
        answers = at_once(*[call] * 6)
        statuses = {one.status_code for one in answers}
        assert statuses <= {201, 409}, [one.text for one in answers]
        secrets = {one.json().get("client_secret") for one in answers} - {"", None}
        assert len(secrets) == 1
        assert find(server, Client, body["id"]).version == 1


def test_of_two_administrators_one_has_to_look_again(server: Live, admin: Administrator) -> None:
    noor = server.users["noor"].id
    for turn in range(5):
        version = admin.get(f"/users/{noor}")["version"]
        edit = functools.partial(admin.call, "PATCH", f"/users/{noor}", if_match=f'"{version}"')
        names = ({"claims": {"name": f"{one}{turn}"}} for one in "AB")
        answers = at_once(*(functools.partial(edit, one) for one in names))
        assert sorted(one.status_code for one in answers) == [200, 412]
        (done,) = [one.json() for one in answers if one.status_code == 200]
        assert find(server, User, noor).claims["name"] == done["claims"]["name"]
