"""What an app learns when its user changes the key: a typed error for each case, and a call."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient
from tests.client.person import user
from tests.installation import CHIRP_CATALOG, SECRETS
from tests.live import Live
from tests.resource.test_kit import starlette_api
from tests.rows import row

from valetkey.client import (
    Key,
    KeyChange,
    KeyPaused,
    KeyStopped,
    PermissionMissing,
    PermissionTaken,
    raise_for_refusal,
)
from valetkey.resource import ResourceServer
from valetkey.server.model.change import Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many
from valetkey.wire.bearer import Challenge


def refusal(status: int, **fields: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"www-authenticate": Challenge(**fields).header()})


REFUSALS = [
    row(
        "6750 3.1",
        "it was taken away",
        refusal(403, error="insufficient_scope", scope="a b", reason="narrowed", allowed="a"),
        PermissionTaken,
    ),
    row(
        "6750 3.1",
        "it was never granted",
        refusal(403, error="insufficient_scope", scope="a b", allowed="a"),
        PermissionMissing,
    ),
    row("6750 3.1", "paused", refusal(401, error="invalid_token", reason="paused"), KeyPaused),
    row("6750 3.1", "stopped", refusal(401, error="invalid_token", reason="stopped"), KeyStopped),
    row("6750 3.1", "no word", refusal(401, error="invalid_token"), KeyStopped),
    row(
        "6750 3.1", "a word of another", refusal(401, error="invalid_token", reason="x"), KeyStopped
    ),
]


@pytest.mark.parametrize("response,error", REFUSALS)
def test_each_refusal_is_an_error_of_its_own(
    response: httpx2.Response, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        raise_for_refusal(response)
    assert type(raised.value) is error
    if isinstance(raised.value, PermissionMissing):
        assert raised.value.permissions == {"a", "b"}
        assert raised.value.allowed == {"a"}


@contextmanager
def calling(server: Live, key: Key) -> Iterator[httpx2.Client]:
    """An API that follows the server, and a client that calls it with the key."""
    kit = ResourceServer(
        issuer=server.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="follow",
    )
    with TestClient(starlette_api(kit)) as api:

        def pass_on(request: httpx2.Request) -> httpx2.Response:
            headers = {"authorization": request.headers["authorization"]}
            answer = api.request(request.method, request.url.path, headers=headers)
            return httpx2.Response(answer.status_code, headers=dict(answer.headers))

        transport = httpx2.MockTransport(pass_on)
        with httpx2.Client(transport=transport, auth=key.auth(), base_url=server.url) as client:
            yield client


def change(server: Live, **fields: object) -> None:
    wanted = Many(Grant)
    grants = server.run(server.store.read(wanted)).many(wanted)
    (grant,) = [one for one in grants if one.status != "stopped"]
    server.run(server.store.commit([Update(replace(grant, **fields))]))


def refused(api: httpx2.Client, method: str) -> Exception:
    """The first refusal of what was open until now."""
    for _ in range(400):
        try:
            raise_for_refusal(api.request(method, "/chirps"))
        except Exception as error:
            return error
    raise AssertionError("it stays open")


def test_an_app_is_told_of_each_change(server: Live, key: Key) -> None:
    answer: list[KeyChange] = []
    key.key_changed = answer.append
    key.connect(open_browser=user(server.browser()), seconds=20)
    with calling(server, key) as api:
        raise_for_refusal(api.post("/chirps")).raise_for_status()
        change(server, permissions=("openid", "chirps.read", "offline_access"))
        taken = refused(api, "POST")
        assert isinstance(taken, PermissionTaken)
        assert taken.allowed == {"chirps.read"}
        assert answer == [KeyChange("narrowed", frozenset({"chirps.read"}))]
        key.refresh()
        assert answer[-1].reason == "narrowed"
        assert answer[-1].opens >= {"chirps.read"}
        answer.clear()
        change(server, status="paused")
        assert type(refused(api, "GET")) is KeyPaused
        assert [one.reason for one in answer] == ["paused"]
        change(server, status="active")
        for _ in range(400):
            if api.get("/chirps").status_code == 200:
                break
        else:
            raise AssertionError("it stays closed")
        answer.clear()
        change(server, status="stopped")
        assert type(refused(api, "GET")) is KeyStopped
        assert {one.reason for one in answer} == {"stopped"}
