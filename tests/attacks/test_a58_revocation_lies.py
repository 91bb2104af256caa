"""A58: revocation without effect (RFC 7009).

Attack: The server confirms a revocation that it didn't store.
Defense: The server returns 200 only after the commit. Everything derived from the token ends with
it.
"""

from typing import Any

import pytest
from tests.attacks.play import AS_WEB, call, introspected, refresh, tokens
from tests.attacks.test_a56_token_exchange import AGENT, exchange
from tests.installation import CHIRP
from tests.live import Live

from valetkey.server.store.port import Unavailable


def revoke(server: Live, token: str) -> Any:
    return call(server, "/revoke", {"token": token}, AS_WEB)


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_store_that_fails_is_told_of(
    which: str, server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tokens(server, AS_WEB)

    async def away(*changes: Any, **more: Any) -> None:
        raise Unavailable("away on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(server.store, "commit", away)
        answer = revoke(server, held[which])
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"]
        assert answer.headers["cache-control"] == "no-store"
    assert introspected(server, held["access_token"])["active"] is True
    assert revoke(server, held[which]).status_code == 200
    assert introspected(server, held["access_token"]) == {"active": False}


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_what_came_of_it_ends_with_it(which: str, server: Live) -> None:
    held = tokens(server, AS_WEB)
    renewed = refresh(server, held["refresh_token"], AS_WEB).json()["access_token"]
    passed_on = exchange(server, held["access_token"], AGENT, audience=CHIRP).json()
    assert introspected(server, passed_on["access_token"])["active"] is True
    assert revoke(server, held[which]).status_code == 200
    for token in (held["access_token"], renewed, passed_on["access_token"]):
        assert introspected(server, token) == {"active": False}
    answer = refresh(server, held["refresh_token"], AS_WEB)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_whose_it_is_not_cannot(server: Live) -> None:
    """RFC 7009 2.1: it is refused, or nothing is told; and nothing has happened."""
    held = tokens(server, AS_WEB)
    answer = call(server, "/revoke", {"token": held["refresh_token"]}, AGENT)
    assert answer.status_code == 200
    assert introspected(server, held["access_token"])["active"] is True


def test_what_is_no_token_is_answered_like_one_that_is_over(server: Live) -> None:
    """RFC 7009 2.2: there is nothing to do, so it is done."""
    held = tokens(server, AS_WEB)
    assert revoke(server, held["refresh_token"]).status_code == 200
    over, none = revoke(server, held["refresh_token"]), revoke(server, "nonsense")
    assert (over.status_code, over.content) == (none.status_code, none.content) == (200, b"")
