"""A reply that is lost signs nobody out: the app asks again, and gets the same successor."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.person import app, user
from tests.client.serving import Wire
from tests.live import Live, live

from valetkey.client import Denied, FileStore, Key, ServerUnavailable

REFRESH = b"grant_type=refresh_token"
REDEEM = b"grant_type=authorization_code"


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    one = Wire()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def server(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that goes by the address of the wire."""
    address = f"http://127.0.0.1:{wire.port}"
    with live(tmp_path_factory.mktemp("wire"), issuer=address) as running:
        wire.to = running.port
        yield running


@pytest.fixture
def key(server: Live, no_grants: None, tmp_path: Path) -> Iterator[Key]:
    one = Key(app(server), FileStore(tmp_path / "key.json"))
    one.connect(open_browser=user(server.browser()), seconds=20)
    yield one
    one.close()


def test_a_refresh_whose_reply_is_lost_is_made_again(wire: Wire, key: Key) -> None:
    before = key.tokens
    wire.cut, wire.losing = REFRESH, 1
    after = key.refresh()
    assert wire.losing == 0
    assert before is not None
    assert after.refresh_token != before.refresh_token
    # The family goes on: the successor is good.
    assert key.refresh().refresh_token != after.refresh_token


def test_an_app_that_goes_on_later_is_not_signed_out(wire: Wire, key: Key) -> None:
    """As after a crash between the reply and the disk: the old token is all that it has."""
    before = key.tokens
    wire.cut, wire.losing = REFRESH, 2
    with pytest.raises(ServerUnavailable):
        key.refresh()
    assert (wire.losing, key.tokens) == (0, before)
    assert before is not None
    assert key.refresh().refresh_token != before.refresh_token
    assert key.userinfo()["sub"] == before.sub


def test_a_code_whose_reply_is_lost_is_not_shown_again(wire: Wire, server: Live, key: Key) -> None:
    """A code is good once, and shown twice it closes the family (RFC 6749 4.1.2): the app begins
    anew, and what it had is as it was."""
    before = key.tokens
    wire.cut, wire.losing = REDEEM, 1
    with pytest.raises(ServerUnavailable):
        key.connect(open_browser=user(server.browser()), seconds=20)
    assert (wire.losing, key.tokens) == (0, before)
    assert key.userinfo()["sub"]
    with pytest.raises(Denied):
        key.connect(open_browser=user(server.browser(), button="cancel"), seconds=20)
    assert key.tokens == before
