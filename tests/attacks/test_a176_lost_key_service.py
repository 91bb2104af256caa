"""A176: the service that signs is slow, or lost in the middle of a request (CWE-400, CWE-460).

Attack: AWS KMS takes long, throttles or is cut off, while apps redeem codes and refresh tokens: the
server stands still, or each of them is spent for an answer that can't be signed.
Defense: What signs runs in a pool of threads, and before the commit. Requests that need no
signature are answered as before. Until the service is back, which one request at a time finds
out, the others are answered 503 with Retry-After at once; then the same code and the same refresh
token work.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.attacks.play import AS_WEB, STEFAPP, asking, call, every, introspected, redeem, tokens
from tests.browser import Asking, authorize
from tests.custody import REGION, Wire, kms, signing
from tests.installation import SECRETS
from tests.live import Live, free_port, live

from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.custody.kms_keys import PAUSE, KmsKeys, KmsTerms
from valetkey.server.custody.stored_keys import StoredKey
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.keys import SigningKey
from valetkey.server.store.master_key import MasterKeys

SLOW = 0.5
"""Seconds."""

METRICS = free_port()

THREADS: set[str] = set()


class Watched(KmsKeys):
    """Notes the threads in which it signs."""

    def sign(self, key: StoredKey, data: bytes) -> bytes:
        THREADS.add(threading.current_thread().name.partition("_")[0])
        return super().sign(key, data)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with kms() as service, signing(service) as line:
        yield line


@pytest.fixture(scope="module")
def server(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    keys = Watched(KmsTerms(region=REGION, url=wire.url, algorithms=ALGORITHMS))
    master = MasterKeys(os.urandom(32), tokens=[keys])
    with live(
        tmp_path_factory.mktemp("server"),
        master_key=master,
        enable=("administration", "signed answers", "status lists"),
        metrics_port=METRICS,
    ) as running:
        yield running
        keys.close()


def back(wire: Wire) -> None:
    wire.mend()
    time.sleep(PAUSE + 0.1)


def metrics() -> dict[str, float]:
    text = httpx2.get(f"http://127.0.0.1:{METRICS}/metrics").text
    rows = (line.rpartition(" ") for line in text.splitlines() if "aws-kms" in line)
    return {name.partition("{")[0]: float(value) for name, _, value in rows}


def machine(server: Live) -> httpx2.Response:
    form = {"grant_type": "client_credentials", "scope": "chirps.read"}
    return server.http.post("/token", data=form, auth=("machine", SECRETS["machine"]))


def test_nothing_signs_where_requests_are_served(server: Live) -> None:
    THREADS.clear()
    found = tokens(server, AS_WEB)
    access = found["access_token"]
    assert found["id_token"]
    assert machine(server).status_code == 200
    signed = server.http.post(
        "/introspect",
        data={"token": access},
        auth=("chirp", SECRETS["chirp"]),
        headers={"accept": "application/token-introspection+jwt"},
    )
    assert signed.text.count(".") == 2
    code = authorize(server.browser(), AS_WEB)
    assert redeem(server, code, AS_WEB).status_code == 200
    assert server.http.get("/readyz").status_code == 200
    browser = server.browser()
    browser.open(asking(AS_WEB, prompt="none", response_mode="query.jwt").path())
    assert browser.answer()["response"].count(".") == 2
    log = server.http.get("/changes", auth=("chirp", SECRETS["chirp"]))
    assert log.status_code == 200, log.text
    assert {one.store for one in every(server, SigningKey) if one.use in ALGORITHMS} == {"aws-kms"}
    assert {"signing"} == THREADS


@pytest.mark.parametrize("by", [STEFAPP, AS_WEB], ids=["public", "confidential"])
def test_a_code_and_a_refresh_token_are_not_spent(server: Live, wire: Wire, by: Asking) -> None:
    code = authorize(server.browser(), by)
    families = len(every(server, TokenFamily))
    wire.cut()
    for _ in range(3):
        refused = redeem(server, code, by)
        assert refused.status_code == 503
        assert refused.json()["error"] == "temporarily_unavailable"
        assert refused.headers["retry-after"] == "1"
        assert wire.url not in refused.text
    assert server.http.get("/readyz").status_code == 503
    assert len(every(server, TokenFamily)) == families
    back(wire)
    token = redeem(server, code, by).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    before = every(server, TokenFamily)
    wire.cut()
    assert [call(server, "/token", form, by).status_code for _ in range(2)] == [503, 503]
    assert every(server, TokenFamily) == before
    back(wire)
    assert call(server, "/token", form, by).status_code == 200
    assert server.http.get("/readyz").status_code == 200


def test_it_is_named_in_the_metrics_and_what_is_published_stays(server: Live, wire: Wire) -> None:
    token = machine(server).json()["access_token"]
    before = metrics()
    assert before["valetkey_signatures_total"] > 0
    assert before["valetkey_signing_keys_failing"] == 0
    wire.cut()
    began = time.monotonic()
    assert machine(server).status_code == 503
    assert machine(server).status_code == 503
    assert time.monotonic() - began < PAUSE
    for path in ("/jwks", "/healthz"):
        assert server.http.get(path).status_code == 200
    assert introspected(server, token)["active"]
    after = metrics()
    assert after["valetkey_signatures_failed_total"] > before["valetkey_signatures_failed_total"]
    assert after["valetkey_signing_keys_failing"] == 1
    back(wire)
    assert machine(server).status_code == 200
    assert metrics()["valetkey_signing_keys_failing"] == 0


def at_once(count: int, work: Callable[[], object]) -> float:
    """The seconds that so many take together."""
    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.monotonic() - began


def test_slow_signatures_do_not_stop_the_others(server: Live, wire: Wire) -> None:
    """Ten take about as long as one, and what is not signed does not wait."""
    token = machine(server).json()["access_token"]
    wire.delay = SLOW
    try:
        statuses = list[int]()
        slow = threading.Thread(
            target=lambda: at_once(10, lambda: statuses.append(machine(server).status_code))
        )
        began = time.monotonic()
        slow.start()
        time.sleep(0.1)
        asked = time.monotonic()
        assert introspected(server, token)["active"]
        assert time.monotonic() - asked < SLOW
        slow.join()
        assert time.monotonic() - began < 10 * SLOW / 2
        assert statuses == [200] * 10
    finally:
        wire.delay = 0.0
