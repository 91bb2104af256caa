"""A user of a platform that signs its users in, at a browser of their own."""

import itertools
import time
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.handoff import LOGIN, SECRETS
from tests.promises.client import client, expect
from tests.promises.ledger import Ledger, Violation
from tests.promises.visitor import Profile

SETTINGS: Final = {"sign_in.handoff.url": LOGIN}
"""Settings of nodes at which guests sign in."""


class Guest:
    """The browser, and the platform that answers for it."""

    def __init__(self, name: str, *, url: str, ledger: Ledger) -> None:
        self.browser = Profile(url)
        self.platform = client(url)
        self._name, self._ledger = name, ledger
        self._key = f"platform session of {name}"
        self._number = itertools.count()
        self._sid = ""

    def close(self) -> None:
        """Closes its connections."""
        self.browser.http.close()
        self.platform.close()

    def possible(self) -> dict[str, int]:
        """What can be asked now, and how often it is."""
        is_open = self._ledger.states(self._key) == {"open"}
        return {"platform_sign_in": 0 if is_open else 1, "platform_end": 1 if is_open else 0}

    def sign_in(self) -> None:
        """Goes by the platform. Its answer is the same when it is given again, until it is used."""
        away = self.browser.open("/sign-in/with/platform?next=/apps").headers["location"]
        (handle,) = parse_qs(urlsplit(away).query)["interaction"]
        sid = f"{self._name} {next(self._number)}"
        form = {
            "interaction": handle,
            "subject": self._name,
            "auth_time": str(int(time.time())),
            "sid": sid,
        }
        with self._ledger.asking(f"interaction {handle}", "platform_answer", after="answered"):
            back = str(self._call("/interaction/accept", form)["redirect_to"])
        if self._call("/interaction/accept", form)["redirect_to"] != back:
            raise Violation(f"{self._key}: the same answer led elsewhere")
        with self._ledger.asking(self._key, "platform_sign_in", after="open"):
            expect(self.browser.http.get(back), 303)
        self._sid = sid

    def end(self) -> None:
        """Signs out at the platform."""
        with self._ledger.asking(self._key, "platform_end", after=None):
            ended = self._call("/sessions/end", {"sid": self._sid})["ended"]
        if ended != 1:
            raise Violation(f"{self._key}: it was open, and {ended} ended")

    def check(self) -> None:
        """Compares what the browser sees with the ledger. Raises Violation."""
        page = self.browser.open("/apps")
        shown = "open" if page.request.url.path == "/apps" else None
        self._ledger.seen(self._key, frozenset({shown}), f"its browser is {shown}")

    def _call(self, path: str, form: dict[str, str]) -> dict[str, str | int]:
        reply = self.platform.post(path, data=form, auth=("platform", SECRETS["platform"]))
        found: dict[str, str | int] = expect(reply, 200).json()
        return found
