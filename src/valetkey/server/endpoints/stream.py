"""Streams: resource servers follow the change log as it grows.

One task polls the log while anyone listens. Each piece is signed once for all followers of a
resource server that are at the same position. The server stores nothing for a follower but its
position: a slow one gets later pieces from the log, or is disconnected.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from os import urandom
from typing import Final

from valetkey.server.http.front import MethodHandler, refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, StreamReply
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call, Follower, LogPosition, LogRead, Stream
from valetkey.server.store.keyring import run_signing
from valetkey.server.store.port import Unavailable, milliseconds
from valetkey.spec.errors import OAuthError
from valetkey.wire import change_log
from valetkey.wire.change_log import BEAT, MOST, Piece
from valetkey.wire.form import Form

TICK: Final = 0.05
"""Seconds between two looks at the log."""

MAX_SECONDS: Final = 60.0
"""Seconds after which a follower has to reconnect, and authenticate again."""

EVENTS: Final = "text/event-stream"

STREAM: Final[Headers] = (
    (b"content-type", EVENTS.encode()),
    (b"cache-control", b"no-store, no-transform"),
    # nginx would buffer events otherwise.
    (b"x-accel-buffering", b"no"),
    *SAFE,
)
POLL: Final[Headers] = ((b"content-type", f"application/{change_log.TYPE}".encode()), *SAFE)


def stream(endpoint: Stream, shell: Shell) -> MethodHandler:
    """The endpoint as a handler."""
    updates = LogUpdates(endpoint, shell)

    async def handle(request: Request) -> Reply | StreamReply:
        try:
            query = dict(request.parameters())
            if last := request.header(b"last-event-id"):
                query["after"] = last
            position = endpoint.position(Form(query))
            call = Call(form=Form({}), authorization=request.header(b"authorization"))
            follower = await shell.ask(lambda context: endpoint.rule(call, context))
            if EVENTS in request.joined(b"accept"):
                first = await updates.read_piece(follower, position)
                return StreamReply(STREAM, updates.events(follower, first))
            text, _ = await updates.poll(follower, position)
        except OAuthError as refused:
            return refuse_json(request, refused)
        return Reply(200, (*POLL, *NO_STORE), text.encode())

    return MethodHandler(frozenset({"GET"}), handle, updates.stop, whole=False)


SignedPiece = tuple[str, Piece]
"""A piece of the log: signed, and as an object."""


class StreamEnded(Exception):
    """The resource server, or the position in the log, no longer exists."""


class LogUpdates:
    """Reads the log, and sends its new entries."""

    def __init__(self, endpoint: Stream, shell: Shell) -> None:
        self._endpoint = endpoint
        self._shell = shell
        self._node = urandom(6).hex()
        self._began = milliseconds() - time.monotonic_ns() // 1_000_000
        self._listeners = 0
        self._polling: asyncio.Task[None] | None = None
        self._at = 0
        self._head = 0
        self._turn = asyncio.Event()
        self._collector = shell.collector
        self._pieces: dict[tuple[str, int], asyncio.Task[SignedPiece]] = {}
        self._stopping = False

    def stop(self) -> None:
        """Ends all streams and polls."""
        self._stopping = True
        self._turn.set()

    async def read_piece(self, follower: Follower, position: LogPosition) -> SignedPiece:
        """A piece for this request alone, from its position; from the oldest entry on if the log
        does not have that position."""
        at = self._now()
        context = await self._shell.context()
        after = position.after or 0
        log = await self._shell.store.log(after, limit=MOST)
        if position.after is None or log.link is None or after > log.head:
            after = log.first - 1
            log = await self._shell.store.log(after, limit=MOST)
        read = LogRead(at=at, node=self._node, after=after, nonce=position.nonce)
        return await _signed(self._endpoint.write(follower, log, read, context=context), context)

    async def poll(self, follower: Follower, position: LogPosition) -> SignedPiece:
        """The next piece as soon as it has entries; an empty one if none come in time."""
        piece = await self.read_piece(follower, position)
        if piece[1].entries or piece[1].after != position.after:
            return piece
        with self._listener():
            deadline = time.monotonic() + position.wait
            while self._head <= piece[1].head and not self._stopping:
                seconds = deadline - time.monotonic()
                if seconds <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._turn.wait()
        return await self.read_piece(follower, position) if position.wait else piece

    async def events(self, follower: Follower, first: SignedPiece) -> AsyncGenerator[bytes, None]:
        """The first piece, those after it, and heartbeats."""
        text, piece = first
        yield _event(text, piece)
        # What was read before the first piece is already in it.
        until, last_at = time.monotonic() + MAX_SECONDS, piece.at
        with self._listener(), contextlib.suppress(StreamEnded):
            while not self._stopping and time.monotonic() < until:
                if self._at <= last_at:
                    await self._turn.wait()
                    continue
                last_at = self._at
                with contextlib.suppress(Unavailable):
                    while True:
                        text, piece = await self._shared(follower, piece.to)
                        self._count_delay(follower, piece)
                        yield _event(text, piece)
                        if piece.is_whole:
                            break

    @contextlib.contextmanager
    def _listener(self) -> Iterator[None]:
        self._listeners += 1
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll_log())
        try:
            yield
        finally:
            self._listeners -= 1

    async def _poll_log(self) -> None:
        while self._listeners and not self._stopping:
            at = self._now()
            with contextlib.suppress(Unavailable):
                head = (await self._shell.store.log(self._head, limit=0)).head
                if head != self._head or at >= self._at + 1000 * BEAT:
                    self._publish(at, head)
            await asyncio.sleep(TICK)

    def _publish(self, at: int, head: int) -> None:
        self._at, self._head = at, head
        self._pieces = {}
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _shared(self, follower: Follower, after: int) -> SignedPiece:
        """The piece for every follower at this position, signed once. Raises StreamEnded,
        Unavailable."""
        key = (follower.resource, after)
        if key not in self._pieces:
            self._pieces[key] = asyncio.create_task(self._write(follower, after, self._at))
        return await asyncio.shield(self._pieces[key])

    async def _write(self, follower: Follower, after: int, at: int) -> SignedPiece:
        context = await self._shell.context()
        if follower.resource not in context.installation.offer.resources:
            raise StreamEnded
        log = await self._shell.store.log(after, limit=MOST)
        if log.head < after or (log.head > after and not log.entries):
            raise StreamEnded  # The log was restored or swept: the follower reconnects.
        read = LogRead(at=at, node=self._node, after=after)
        return await _signed(self._endpoint.write(follower, log, read, context=context), context)

    def _count_delay(self, follower: Follower, piece: Piece) -> None:
        """Count how long its oldest entry took to get here, rounded up to what an entry's time in
        whole seconds allows to say."""
        if piece.entries:
            self._collector.delay(self._now() - 1000 * piece.entries[0].at, follower.resource)

    def _now(self) -> int:
        # The machine's clock counts only at the start: setting it later changes no interval.
        return self._began + time.monotonic_ns() // 1_000_000


async def _signed(piece: Piece, context: Context) -> SignedPiece:
    ring = context.installation.keyring
    write = partial(change_log.write, piece, key=ring.signing[change_log.ALGORITHM])
    return await run_signing(ring, write), piece


def _event(text: str, piece: Piece) -> bytes:
    return f"id: {piece.to}\ndata: {text}\n\n".encode()
