"""Follows the change log: one task beside an API, which knows how old its state may be.

The first answer of each connection carries the nonce of the request, so it was made after the
request. The server's clock, which is only compared with itself, says how much later each following
piece was made. A piece that is delayed on the way therefore counts as old, never as fresh.
"""

import asyncio
import logging
import random
import secrets
import time
from contextlib import aclosing
from typing import Final

import httpx2

from valetkey.resource.errors import Misconfigured, Unreachable
from valetkey.resource.http import Http, NoStream
from valetkey.resource.issuer import Issuer
from valetkey.resource.log_state import LogState
from valetkey.wire import change_log
from valetkey.wire.catalog import Catalog
from valetkey.wire.change_log import BEAT, BadPiece, Piece, Place

PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds until the next try, after zero, one, two … failures in a row."""

MISCONFIGURED: Final = 5.0
"""Seconds until the next try if the server refuses the credentials."""

LATE: Final = 8 * BEAT
"""Seconds by which a piece of a stream may be late."""

TOO_OFTEN: Final = 8
"""Late pieces in a row after which it polls: something holds the stream up. A lower number would
make a busy machine busier."""

POLLING: Final = 60.0
"""Seconds for which it polls before it tries a stream again."""

log = logging.getLogger("valetkey.resource")


class Follower:
    """Keeps the state of the change log for one API."""

    def __init__(self, *, issuer: Issuer, http: Http, auth: httpx2.Auth, catalog: Catalog) -> None:
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._known: LogState | None = None
        self._as_of = float("-inf")
        self._poll_until = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts to follow in the running event loop, unless it does already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="valetkey change log")

    async def stop(self) -> None:
        """Stops following."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    @property
    def age(self) -> float:
        """The largest possible age of the state, in seconds."""
        return time.monotonic() - self._as_of

    @property
    def state(self) -> LogState | None:
        """The state of the log; None until the first piece is read."""
        return self._known

    def state_within(self, max_age: float) -> LogState | None:
        """The same; None if it may be older than `max_age` seconds."""
        return self._known if time.monotonic() - self._as_of <= max_age else None

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._listen()
                failures = 0
            except BadPiece as wrong:
                # Not the same log: read it anew, from the oldest entry.
                log.warning("the change log is read anew: %s", wrong)
                self._known = None
                failures += 1
            except Misconfigured:
                # It is logged already, and only an operator can fix it.
                await asyncio.sleep(MISCONFIGURED)
            except Unreachable as trouble:
                log.warning("the change log is out of reach: %s", trouble)
                failures = 1 if time.monotonic() - began > POLLING else failures + 1
            await asyncio.sleep(_pause(failures))

    async def _listen(self) -> None:
        address = (await self._issuer.metadata()).change_log_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} has no change log")
        reading = Reading(self._known, self._catalog)
        if time.monotonic() < self._poll_until:
            await self._poll(address, reading)
            return
        try:
            await self._stream(address, reading)
        except NoStream as trouble:
            log.warning("polling instead of streaming: %s", trouble)
            self._poll_until = time.monotonic() + POLLING

    async def _stream(self, address: str, reading: "Reading") -> None:
        requested_at, late = time.monotonic(), 0
        events = self._http.events(address, reading.question(), self._auth)
        async with aclosing(events):
            async for text in events:
                await self._take(text, reading, requested_at)
                late = late + 1 if reading.is_whole and self.age > LATE else 0
                if late == TOO_OFTEN:
                    raise NoStream("what comes is late")

    async def _poll(self, address: str, reading: "Reading") -> None:
        while time.monotonic() < self._poll_until:
            requested_at = time.monotonic()
            question = reading.question()
            if reading.is_whole:
                question["wait"] = str(BEAT)
            answer = await self._http.ask(address, question, self._auth)
            await self._take(answer.decode("latin-1"), reading, requested_at)

    async def _take(self, text: str, reading: "Reading", requested_at: float) -> None:
        keys = await self._issuer.keys(text)
        piece = change_log.read(
            text, keys=keys, issuer=self._issuer.issuer, audience=self._catalog.resource
        )
        if reading.take(piece, requested_at):
            self._issuer.forget_keys()
        for entry in piece.entries:
            if entry.kind == "key":
                self._issuer.revoke_key(entry.subject)
        if reading.is_whole:
            self._known = reading.state
            self._as_of = max(self._as_of, reading.as_of)


class Reading:
    """Reads the log in one connection, from where the last one ended, or from its beginning."""

    def __init__(self, state: LogState | None, catalog: Catalog) -> None:
        self.state = state
        self.is_whole = False
        self.as_of = float("-inf")
        self._catalog = catalog
        self._nonce = ""
        self._node = ""
        self._asked = float("-inf")
        self._first = 0
        self._at = 0

    def question(self) -> dict[str, str]:
        """The parameters of the next request."""
        self._nonce = secrets.token_urlsafe(16)
        after = {} if self.state is None else {"after": str(self.state.place.seq)}
        return {"nonce": self._nonce, **after}

    def take(self, piece: Piece, requested_at: float) -> bool:
        """Reads a piece of a connection that was requested at `requested_at` (monotonic clock).
        Returns whether it ends every token of before. Raises BadPiece."""
        if self._nonce:
            self._begin(piece, requested_at)
        elif piece.nonce or piece.node != self._node or piece.at < self._at:
            raise BadPiece("it is of another node, or older than the last one")
        if self.state is None:
            raise BadPiece("it comes before the beginning")
        # It was made this much later than one that was made after the request.
        as_of = max(self._asked + (piece.at - self._first) / 1000, requested_at)
        if as_of > time.monotonic() + BEAT:
            raise BadPiece("it is from the future")
        ended = self.state.read(piece)
        self._at, self.as_of = piece.at, as_of
        self.is_whole = piece.is_whole
        return ended

    def _begin(self, piece: Piece, requested_at: float) -> None:
        """Checks the answer to the last request."""
        if piece.nonce != self._nonce:
            raise BadPiece("it answers another question")
        self._nonce = ""
        if piece.node != self._node:
            self._node, self._first, self._asked, self._at = (
                piece.node,
                piece.at,
                requested_at,
                piece.at,
            )
        if self.state is None or piece.after != self.state.place.seq:
            if self.state is not None:
                log.warning("the change log goes on elsewhere, and is read anew")
            self.state = LogState(Place(piece.after, piece.link), self._catalog)
            self.is_whole = False


def _pause(failures: int) -> float:
    longest = PAUSES[min(failures, len(PAUSES) - 1)]
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come at once
