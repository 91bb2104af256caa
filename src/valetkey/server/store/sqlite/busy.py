"""How a connection to SQLite waits for another process."""

import time
from typing import Final

from valetkey.server.store.port import PATIENCE

BUSY: Final = PATIENCE
"""Seconds for which a connection waits for another process."""

SOON: Final = 0.001
"""Seconds between two tries to get its turn. SQLite's own pauses grow to a tenth of a second, in
which another process that writes all the time takes every turn."""


class Patience:
    """Waits a little at a time and BUSY in all, where that is `wanted`."""

    def __init__(self) -> None:
        self.wanted = True
        self._until = 0.0

    def __call__(self, tries: int) -> bool:
        """Whether to try once more."""
        if not self.wanted:
            return False
        now = time.monotonic()
        if tries == 0:
            self._until = now + BUSY
        time.sleep(SOON)
        return now < self._until
