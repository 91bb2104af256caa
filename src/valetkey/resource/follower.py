"""Follows the change log: one task, beside an API, that knows at each moment how old its knowledge
may be.

The first answer of each connection carries a number that was drawn for it, so it was made after
the question. The server's clock, which is only compared with itself, says how much later each
following piece was made. So whatever holds a piece up on the way makes it old, never fresh.
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
from valetkey.resource.log_state import Known
from valetkey.wire import change_log
from valetkey.wire.catalog import Catalog
from valetkey.wire.change_log import BEAT, BadPiece, Piece, Place

PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds until the next try, after none, one, two … in a row that were in vain."""

MISCONFIGURED: Final = 5.0
"""Seconds until the next try, where the server does not take the credentials."""

LATE: Final = 8 * BEAT
"""Seconds by which a piece of a stream may be late."""

TOO_OFTEN: Final = 8
"""Pieces in a row that are later: then something holds the stream up, and asking is better. A
machine that is merely busy would only get busier by it."""

POLLING: Final = 60.0
"""Seconds for which it asks, before it tries a stream again."""

log = logging.getLogger("valetkey.resource")


class Follower:
    """One API's knowledge of the change log. `age` says how old it is, at the most."""

    def __init__(self, *, issuer: Issuer, http: Http, auth: httpx2.Auth, catalog: Catalog) -> None:
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._known: Known | None = None
        self._as_of = float("-inf")
        self._poll_until = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Follows from now on, in the running event loop. Nothing to do where it does already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="valetkey change log")

    async def stop(self) -> None:
        """Follows no longer."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    @property
    def age(self) -> float:
        """Seconds ago, at the most, up to which everything is known."""
        return time.monotonic() - self._as_of

    @property
    def known(self) -> Known | None:
        """All that is known, None where nothing is yet."""
        return self._known

    def known_within(self, bound: float) -> Known | None:
        """The same, None where it may be older than so many seconds."""
        return self._known if time.monotonic() - self._as_of <= bound else None

    async def _run(self) -> None:
        in_vain = 0
        while True:
            began = time.monotonic()
            try:
                await self._listen()
                in_vain = 0
            except BadPiece as wrong:
                # Not the log that it was: read it anew, from the oldest entry that is kept.
                log.warning("the change log is read anew: %s", wrong)
                self._known = None
                in_vain += 1
            except Misconfigured:
                # The log has it already, and nothing heals it but an operator.
                await asyncio.sleep(MISCONFIGURED)
            except Unreachable as trouble:
                log.warning("the change log is out of reach: %s", trouble)
                in_vain = 1 if time.monotonic() - began > POLLING else in_vain + 1
            await asyncio.sleep(_pause(in_vain))

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
            log.warning("asking instead of listening: %s", trouble)
            self._poll_until = time.monotonic() + POLLING

    async def _stream(self, address: str, reading: "Reading") -> None:
        asked, late = time.monotonic(), 0
        events = self._http.events(address, reading.question(), self._auth)
        async with aclosing(events):
            async for text in events:
                await self._heard(text, reading, asked)
                late = late + 1 if reading.is_whole and self.age > LATE else 0
                if late == TOO_OFTEN:
                    raise NoStream("what comes is late")

    async def _poll(self, address: str, reading: "Reading") -> None:
        while time.monotonic() < self._poll_until:
            asked = time.monotonic()
            question = reading.question()
            if reading.is_whole:
                question["wait"] = str(BEAT)
            answer = await self._http.ask(address, question, self._auth)
            await self._heard(answer.decode("latin-1"), reading, asked)

    async def _heard(self, text: str, reading: "Reading", asked: float) -> None:
        keys = await self._issuer.keys(text)
        piece = change_log.read(
            text, keys=keys, issuer=self._issuer.issuer, audience=self._catalog.resource
        )
        if reading.take(piece, asked):
            self._issuer.forget_keys()
        for entry in piece.entries:
            if entry.kind == "key":
                self._issuer.revoke_key(entry.subject)
        if reading.is_whole:
            self._known = reading.known
            self._as_of = max(self._as_of, reading.as_of)


class Reading:
    """One connection's reading of the log, from where the last one ended, or from its beginning."""

    def __init__(self, known: Known | None, catalog: Catalog) -> None:
        self.known = known
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
        after = {} if self.known is None else {"after": str(self.known.place.seq)}
        return {"nonce": self._nonce, **after}

    def take(self, piece: Piece, asked: float) -> bool:
        """Takes a piece in, of a connection that was asked for at `asked` (of the monotonic clock);
        whether everything ended in it. Raises BadPiece."""
        if self._nonce:
            self._begin(piece, asked)
        elif piece.nonce or piece.node != self._node or piece.at < self._at:
            raise BadPiece("it is from another time or place")
        if self.known is None:
            raise BadPiece("it comes before the beginning")
        # It was made this much after one that was made after the question.
        as_of = max(self._asked + (piece.at - self._first) / 1000, asked)
        if as_of > time.monotonic() + BEAT:
            raise BadPiece("it is from the future")
        ended = self.known.read(piece)
        self._at, self.as_of = piece.at, as_of
        self.is_whole = piece.is_whole
        return ended

    def _begin(self, piece: Piece, asked: float) -> None:
        """The answer to the question that was asked last."""
        if piece.nonce != self._nonce:
            raise BadPiece("it answers another question")
        self._nonce = ""
        if piece.node != self._node:
            self._node, self._first, self._asked, self._at = piece.node, piece.at, asked, piece.at
        if self.known is None or piece.after != self.known.place.seq:
            if self.known is not None:
                log.warning("the change log goes on elsewhere, and is read anew")
            self.known = Known(Place(piece.after, piece.link), self._catalog)
            self.is_whole = False


def _pause(in_vain: int) -> float:
    longest = PAUSES[min(in_vain, len(PAUSES) - 1)]
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come at once
