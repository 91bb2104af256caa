"""Which client secrets are in use, so that an administrator knows when an old one can go.

A request only notes it in memory; once in a while the server writes what is new of the day. So the
day is known, and nothing waits for it. Each row expires by itself.
"""

from typing import Final

from valetkey.server.model.client import StoredSecret
from valetkey.server.model.counters import Throttle
from valetkey.server.oauth.admin.client_secrets import DAY, use_of

SECONDS: Final = 5.0
"""Between two looks for new uses."""


class RecentSecretUses:
    """The secrets that rules noted in `uses`, by client and digest, and which of them were written
    on this day."""

    def __init__(self) -> None:
        self.uses: dict[tuple[str, str], StoredSecret] = {}
        self._day = 0
        self._written: set[tuple[str, str]] = set()

    def take(self, now: int) -> list[Throttle]:
        """The rows to write, each once a day. Call `write_again` if that fails."""
        noted = list(self.uses.items())
        self.uses.clear()
        if now // DAY != self._day:
            self._day = now // DAY
            self._written.clear()
        new = {use: secret for use, secret in noted if use not in self._written}
        self._written.update(new)
        return [use_of(owner, secret.name, now) for (owner, _), secret in new.items()]

    def write_again(self) -> None:
        """Writes each secret again at its next use."""
        self._written.clear()
