"""One server for each file of attacks; a file that needs another one makes its own."""

from collections.abc import Iterator

import pytest
from tests.live import Live, live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A furnished server on which nobody is slowed down."""
    with live(tmp_path_factory.mktemp("live"), unthrottled=("127.0.0.0/8",)) as server:
        yield server
