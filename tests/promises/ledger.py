"""The ledger: what was about to be asked, and what came of it.

A line is written before the request goes out and concluded after the reply. A key is one thing
whose fate is followed, such as a grant or a device. The lines tell in which states it may be: in
one after an acknowledged change or a refusal, in two after a reply that never came.
"""

import json
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

import httpx2
import msgspec

Outcome: TypeAlias = Literal["asked", "ok", "refused", "unknown"]


class Violation(AssertionError):
    """A promise was broken."""


class Refused(Exception):
    """The server said no, by a registered error; nothing has changed."""


class Unavailable(Exception):
    """The server said 503: it may have happened or not."""


UNANSWERED: Final = (httpx2.TransportError, Unavailable)
"""Neither yes nor no."""


class Line(msgspec.Struct):
    """What was asked of a key, and where it stood before and would stand after."""

    key: str
    what: str
    before: frozenset[Hashable]
    after: Hashable
    outcome: Outcome = "asked"

    @property
    def states(self) -> frozenset[Hashable]:
        """The states that the key may be in now."""
        match self.outcome:
            case "ok":
                return frozenset({self.after})
            case "refused":
                return self.before
            case "asked" | "unknown":
                return self.before | {self.after}


class Ledger:
    """All lines, in memory and in a file that tells the story of a failure. `heard` is told of each
    change in the moment in which its acknowledgement is here."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()
        self._last: dict[str, Line] = {}
        self.acknowledged = 0
        self.heard: Callable[[str], None] = lambda what: None

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def states(self, key: str) -> frozenset[Hashable]:
        """The states that a key may be in; None where it was never asked about."""
        line = self._last.get(key)
        return frozenset({None}) if line is None else line.states

    @contextmanager
    def asking(self, key: str, what: str, *, after: Hashable) -> Iterator[None]:
        """Around one request: the intent before it, the outcome after it. A request that was
        answered by neither yes nor no leaves its key in two states, and goes on to the caller."""
        line = Line(key, what, self.states(key), after)
        self._write(line)
        try:
            yield
            line.outcome = "ok"
            self.heard(what)
        except Refused:
            line.outcome = "refused"
            raise
        except UNANSWERED:
            line.outcome = "unknown"
            raise
        finally:
            self._write(line)

    def seen(self, key: str, states: frozenset[Hashable], why: str) -> None:
        """A look at a key after a restart: of the states that it may be in, it is in one of these.
        Raises Violation where that leaves none."""
        may = self.states(key)
        if not may & states:
            raise Violation(f"{key}: {why}, but the ledger leaves only {sorted(map(str, may))}")
        if len(may) > len(may & states) == 1:
            (state,) = may & states
            self._write(Line(key, "seen", may, state, "ok"))

    def _write(self, line: Line) -> None:
        with self._lock:
            self._last[line.key] = line
            self.acknowledged += line.outcome == "ok" and line.what != "seen"
            told = [line.key, line.what, line.outcome, str(line.after)]
            self._file.write(json.dumps(told) + "\n")
