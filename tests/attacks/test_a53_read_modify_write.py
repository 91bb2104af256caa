"""A53: a registration update loses settings.

Attack: An app reads its registration and writes it back, and a security setting disappears.
Defense: The response contains everything that an update needs, and an update loses nothing.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.live import Live, live
from tests.server.oauth.clients.apps import MINE, jwks
from tests.server.oauth.clients.registering import APP, FULL, kept, managed, registered

from valetkey.server.model.change import Update


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("open"),
        enable=("registration",),
        registration="open",
        # Each call comes from a network of its own.
        trusted_proxies=("127.0.0.1",),
    ) as server:
        yield server


@pytest.mark.parametrize("changed", [{}, FULL, {"token_endpoint_auth_method": "none"}])
def test_what_is_shown_can_be_put(open_server: Live, changed: dict[str, Any]) -> None:
    """A53: GET, then PUT of just that, changes nothing."""
    app = registered(open_server, **changed)
    shown = managed(open_server, app, "GET")
    assert shown.status_code == 200
    document = shown.json()
    assert {**changed, **APP}.items() <= {**document, **APP}.items()
    assert "client_secret" not in document
    assert "registration_access_token" not in document
    before = kept(open_server, app["client_id"])
    assert managed(open_server, app, "PUT", document).json() == document
    assert kept(open_server, app["client_id"]) == before


def test_what_is_left_out_is_gone_and_never_weaker(open_server: Live) -> None:
    app = registered(open_server, **FULL)
    client_id = app["client_id"]
    less = {"client_id": client_id, **APP, "jwks": jwks(MINE)}
    assert managed(open_server, app, "PUT", less).status_code == 200
    client = kept(open_server, client_id)
    assert (client.uri, client.reasons, client.software_id) == ("", {}, "")
    assert client.default_max_age == 0
    assert client.auth_method == "private_key_jwt"
    assert client.auth_algorithm == client.request_object_algorithm == "ES256"


def test_what_the_operator_decided_stays(open_server: Live) -> None:
    app = registered(open_server)
    client = kept(open_server, app["client_id"])
    decided = msgspec.structs.replace(client, verified=True, policy="oidc")
    open_server.run(open_server.store.commit([Update(decided)]))
    document = managed(open_server, app, "GET").json() | {"software_version": "2"}
    assert managed(open_server, app, "PUT", document).status_code == 200
    client = kept(open_server, app["client_id"])
    assert (client.software_version, client.verified, client.policy) == ("2", True, "oidc")


@pytest.mark.parametrize(
    "face",
    [
        {"client_name": "Your bank"},
        {"client_uri": "https://bank.example"},
        {"logo_uri": "https://bank.example/logo.png"},
        {"redirect_uris": ["https://evil.example/cb"]},
    ],
    ids=lambda face: next(iter(face)),
)
def test_who_was_checked_does_not_become_somebody_else(
    open_server: Live, face: dict[str, Any]
) -> None:
    app = registered(open_server)
    client = kept(open_server, app["client_id"])
    checked = msgspec.structs.replace(client, verified=True, policy="oidc")
    open_server.run(open_server.store.commit([Update(checked)]))
    document = managed(open_server, app, "GET").json() | face
    assert managed(open_server, app, "PUT", document).status_code == 200
    client = kept(open_server, app["client_id"])
    assert (client.verified, client.policy) == (False, "oidc")
