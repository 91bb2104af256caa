"""A23: exhausted tables.

Attack: Anyone fills the database in the name of a public client.
Defense: The server limits what each network can store in the name of such a client.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from tests.attacks.elsewhere import TV
from tests.attacks.play import AS_WEB, STEFAPP
from tests.browser import Asking, Browser, error_code
from tests.installation import SECRETS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.http import waiting_room
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many
from valetkey.server.oauth.authorize import par
from valetkey.server.oauth.grant_types.device import PACE


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that is told from where its callers come."""
    with live(tmp_path_factory.mktemp("behind"), trusted_proxies=("127.0.0.1",)) as server:
        yield server


def _ask(server: Live, address: str) -> int:
    form = {"client_id": TV.client_id, "scope": "openid"}
    headers = {"x-forwarded-for": address}
    return server.http.post("/device_authorization", data=form, headers=headers).status_code


def test_device_requests_of_one_network_are_bounded(behind: Live) -> None:
    codes = [_ask(behind, f"192.0.2.{n % 250}") for n in range(PACE.most + 20)]
    assert codes == [200] * PACE.most + [429] * 20
    rows = behind.run(behind.store.read(Many(Pending))).many(Many(Pending))
    assert len(rows) == PACE.most
    assert _ask(behind, "198.51.100.1") == 200


def _push(server: Live, address: str, by: Asking = STEFAPP) -> int:
    form, headers = by.parameters(), {"x-forwarded-for": address}
    if by is not AS_WEB:
        return server.http.post("/par", data=form, headers=headers).status_code
    auth = ("web", SECRETS["web"])
    return server.http.post("/par", data=form, headers=headers, auth=auth).status_code


def test_pushed_requests_of_one_network_are_bounded(behind: Live) -> None:
    codes = [_push(behind, f"192.0.2.{n % 250}") for n in range(par.PACE.most + 20)]
    assert codes == [201] * par.PACE.most + [429] * 20
    rows = behind.run(behind.store.read(Many(Pending))).many(Many(Pending))
    assert sum(row.kind == "pushed" for row in rows) == par.PACE.most
    assert _push(behind, "198.51.100.1") == 201
    assert _push(behind, "192.0.2.9", AS_WEB) == 201, "a client that proves itself is no stranger"


class Crowd(NamedTuple):
    """A server that keeps only so many requests of strangers."""

    server: Live
    most: int
    of_one: int


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    few = functools.partial(waiting_room.AnonymousRequests, most=30, of_one=10)
    monkeypatch.setattr(waiting_room, "AnonymousRequests", few)
    with live(tmp_path, trusted_proxies=("127.0.0.1",)) as server:
        yield Crowd(server, 30, 10)


def _waiting(server: Live, kind: str = "interaction") -> list[Pending]:
    rows = server.run(server.store.read(Many(Pending))).many(Many(Pending))
    return [row for row in rows if row.kind == kind]


def _strangers(crowd: Crowd, address: str, times: int) -> list[Browser]:
    browsers = [crowd.server.browser(**{"x-forwarded-for": address}) for _ in range(times)]
    for browser in browsers:
        browser.open(STEFAPP.path())
    return browsers


def test_of_one_network_the_newest_are_kept(crowd: Crowd) -> None:
    browsers = _strangers(crowd, "192.0.2.1", 25)
    assert len(_waiting(crowd.server)) == crowd.of_one
    browsers[-1].sign_in()
    assert 'id="allow"' in browsers[-1].page.text
    browsers[0].sign_in()
    assert (browsers[0].page.status_code, error_code(browsers[0].page.text)) == (
        400,
        "invalid_request",
    )


def test_of_all_networks_the_newest_are_kept(crowd: Crowd) -> None:
    for network in range(12):
        _strangers(crowd, f"10.0.{network}.1", 5)
        assert len(_waiting(crowd.server)) <= crowd.most
    assert len(_waiting(crowd.server)) == crowd.most


ASKS: list[Any] = [
    row("A23", "pushed", "pushed", _push, 201),
    row("A23", "of devices", "device", _ask, 200),
]


@pytest.mark.parametrize("kind, ask, status", ASKS)
def test_of_what_strangers_send_ahead_the_newest_are_kept(
    kind: str, ask: Callable[[Live, str], int], status: int, crowd: Crowd
) -> None:
    """From however many networks it comes."""
    for n in range(45):
        assert ask(crowd.server, f"10.0.{n}.1") == status
    left = _waiting(crowd.server, kind)
    assert len(left) == crowd.most


def test_clients_that_prove_themselves_are_pushed_out_by_nobody(crowd: Crowd) -> None:
    assert _push(crowd.server, "192.0.2.1", AS_WEB) == 201
    for n in range(45):
        _push(crowd.server, f"10.0.{n}.1")
    assert {one.client for one in _waiting(crowd.server, "pushed")} == {"web", "stefapp"}


def test_who_has_opened_a_pushed_request_is_pushed_out_by_nobody(crowd: Crowd) -> None:
    """What was pushed goes on in a browser of its own."""
    answer = crowd.server.http.post("/par", data=STEFAPP.parameters())
    browser = crowd.server.browser(**{"x-forwarded-for": "192.0.2.1"})
    uri = answer.json()["request_uri"]
    browser.open(f"/authorize?{urlencode({'client_id': 'stefapp', 'request_uri': uri})}")
    browser.sign_in()
    for n in range(45):
        _push(crowd.server, f"10.0.{n}.1")
    browser.press("allow")
    assert "code" in browser.answer()


def test_who_has_signed_in_is_pushed_out_by_nobody(crowd: Crowd) -> None:
    (mine,) = _strangers(crowd, "192.0.2.1", 1)
    mine.sign_in()
    _strangers(crowd, "192.0.2.1", 30)
    mine.press("allow")
    assert "code" in mine.answer()
