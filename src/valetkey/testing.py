"""The plugin for pytest: keys for the tests of an API, issued without any server.

    def test_posting(keys_for):
        key = keys_for(server).issue("chirps.write")
        answer = client.post("/chirps", headers=key.headers("POST", "/chirps"))

pytest finds it where valetkey is installed. It changes nothing for tests that do not use it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from valetkey.resource import ResourceServer
    from valetkey.resource.testing import Keys


@pytest.fixture
def keys_for() -> Iterator["Callable[[ResourceServer], Keys]"]:
    """Makes keys for an API, within one test. Call it before the application starts."""
    # Imported late: tests that do not use it should not wait for it.
    from valetkey.resource.testing import issuing  # noqa: PLC0415

    with ExitStack() as stack:
        yield lambda server: stack.enter_context(issuing(server))
