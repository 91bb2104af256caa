"""A97: hosts that never respond.

Attack: Anyone names hosts that never respond, so that the server's outbound connections are all
busy.
Defense: Each purpose has its own connections. A client whose keys can't be fetched in time gets
503.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Final
from urllib.parse import quote

import msgspec
import pytest
from tests.attacks.signing import asserted
from tests.live import Live, live
from tests.outside import Host, outside
from tests.server.oauth.clients.apps import MINE, SIGNER, jwks

from valetkey.server.http import fetch
from valetkey.server.model.change import Create
from valetkey.wire.assertion import ASSERTION_TYPE

IDS: Final = 1000


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """The host:port of somebody who takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("outside")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, host: Host, silent: str) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("server"),
        enable=("client id metadata documents",),
        fetch_local=(host.place, silent),
        fetch_ca_file=host.ca,
    ) as running:
        far = msgspec.structs.replace(
            SIGNER, jwks={}, jwks_uri=host.publish("/keys", jwks(MINE), cache_control="no-store")
        )
        late = msgspec.structs.replace(
            far, id="late", redirect_uris=(), jwks_uri=f"https://{silent}/keys"
        )
        running.run(running.store.commit([Create(far), Create(late)]))
        yield running


def token(server: Live, client: str) -> tuple[int, str, str]:
    """What the client's own token comes to: status, error, and when to come again."""
    proof = asserted(server, iss=client, sub=client).token()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": proof,
    }
    answer = server.http.post("/token", data=form)
    return (
        answer.status_code,
        answer.json().get("error", ""),
        answer.headers.get("retry-after", ""),
    )


def test_whoever_is_checked_by_keys_elsewhere_is_checked(
    server: Live, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While strangers name a thousand apps at a host that is silent."""
    monkeypatch.setattr(fetch, "MIN_SECONDS", 0.0)  # Each call fetches its keys.
    over = threading.Event()

    def strange(number: int) -> int:
        name = quote(f"https://{silent}/{number}", safe="")
        line = HTTPConnection("127.0.0.1", server.port, timeout=60)
        line.request("GET", f"/authorize?response_type=code&client_id={name}")
        status = line.getresponse().status
        line.close()
        return status

    with ThreadPoolExecutor(32) as strangers:
        answers = [strangers.submit(strange, number) for number in range(IDS)]
        answers[-1].add_done_callback(lambda _: over.set())
        checked = 0
        while not over.is_set():
            assert token(server, "signer")[0] == 200
            checked += 1
    assert checked
    assert {one.result() for one in answers} == {503}


def test_keys_that_do_not_come_in_time_are_no_wrong_signature(server: Live) -> None:
    assert token(server, "late") == (503, "temporarily_unavailable", "1")
