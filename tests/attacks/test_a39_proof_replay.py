"""A39: proof replay (RFC 9449 11.1).

Attack: A thief sends a DPoP proof a second time.
Defense: Each proof works once, on every node, even after a crash.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.attacks.bound import posted, redeem, shown, userinfo
from tests.attacks.play import AS_WEB, STEFAPP
from tests.browser import authorize
from tests.live import Live, free_port, live
from tests.proofs import Wish, proof

from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import PageQuery


def test_at_an_endpoint_that_takes_tokens(server: Live) -> None:
    token = redeem(server)["access_token"]
    place = userinfo(server)
    once = proof(Wish(method="GET", address=place.address, token=token))
    assert place.call(shown(token, once)).status_code == 200
    again = place.call(shown(token, once))
    assert (again.status_code, again.json()["error"]) == (401, "invalid_dpop_proof")


def test_with_a_nonce_too(server: Live) -> None:
    token = redeem(server)["access_token"]
    place = userinfo(server)
    first = place.call(shown(token, proof(Wish(method="GET", address=place.address, token=token))))
    nonce = first.headers["dpop-nonce"]
    once = proof(Wish(method="GET", address=place.address, token=token, nonce=nonce))
    assert place.call(shown(token, once)).status_code == 200
    assert place.call(shown(token, once)).status_code == 401


def test_at_the_token_endpoint(server: Live) -> None:
    """A code of the attacker's own, with a proof of somebody else's that was seen."""
    seen = proof(Wish(address=f"{server.issuer}/token"))
    form = STEFAPP.redemption(authorize(server.browser(), STEFAPP))
    assert posted(server, "/token", form, text=seen).status_code == 200
    form = STEFAPP.redemption(authorize(server.browser(), STEFAPP, username="noor"))
    again = posted(server, "/token", form, text=seen)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_refusal_uses_it_up_at_the_token_endpoint(server: Live) -> None:
    """Whoever saw it go by with a wrong code cannot send it with a right one."""
    seen = proof(Wish(address=f"{server.issuer}/token"))
    form = AS_WEB.redemption(authorize(server.browser(), AS_WEB))
    wrong = posted(server, "/token", {**form, "code": "vk_code_wrong"}, AS_WEB, text=seen)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    again = posted(server, "/token", form, AS_WEB, text=seen)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_refusal_uses_it_up_where_tokens_are_shown(server: Live) -> None:
    """The token opens nothing there, now. That may change within the proof's time."""
    token = redeem(server, msgspec.structs.replace(STEFAPP, scope="chirps"))["access_token"]
    place = userinfo(server)
    once = proof(Wish(method="GET", address=place.address, token=token))
    first = place.call(shown(token, once))
    assert first.json()["error"] == "invalid_token"
    again = place.call(shown(token, once))
    assert (again.status_code, again.json()["error"]) == (401, "invalid_dpop_proof")


def test_strangers_fill_no_memory(server: Live) -> None:
    """A public client proves nothing: a refused call of it leaves no row behind."""
    form = {"grant_type": "authorization_code", "code": "vk_code_wrong"}
    before = len(server.run(server.store.page(PageQuery(record=SingleUse, limit=500))).records)
    for _ in range(10):
        assert posted(server, "/token", form).status_code == 400
    after = len(server.run(server.store.page(PageQuery(record=SingleUse, limit=500))).records)
    assert before == after


def test_many_at_once_let_one_pass(server: Live) -> None:
    token = redeem(server)["access_token"]
    place = userinfo(server)
    once = proof(Wish(method="GET", address=place.address, token=token))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: place.call(shown(token, once)), range(30)))
    assert sorted({answer.status_code for answer in answers} - {503}) == [200, 401]
    assert [answer.status_code for answer in answers].count(200) == 1


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Live]:
    """A furnished server whose database and keys a second node may share."""
    (tmp_path / "valetkey.db.key").touch(mode=0o600)
    with live(tmp_path) as server:
        yield server


def _node(first: Live) -> tuple[subprocess.Popen[str], str]:
    """Another process on the same database, with the same issuer."""
    from valetkey.jose import base64url

    port = free_port()
    words = ["serve", "--issuer", first.issuer, "--port", str(port)]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("VALETKEY_")}
    environ["VALETKEY_MASTER_KEY"] = base64url.encode(first.master_key)
    process = subprocess.Popen(
        [sys.executable, "-m", "valetkey", *words, "--set", f"database={first.database}"],
        cwd=first.database.parent,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    assert "listens" in process.stdout.readline()
    return process, f"http://127.0.0.1:{port}"


def test_on_another_node_and_after_a_crash(first: Live) -> None:
    token = redeem(first)["access_token"]
    address = f"{first.issuer}/userinfo"
    here, there = (proof(Wish(method="GET", address=address, token=token)) for _ in range(2))
    assert userinfo(first).call(shown(token, here)).status_code == 200
    process, url = _node(first)
    try:
        assert _seen(url, token, here) == 401
        assert _seen(url, token, there) == 200
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process, url = _node(first)
    try:
        assert _seen(url, token, there) == 401
        assert userinfo(first).call(shown(token, there)).status_code == 401
    finally:
        process.terminate()
        process.communicate()


def _seen(url: str, token: str, text: str) -> int:
    return httpx2.get(f"{url}/userinfo", headers=shown(token, text)).status_code
