"""The endpoints that are shown tokens know those that this server signed."""

from collections.abc import Iterator

import pytest
from tests.attacks.play import introspected, tokens
from tests.live import Live, live

from valetkey.jose import jws


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("signed")) as server:
        yield server


def test_first_introspection_checks_no_signature(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens(server)["access_token"]
    checked: list[object] = []
    monkeypatch.setattr(jws, "_check_es256", lambda *parts: checked.append(parts))
    assert introspected(server, token)["active"]
    assert checked == []
