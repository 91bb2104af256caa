"""Users of any version of the server, who go on while nodes are replaced or get signals."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import msgspec
from tests.promises.actor import Actor
from tests.promises.game import patiently
from tests.promises.ledger import Ledger, Unavailable, Violation
from tests.promises.visitor import Profile


class Answers(msgspec.Struct):
    """How many answers came, by status."""

    counts: dict[int, int] = {}

    def note(self, reply: httpx2.Response) -> None:
        """Counts one. Raises Violation for a failure other than 503 with `Retry-After`."""
        status = reply.status_code
        self.counts[status] = self.counts.get(status, 0) + 1
        if status >= 500 and (status != 503 or "retry-after" not in reply.headers):
            reply.read()
            raise Violation(f"{reply.request.url.path} answered {status}: {reply.text[:200]}")


class Reader(Profile):
    """A browser whose user presses Allow again if the page comes again: each version has its own
    words, and a yes counts for the words that were read."""

    def send(self, button: str, *, boxes: set[str] | None = None, **fields: str) -> httpx2.Response:
        reply = super().send(button, boxes=boxes, **fields)
        if button == "allow" and reply.status_code == 200 and 'id="allow"' in reply.text:
            self.page = reply
            reply = super().send(button, boxes=set(self.form(button).boxes), **fields)
        return reply


class Resident(Actor):
    """A user of both versions: without a platform, which the first does not know."""

    def __init__(self, name: str, word: str, *, url: str, ledger: Ledger, answers: Answers) -> None:
        super().__init__(name, word, url=url, ledger=ledger, seed=0)
        self._browser.http.close()
        self._browser = self._visitor.browser = Reader(url)
        for http in (self._app.http, self._browser.http):
            http.event_hooks = {"response": [answers.note]}

    def possible(self) -> dict[str, int]:
        return {
            what: weight for what, weight in super().possible().items() if "platform" not in what
        }

    def live(self, over: threading.Event) -> None:
        """Asks for one thing after the other. A request without any answer is an error."""
        while not over.is_set():
            try:
                self.act("")
            except Unavailable:
                patiently(self.check)


class Town:
    """The users, each in a thread of their own."""

    def __init__(self, folder: Path, url: str, names: Sequence[str], word: str) -> None:
        self.ledger, self.answers = Ledger(folder / "ledger.jsonl"), Answers()
        self._residents = [
            Resident(one, word, url=url, ledger=self.ledger, answers=self.answers) for one in names
        ]

    @contextlib.contextmanager
    def living(self) -> Iterator[None]:
        """Lets everybody ask meanwhile, and compares everything with the ledger afterwards. Raises
        Violation."""
        over = threading.Event()
        with ThreadPoolExecutor(len(self._residents)) as pool:
            begun = [pool.submit(one.live, over) for one in self._residents]
            try:
                yield
            finally:
                over.set()
                for one in begun:
                    one.result()
        self.check()

    def go_on(self, count: int) -> None:
        """Waits for so many more acknowledgements."""
        wanted, until = self.ledger.acknowledged + count, time.monotonic() + 120
        while self.ledger.acknowledged < wanted:
            assert time.monotonic() < until, "nobody gets on"
            time.sleep(0.05)

    def check(self) -> None:
        """Compares what the server shows and does with the ledger. Raises Violation."""
        for one in self._residents:
            patiently(one.check)

    def finish(self) -> None:
        """Brings all that is over. Raises Violation."""
        for one in self._residents:
            patiently(one.finish)

    def close(self) -> None:
        """Closes all connections."""
        for one in self._residents:
            one.close()
        self.ledger.close()
