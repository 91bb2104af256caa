"""A23: nobody fills the server's tables in the name of an app that has no secret."""

from collections.abc import Iterator

import pytest
from tests.attacks.elsewhere import TV
from tests.live import Live, live

from valetkey.model.pending import Pending
from valetkey.model.want import Many
from valetkey.oauth.grants.device import PACE


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
