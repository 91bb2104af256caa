"""A node that cannot reach its database says 503 within two seconds, and never answers from what it
knew before, but for clients, keys and catalogs of the last second; what it publishes goes on
(PROMISES R06, R19)."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest
from tests.attacks.play import AS_WEB, introspected, signed_in, tokens
from tests.browser import Browser
from tests.installation import SECRETS
from tests.live import Live, live
from tests.postgres import MISSING, Cluster, cluster
from tests.promises.trouble import frozen, locked, stopped

from valetkey.server.http import installation
from valetkey.server.store import read_cache
from valetkey.server.store.database_url import PostgresURL

IN_TIME = 15.0
"""Seconds in which there is an answer: two, where the machine does nothing else. Whoever waited for
the database would never have one."""

WEB = ("web", SECRETS["web"])
CHIRP = ("chirp", SECRETS["chirp"])


class Node:
    """A running server, with somebody who is signed in and an app that holds tokens."""

    def __init__(self, server: Live) -> None:
        self.server = server
        self.given = tokens(server, AS_WEB)
        self.browser: Browser = signed_in(server)

    def post(self, path: str, auth: tuple[str, str], **form: str) -> httpx2.Response:
        return self.server.http.post(path, data=form, auth=auth)

    def refresh(self) -> httpx2.Response:
        token = self.given["refresh_token"]
        return self.post("/token", WEB, grant_type="refresh_token", refresh_token=token)

    def revoke(self) -> httpx2.Response:
        return self.post("/revoke", WEB, token=self.given["refresh_token"])

    def redeem(self) -> httpx2.Response:
        return self.post("/token", WEB, **AS_WEB.redemption("vk_code_" + "x" * 40))

    def push(self) -> httpx2.Response:
        return self.post("/par", WEB, **AS_WEB.parameters())

    def introspect(self) -> httpx2.Response:
        return self.post("/introspect", CHIRP, token=self.given["access_token"])

    def machine(self) -> httpx2.Response:
        auth = ("machine", SECRETS["machine"])
        return self.post("/token", auth, grant_type="client_credentials")

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.server.http.get(path, headers=headers)

    def userinfo(self) -> httpx2.Response:
        return self.get("/userinfo", authorization=f"Bearer {self.given['access_token']}")

    def authorize(self) -> httpx2.Response:
        return self.browser.http.get(AS_WEB.path())

    def apps(self) -> httpx2.Response:
        return self.browser.http.get("/apps")


DECIDES: Mapping[str, Callable[[Node], httpx2.Response]] = {
    "refresh": Node.refresh,
    "revoke": Node.revoke,
    "redeem": Node.redeem,
    "push": Node.push,
    "introspect": Node.introspect,
    "client credentials": Node.machine,
    "userinfo": Node.userinfo,
    "authorize": Node.authorize,
    "connected apps": Node.apps,
    "ready?": lambda node: node.get("/readyz"),
}

OF_CLIENTS_ALONE = {"client credentials": 200, "redeem": 400}
"""What comes of requests for which nothing has to be known but the client."""

PUBLISHED = (
    "/jwks",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/healthz",
)


def asked(node: Node, ask: Callable[[Node], httpx2.Response]) -> tuple[int, float]:
    """The status, and the seconds that it took."""
    began = time.monotonic()
    answer = ask(node)
    took = time.monotonic() - began
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) >= 1
    return answer.status_code, took


def got(node: Node, path: str) -> tuple[int, float]:
    return asked(node, lambda one: one.get(path))


def told(node: Node, *, at_hand: Mapping[str, int] = {}) -> None:
    """Everything is asked at once; what needs only what is `at_hand` has these answers."""
    answers: dict[str, tuple[int, float]] = {}

    def ask(name: str) -> None:
        answers[name] = asked(node, DECIDES[name])

    threads = [threading.Thread(target=ask, args=(name,)) for name in DECIDES]
    for thread in threads:
        thread.start()
    published = {path: got(node, path) for path in PUBLISHED}
    for thread in threads:
        thread.join()
    expected = {**dict.fromkeys(DECIDES, 503), **at_hand}
    assert {name: status for name, (status, _) in answers.items()} == expected
    assert max(took for _, took in answers.values()) < IN_TIME
    assert {path: status for path, (status, _) in published.items()} == dict.fromkeys(
        PUBLISHED, 200
    )
    assert max(took for _, took in published.values()) < IN_TIME


def well(node: Node) -> None:
    """All is well again, by itself, and soon."""
    began = time.monotonic()
    while node.get("/readyz").status_code != 200:
        assert time.monotonic() - began < IN_TIME
        time.sleep(0.05)
    assert node.refresh().status_code == 200
    assert introspected(node.server, node.given["access_token"])["active"]
    assert node.apps().status_code == 200


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


FAULTS: dict[str, Callable[[Cluster], AbstractContextManager[None]]] = {
    "stopped": stopped,
    "frozen": frozen,
}


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_postgresql_out_of_reach(
    server: Cluster,
    tmp_path: Path,
    fault: Callable[[Cluster], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")
    with live(tmp_path, at=PostgresURL(server.fresh())) as running:
        node = Node(running)
        assert node.get("/readyz").status_code == 200
        assert (node.machine().status_code, node.redeem().status_code) == (200, 400)
        with fault(server):
            with monkeypatch.context() as moment:
                # However long the fault took to come, what was read before it is of this moment.
                for facts in (installation, read_cache):
                    moment.setattr(facts, "FRESH", 3600.0)
                told(node, at_hand=OF_CLIENTS_ALONE)
            time.sleep(1.1)
            told(node)
        well(node)


def test_an_sqlite_that_another_process_holds(tmp_path: Path) -> None:
    """What only reads goes on; what would write says 503, however many wait."""
    with live(tmp_path) as running:
        node = Node(running)
        with locked(running.database):
            for name in ("introspect", "client credentials", "userinfo", "connected apps"):
                assert asked(node, DECIDES[name])[0] == 200, name
            waits = []

            def push() -> None:
                waits.append(asked(node, Node.push))

            threads = []
            for _ in range(8):
                threads.append(threading.Thread(target=push))
                threads[-1].start()
                time.sleep(0.1)
            assert node.get("/jwks").status_code == 200
            for thread in threads:
                thread.join()
            assert {status for status, _ in waits} == {503}
            assert max(took for _, took in waits) < IN_TIME
        assert node.push().status_code == 201
        well(node)
