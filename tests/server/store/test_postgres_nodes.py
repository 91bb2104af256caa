"""Nodes agree: what is changed by one of two on the same PostgreSQL is in force on the other within
a second. Users, grants and families are read each time; clients, keys, catalogs, policies and the
epoch are read again once a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from click.testing import CliRunner
from tests.attacks.play import (
    AS_WEB,
    call,
    change,
    find,
    introspected,
    refresh,
    signed_in,
    tokens,
    userinfo,
)
from tests.installation import SECRETS
from tests.live import Live
from tests.postgres import MISSING, Cluster, cluster

from valetkey.cli.root import valetkey
from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.policy import Policy
from valetkey.server.model.resource import ResourceServer
from valetkey.server.store.database_url import PostgresURL
from valetkey.wire.catalog import Catalog, Permission

pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

SOON = 1.0
"""Seconds in which a change is in force everywhere."""

SLACK = 10.0
"""Seconds that the asking itself may take on a busy machine."""


class Nodes(NamedTuple):
    """Two servers of one issuer, on one database."""

    a: Live
    b: Live
    url: str

    def line(self, *words: str) -> None:
        """A command of the administrator's, somewhere else."""
        environ = {
            "VALETKEY_DATABASE": self.url,
            "VALETKEY_MASTER_KEY": base64url.encode(self.a.master_key),
            "VALETKEY_ISSUER": self.a.issuer,
        }
        done = CliRunner().invoke(valetkey, words, env=environ)
        assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def nodes(server: Cluster, tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        url = server.fresh()
        at = PostgresURL(url)
        a = Live(tmp_path / "a", at=at)
        b = Live(tmp_path / "b", at=at, issuer=a.issuer, master_key=a.master_key)
        for node in (a, b):
            node.start(furnished=node is a)
            stack.callback(node.stop)
        yield Nodes(a, b, url)


def soon(holds: Callable[[], bool]) -> None:
    """Asks until it holds, a second at the most."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < SOON + SLACK
        time.sleep(0.02)


def kids(node: Live) -> set[str]:
    return {key["kid"] for key in node.http.get("/jwks").json()["keys"]}


def signed_by(answer: httpx2.Response) -> str:
    header = answer.json()["access_token"].split(".")[0]
    return str(httpx2.Response(200, content=base64url.decode(header)).json()["kid"])


def machine(node: Live) -> httpx2.Response:
    """A token for a client of its own."""
    form = {"grant_type": "client_credentials"}
    return node.http.post("/token", data=form, auth=("machine", SECRETS["machine"]))


def test_a_rotated_key(nodes: Nodes) -> None:
    before, signer = kids(nodes.b), signed_by(machine(nodes.b))
    old = machine(nodes.a).json()["access_token"]
    nodes.line("key", "rotate")
    soon(lambda: kids(nodes.b) > before and kids(nodes.a) == kids(nodes.b))
    soon(lambda: signed_by(machine(nodes.b)) in before - {signer})
    assert signed_by(machine(nodes.a)) == signed_by(machine(nodes.b))
    assert introspected(nodes.b, old)["active"]


def test_a_key_that_turns_under_a_sign_in_harms_nobody(nodes: Nodes) -> None:
    """What one node seals and signs, the other opens, though only one has seen the new keys."""
    given = tokens(nodes.a, AS_WEB)
    nodes.line("key", "rotate")
    for _ in range(10):
        for node, other in ((nodes.a, nodes.b), (nodes.b, nodes.a)):
            answer = refresh(node, given["refresh_token"], AS_WEB)
            assert answer.status_code == 200, answer.text
            assert introspected(other, answer.json()["access_token"])["active"]
        time.sleep(0.1)


def test_a_suspended_client(nodes: Nodes) -> None:
    given = tokens(nodes.a, AS_WEB)
    assert introspected(nodes.b, given["access_token"])["active"]
    change(nodes.a, find(nodes.a, Client, "web"), status="suspended")
    assert refresh(nodes.a, given["refresh_token"], AS_WEB).status_code == 401
    soon(lambda: refresh(nodes.b, given["refresh_token"], AS_WEB).status_code == 401)
    soon(lambda: not introspected(nodes.b, given["access_token"])["active"])


def test_a_stopped_grant(nodes: Nodes) -> None:
    given = tokens(nodes.a, AS_WEB)
    assert userinfo(nodes.b, given["access_token"]).status_code == 200
    browser = signed_in(nodes.a)
    browser.open(next(link for link in _links(browser.open("/apps").text)))
    browser.press("stop")
    browser.press("stop")
    assert not introspected(nodes.b, given["access_token"])["active"]
    assert userinfo(nodes.b, given["access_token"]).status_code == 401
    assert refresh(nodes.b, given["refresh_token"], AS_WEB).json()["error"] == "invalid_grant"


def _links(html: str) -> list[str]:
    return [part.split('"')[0] for part in html.split('href="') if part.startswith("/apps/")]


def test_a_revoked_refresh_token(nodes: Nodes) -> None:
    given = tokens(nodes.a, AS_WEB)
    assert call(nodes.a, "/revoke", {"token": given["refresh_token"]}, AS_WEB).status_code == 200
    assert refresh(nodes.b, given["refresh_token"], AS_WEB).json()["error"] == "invalid_grant"


def test_a_new_resource_server(nodes: Nodes) -> None:
    fresh = ResourceServer(
        id="maps",
        catalog=Catalog(
            resource="https://maps.example",
            name="Maps",
            permissions=(Permission(id="maps.read", can="see your maps"),),
        ),
        secrets=(StoredSecret(digest("a secret for the maps"), 0),),
    )
    token = machine(nodes.b).json()["access_token"]

    def asks(node: Live) -> int:
        form, auth = {"token": token}, ("maps", "a secret for the maps")
        return node.http.post("/introspect", data=form, auth=auth).status_code

    assert asks(nodes.b) == 401
    nodes.a.run(nodes.a.store.commit((Create(fresh),)))
    soon(lambda: asks(nodes.b) == 200)
    metadata = "/.well-known/oauth-authorization-server"
    soon(lambda: "maps.read" in nodes.b.http.get(metadata).json()["scopes_supported"])


def test_a_policy(nodes: Nodes) -> None:
    policy = find(nodes.a, Policy, "oidc")
    change(nodes.a, policy, access_token=77)

    def lives() -> int:
        return int(tokens(nodes.b, AS_WEB)["expires_in"])

    soon(lambda: lives() == 77)


def test_the_end_of_the_epoch(nodes: Nodes) -> None:
    given = tokens(nodes.a, AS_WEB)
    nodes.line("db", "restore", "--finalize")
    soon(lambda: refresh(nodes.b, given["refresh_token"], AS_WEB).status_code == 400)
    soon(lambda: not introspected(nodes.b, given["access_token"])["active"])
    assert "sign-in" in nodes.b.browser().open("/apps").text
    assert introspected(nodes.b, machine(nodes.b).json()["access_token"])["active"]
