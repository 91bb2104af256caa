"""A42: nonces (RFC 9449 8).

Attack: A thief uses a proof that was made in advance, or with another server's nonce.
Defense: If a policy requires nonces, the server accepts only its own recent ones, and returns a new
one in time.
"""

import time
from collections.abc import Iterator

import msgspec
import pytest
from tests.attacks.bound import posted, redeem, shown, userinfo
from tests.attacks.play import STEFAPP, change, find
from tests.browser import authorize
from tests.live import Live, live
from tests.proofs import Wish, proof

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy
from valetkey.server.oauth.clients.attestation import STEP


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server on which stefApp's proofs need a nonce."""
    with live(tmp_path_factory.mktemp("strict"), unthrottled=("127.0.0.0/8",)) as server:
        policy = Policy(name="nonces", dpop_nonce="required")
        server.run(server.store.commit((Create(policy),)))
        change(server, find(server, Client, "stefapp"), policy="nonces")
        time.sleep(1.1)
        yield server


def test_without_one_the_answer_brings_one(strict: Live) -> None:
    form = STEFAPP.redemption(authorize(strict.browser(), STEFAPP))
    first = posted(strict, "/token", form)
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    assert set(nonce) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    second = posted(strict, "/token", form, nonce=nonce)
    assert second.status_code == 200, "the code was not burnt by the first try"
    assert second.headers["dpop-nonce"], "on 200 too"
    assert "DPoP-Nonce" in second.headers["access-control-expose-headers"]


def test_with_a_pushed_request(strict: Live) -> None:
    first = posted(strict, "/par", STEFAPP.parameters())
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    assert posted(strict, "/par", STEFAPP.parameters(), nonce=nonce).status_code == 201


def test_at_an_endpoint_that_takes_tokens(strict: Live) -> None:
    form = STEFAPP.redemption(authorize(strict.browser(), STEFAPP))
    nonce = posted(strict, "/token", form).headers["dpop-nonce"]
    token = posted(strict, "/token", form, nonce=nonce).json()["access_token"]
    place = userinfo(strict)
    wish = Wish(method="GET", address=place.address, token=token)
    asked = place.call(shown(token, proof(wish)))
    assert (asked.status_code, asked.json()["error"]) == (401, "use_dpop_nonce")
    assert asked.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce"')
    nonce = asked.headers["dpop-nonce"]
    good = place.call(shown(token, proof(msgspec.structs.replace(wish, nonce=nonce))))
    assert good.status_code == 200
    assert good.headers["dpop-nonce"]


def test_a_foreign_one_is_refused_even_where_none_is_wanted(server: Live) -> None:
    token = redeem(server)["access_token"]
    place = userinfo(server)
    foreign = proof(Wish(method="GET", address=place.address, token=token, nonce="A" * 22))
    tried = place.call(shown(token, foreign))
    assert (tried.status_code, tried.json()["error"]) == (401, "use_dpop_nonce")


def test_they_rotate_and_expire(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    now, ahead = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: now() + ahead[0] * 10**9)

    def asked(nonce: str = "") -> tuple[str, str]:
        form = {"grant_type": "refresh_token", "refresh_token": "x"}
        when = int(time.time()) + ahead[0]
        answer = posted(server, "/token", form, nonce=nonce, claims={"iat": when})
        return answer.json()["error"], answer.headers["dpop-nonce"]

    _, first = asked()
    ahead[0] = STEP
    error, second = asked(first)
    assert (error, second != first) == ("invalid_grant", True)
    ahead[0] = 3 * STEP
    error, third = asked(first)
    assert (error, third not in {first, second}) == ("use_dpop_nonce", True)
