"""How a connection to SQLite waits for another process."""

import time
from typing import Final

from valetkey.server.store.port import CALL_TIMEOUT

BUSY: Final = CALL_TIMEOUT
"""Seconds for which a connection waits for another process."""

SOON: Final = 0.001
"""Seconds between two attempts to get the lock. SQLite's own pauses grow to a tenth of a second; a
process that writes all the time would then always be faster."""


class BusyHandler:
    """Waits in short steps, BUSY seconds in total, if `enabled`."""

    def __init__(self) -> None:
        self.enabled = True
        self._until = 0.0

    def __call__(self, tries: int) -> bool:
        """Return whether to try again."""
        if not self.enabled:
            return False
        now = time.monotonic()
        if tries == 0:
            self._until = now + BUSY
        time.sleep(SOON)
        return now < self._until
